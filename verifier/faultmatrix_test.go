package verifier_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
	"github.com/m2mauth/m2mauth/verifier"
)

// fault is a way in which an authority fails to serve its keys.
type fault struct {
	name   string
	answer roundTrip
	slow   bool // a call that waits for it waits as long as a call may
	again  int  // how many fetches the next caller makes: none if one is under way, or the authority wants none
}

func status(code int, header http.Header, body string) roundTrip {
	return func(*keyServer, *http.Request) (*http.Response, error) {
		return answerWith(code, header, strings.NewReader(body)), nil
	}
}

func breaks(err error) roundTrip {
	return func(*keyServer, *http.Request) (*http.Response, error) { return nil, err }
}

// edited serves the keys, but for what edit does to the document.
func edited(edit func(doc string) string) roundTrip {
	return func(s *keyServer, r *http.Request) (*http.Response, error) {
		doc, err := s.FetchJWKS(r.Context())
		return answerWith(200, nil, strings.NewReader(edit(string(doc)))), err
	}
}

// eachKey serves the keys, but for what edit does to each of them.
func eachKey(edit func(jwk map[string]any)) roundTrip {
	return edited(func(doc string) string {
		var set struct {
			Keys []map[string]any `json:"keys"`
		}
		if err := json.Unmarshal([]byte(doc), &set); err != nil {
			panic(err)
		}
		for _, jwk := range set.Keys {
			edit(jwk)
		}
		out, err := json.Marshal(set)
		if err != nil {
			panic(err)
		}
		return string(out)
	})
}

