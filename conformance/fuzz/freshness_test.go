package fuzz

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/jwks"
)

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// freshFor returns how long a key set with these values of Cache-Control is used.
func freshFor(t *testing.T, values ...string) time.Duration {
	fetch := jwks.FromURL("https://issuer.example/keys", transport(func(*http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusOK,
			Header:     http.Header{"Cache-Control": values},
			Body:       io.NopCloser(strings.NewReader(`{"keys":[]}`)),
		}, nil
	}), 1<<10)
	doc, err := fetch(context.Background(), "")
	if err != nil || doc.NotModified || string(doc.Body) != `{"keys":[]}` {
		t.Fatalf("%+v, %v", doc, err)
	}
	return doc.FreshFor
}

var plainMaxAge = regexp.MustCompile(`^[0-9]{1,9}$`)

// FuzzCacheControl checks that with any header the response is used, and its lifetime
// is within bounds. Order and lines of directives don't matter, and the shortest
// lifetime counts.
func FuzzCacheControl(f *testing.F) {
	for _, value := range []string{
		"max-age=300", "MAX-AGE=300", `max-age="300"`, "max-age = 300", "max-age=-1", "max-age=1e3", "max-age=99999999999999999999",
		"public, max-age=60, must-revalidate", "no-store", "no-cache=\"x, max-age=9\"", "max-age", "max-age=", ",,,", "max-age=1;s-maxage=2",
		"s-maxage=9", "xmax-age=5", "max-age=5x", "max-age=\u0665", "max-age=5,max-age=7", "\x00", strings.Repeat("max-age=5,", 200),
	} {
		f.Add(value, "max-age=60")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		const most = time.Duration(1<<31) * time.Second
		of := freshFor(t, a)
		if of < 0 || of > most {
			t.Errorf("%q: %v", a, of)
		}
		joined := freshFor(t, a+","+b)
		for _, same := range [][]string{{a, b}, {b, a}, {b + "," + a}, {"public," + a + ", ," + b}} {
			if got := freshFor(t, same...); got != joined {
				t.Errorf("%q: %v, but as %q %v", a+","+b, joined, same, got)
			}
		}
		if longest := freshFor(t, a, "max-age=99999999999"); joined > longest {
			t.Errorf("%q: %v, and joined with %q %v", a, longest, b, joined)
		}
		if shorter := freshFor(t, a, "max-age=0"); shorter != 0 {
			t.Errorf("%q with max-age=0: %v", a, shorter)
		}
		if plainMaxAge.MatchString(a) {
			seconds := must(time.ParseDuration(a + "s"))
			if got := freshFor(t, "max-age="+a); got != seconds {
				t.Errorf("max-age=%s: %v", a, got)
			}
		}
	})
}
