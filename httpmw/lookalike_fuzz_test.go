package httpmw_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/internal/urlpath"
	"github.com/m2mauth/m2mauth/scopes"
)

// lax answers with "the file admin/secret.txt" if any server that we know of
// could read the request so, and with "something else" if not.
var lax = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	paths := []string{r.URL.Path}
	// Some servers remove parameters before they decode.
	if decoded, err := url.PathUnescape(string(urlpath.AppendWithoutParameters(nil, r.URL.EscapedPath()))); err == nil {
		paths = append(paths, decoded)
	}
	for _, path := range paths {
		for reading := range laxReadings(path) {
			if reading == "/admin" || strings.HasPrefix(reading, "/admin/") || strings.HasPrefix(reading, "/api/v1/admin/") {
				io.WriteString(w, "the file admin/secret.txt")
				return
			}
		}
	}
	io.WriteString(w, "something else")
})

// laxReadings returns the paths that servers can read in a decoded path: every
// transformation in any order, any number of times, with three decodings in all.
func laxReadings(decoded string) map[string]bool {
	eachSegment := func(p string, f func(string) string) string {
		segments := strings.Split(p, "/")
		for i, s := range segments {
			segments[i] = f(s)
		}
		return strings.Join(segments, "/")
	}
	steps := []func(string) string{
		func(p string) string { return strings.ReplaceAll(p, `\`, "/") },
		func(p string) string {
			return eachSegment(p, func(s string) string { s, _, _ = strings.Cut(s, ";"); return s })
		},
		func(p string) string {
			return eachSegment(p, func(s string) string { return strings.TrimRight(s, ". ") })
		},
		func(p string) string { p, _, _ = strings.Cut(p, "?"); return p },
		func(p string) string { p, _, _ = strings.Cut(p, "#"); return p },
		func(p string) string { p, _, _ = strings.Cut(p, "\x00"); return p },
		func(p string) string { return path.Clean("/" + p) },
		func(p string) string { return strings.ToLower(p) },
	}
	seen := map[string]bool{}
	current := map[string]bool{decoded: true}
	for range 3 {
		next := map[string]bool{}
		for len(current) > 0 && len(seen) < 5000 {
			for p := range current {
				delete(current, p)
				if seen[p] {
					continue
				}
				seen[p] = true
				for _, step := range steps {
					current[step(p)] = true
				}
				if again, err := url.PathUnescape(p); err == nil {
					next[again] = true
				}
				break
			}
		}
		current = next
	}
	return seen
}

// FuzzLookalikes: however a server after the public route reads a path, it
// never resolves to one below the guarded route.
func FuzzLookalikes(f *testing.F) {
	for _, d := range doortest.Disguises() {
		_, target, _ := strings.Cut(d.Line, " ")
		f.Add(target)
	}
	_, guard := newGuard(f, nil)
	x := newMux(f, guard)
	x.Handle("/", scopes.Public(), lax)
	x.Handle("/public/", scopes.Public(), lax)
	x.Handle("/admin/", scopes.All("admin"), lax)
	x.Handle("/api/v1/admin/", scopes.All("admin"), lax)
	f.Add("/api;%2F/v1;a%3Fb/admin/keys")
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || len(target) > 60 {
			return
		}
		w := httptest.NewRecorder()
		x.ServeHTTP(w, &http.Request{Method: "GET", URL: u, Host: "example.com", Header: http.Header{}})
		if w.Code == 200 && strings.Contains(w.Body.String(), "secret") {
			t.Errorf("GET %s = 200, and a server could read it as a path below /admin/", target)
		}
	})
}