// withoutKey is a key set document without one key.
func withoutKey(doc, id string) string {
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal([]byte(doc), &set); err != nil {
		panic(err)
	}
	set.Keys = slices.DeleteFunc(set.Keys, func(jwk map[string]any) bool { return jwk["kid"] == id })
	out, err := json.Marshal(set)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func hangs(_ *keyServer, r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// slowBody is a body of one byte after each pause, until the request is
// cancelled.
type slowBody struct {
	r     *http.Request
	from  io.Reader
	pause time.Duration
}

func (b slowBody) Read(p []byte) (int, error) {
	select {
	case <-time.After(b.pause):
		return b.from.Read(p[:1])
	case <-b.r.Context().Done():
		return 0, b.r.Context().Err()
	}
}

func slowly(pause time.Duration) roundTrip {
	return func(s *keyServer, r *http.Request) (*http.Response, error) {
		doc, err := s.FetchJWKS(r.Context())
		return answerWith(200, nil, slowBody{r, bytes.NewReader(doc), pause}), err
	}
}

// spaces is an endless body: what a gzip bomb is once it is decompressed.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// faults are those rows of the matrix in which nothing good can be fetched.
func faults() []fault {
	var list []fault
	add := func(name string, answer roundTrip) { list = append(list, fault{name, answer, false, 1}) }
	slow := func(name string, answer roundTrip) { list = append(list, fault{name, answer, true, 0}) }
	to := func(code int, location string) roundTrip {
		return status(code, http.Header{"Location": {location}}, "")
	}

	slow("slow", after(4*time.Second, status(503, nil, "")))
	slow("trickling", slowly(100*time.Millisecond))
	slow("hung", hangs)
	slow("hung after the header", slowly(time.Hour))

	for _, code := range []int{500, 502, 503, 401, 403, 404, 204, 304} {
		add(fmt.Sprint(code), status(code, nil, `{"error":"x"}`))
	}
	list = append(list,
		fault{"429", status(429, nil, ""), false, 0},
		fault{"429 with Retry-After", status(429, http.Header{"Retry-After": {"3600"}}, ""), false, 0},
		fault{"503 with Retry-After", status(503, http.Header{"Retry-After": {"3600"}}, ""), false, 0})

	add("garbage", status(200, nil, "\x00\xff\x1f\x8b"))
	add("HTML with 200", status(200, http.Header{"Content-Type": {"text/html"}}, "<html><body>Sign in</body></html>"))
	add("nothing with 200", status(200, nil, ""))
	add("truncated", edited(func(doc string) string { return doc[:len(doc)-1] }))
	add("cut off", func(s *keyServer, r *http.Request) (*http.Response, error) {
		doc, err := s.FetchJWKS(r.Context())
		return answerWith(200, nil, io.MultiReader(bytes.NewReader(doc), brokenBody{})), err
	})
	add("duplicate keys", edited(func(doc string) string { return `{"keys":[],` + doc[1:] }))
	add("deep nesting", edited(func(doc string) string {
		return `{"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "," + doc[1:]
	}))

	add("empty set", status(200, nil, `{"keys":[]}`))
	add("only unusable keys", eachKey(func(jwk map[string]any) { jwk["use"] = "enc" }))
	add("only keys of other algorithms", eachKey(func(jwk map[string]any) { delete(jwk, "alg"); jwk["crv"] = "P-384" }))

	add("huge body", edited(func(doc string) string { return doc + strings.Repeat(" ", 256<<10) }))
	add("gzip bomb", func(*keyServer, *http.Request) (*http.Response, error) { return answerWith(200, nil, spaces{}), nil })
	add("10,000 keys", status(200, nil, `{"keys":[`+strings.Repeat("{},", 9999)+`{}]}`))

	add("redirect", to(302, "https://keys.example.com/elsewhere"))
	add("redirect loop", to(307, "https://keys.example.com/jwks.json"))
	add("https to http", to(301, "http://keys.example.com/jwks.json"))

	add("refused", breaks(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}))
	add("DNS failure", breaks(&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}))
	add("bad certificate", breaks(x509.UnknownAuthorityError{}))
	add("the transport panics", func(*keyServer, *http.Request) (*http.Response, error) { panic("no") })
	return list
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, syscall.ECONNRESET }

// TestFaultMatrix runs every fault of docs/key-refresh.md. Clients that were
// accepted before stay accepted, and no token is called invalid because keys
// can't be fetched.
func TestFaultMatrix(t *testing.T) {
	const unavailable = verifier.KeysUnavailable
	for _, f := range faults() {
		limit := func(d time.Duration) time.Duration {
			if f.slow {
				return d
			}
			return 0
		}
		t.Run(f.name+"/cold", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, f.answer)
				v := s.trust(t)
				synctest.Wait() // the first fetch is made by itself
				s.want(t, v, spec{}, outcome{unavailable, limit(2 * time.Second), f.again})

				keytest.Pass(time.Minute)
				for n := range 5 {
					want := outcome{unavailable, 0, f.again}
					if n >= 2 {
						want.fetches = 0 // the budget is spent
					}
					if !f.slow { // else the timer, too, has one under way
						s.want(t, v, spec{}, want)
					}
				}
				s.Now(healthy)
				if err := v.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.want(t, v, spec{}, outcome{})
			})
		})
		t.Run(f.name+"/warm, known kid", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				v := s.warm(t, func(c *verifier.Config) { c.Issuers[0].JWKS.MaxStale = time.Hour })
				confirmed := v.Status()[0].Confirmed
				s.Now(f.answer)
				s.want(t, v, spec{}, outcome{})
				for range 11 {
					keytest.Pass(5 * time.Minute)
					s.want(t, v, spec{}, outcome{})
				}
				st := v.Status()[0]
				if st.State != verifier.KeysStale || st.LastError == nil || st.Confirmed != confirmed || len(st.Keys) != 1 {
					t.Errorf("status %+v", st)
				}
				if err := v.Ready(t.Context()); err != nil {
					t.Errorf("not ready while it serves: %v", err)
				}

				// Not for ever: a removed key must not live through an outage.
				keytest.Pass(time.Until(confirmed.Add(time.Hour - 1)))
				s.want(t, v, spec{}, outcome{})
				keytest.Pass(1)
				if st := v.Status()[0]; st.State != verifier.KeysExpired || len(st.Keys) != 0 {
					t.Errorf("status %+v", st)
				}
				if _, err := s.call(t.Context(), v, s.Token(spec{})); err == nil || err.Reason != unavailable {
					t.Errorf("past MaxStale: %v", err)
				}
				s.Now(healthy)
				if err := v.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.want(t, v, spec{}, outcome{})
			})
		})
		t.Run(f.name+"/warm, unknown kid", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				v := s.warm(t)
				lastGood := v.Status()[0].Confirmed
				s.Now(f.answer)
				s.want(t, v, unknown(time.Now()), outcome{unavailable, limit(time.Second), 1})
				// The second waits for the same fetch, if that still runs.
				s.want(t, v, unknown(time.Now()), outcome{unavailable, limit(time.Second), f.again})
				if !f.slow {
					s.want(t, v, unknown(time.Now()), outcome{unavailable, 0, 0})
				}
				// What is older than the last good fetch is known to be unknown.
				old := unknown(lastGood.Add(-10*time.Minute - time.Second))
				s.want(t, v, old, outcome{reason: verifier.KeyUnknown})
				s.want(t, v, spec{}, outcome{})
			})
		})
	}
}
