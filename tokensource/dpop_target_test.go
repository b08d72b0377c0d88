package tokensource_test

import (
	"net/http"
	"net/url"
	"testing"
)

// TestBoundTargets: the proof names the URL that net/http requests, however it was
// written: the guard, which reads the request line, accepts it.
func TestBoundTargets(t *testing.T) {
	b := newBound(t)
	base, err := url.Parse(b.service.URL)
	if err != nil {
		t.Fatal(err)
	}
	at := func(edit func(*url.URL)) *url.URL {
		u := *base
		edit(&u)
		return &u
	}
	path := func(path, raw string) *url.URL {
		return at(func(u *url.URL) { u.Path, u.RawPath = path, raw })
	}
	for _, tt := range []struct {
		name string
		url  *url.URL
	}{
		{"no path", path("", "")},
		{"a space", path("/a b", "")},
		{"not ASCII", path("/é/日", "")},
		{"reserved characters", path("/a;b=c,d:e@f&g=h+i$j!k'l(m)n*o", "")},
		{"characters that no URL has", path(`/a"b<c>d\e^f{g|h}i`, "")},
		{"brackets", path("/[a]", "")},
		{"a percent sign", path("/100%", "")},
		{"a question mark and a number sign in the path", path("/a?b#c", "")},
		{"two slashes", path("//a//b", "")},
		{"dot segments", path("/a/../b/./c", "")},
		{"an escaped slash", path("/a/b", "/a%2Fb")},
		{"an escaped slash in lower case", path("/a/b", "/a%2fb")},
		{"an escaped letter", path("/abc", "/%61bc")},
		{"a RawPath that is not that of Path", path("/abc", "/x")},
		{"a query", at(func(u *url.URL) { u.Path, u.RawQuery = "/a", "b=/c&d=%2F" })},
		{"an empty query", at(func(u *url.URL) { u.Path, u.ForceQuery = "/a", true })},
		{"a fragment", at(func(u *url.URL) { u.Path, u.Fragment = "/a", "b" })},
		{"a user", at(func(u *url.URL) { u.Path, u.User = "/a", url.UserPassword("u", "p") })},
		{"an opaque URL", at(func(u *url.URL) { u.Opaque = "//" + u.Host + "/a%2Fb/%7E" })},
		{"an opaque path", at(func(u *url.URL) { u.Opaque = "/a%2Fb" })},
		{"an opaque URL without a path", at(func(u *url.URL) { u.Opaque = "//" + u.Host })},
		{"a query beside an opaque URL", at(func(u *url.URL) { u.Opaque, u.RawQuery = "/a%2Fb", "c=d" })},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.service.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = tt.url
		res, err := b.client.Transport.RoundTrip(r)
		if err != nil {
			t.Errorf("GET of a URL with %s = %v, want nil", tt.name, err)
			continue
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("GET of a URL with %s = %d %v, want 200", tt.name, res.StatusCode, b.reasons[len(b.reasons)-1])
		}
	}
}
