package httpmw_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestAllocations counts what the guard adds to the decision, for a token's
// first verification and for a remembered one: the request that carries the
// context and, without a pattern, the operation's name.
func TestAllocations(t *testing.T) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer authority.Close()
	noop := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	need := scopes.All("a")
	authorization := []string{"Bearer " + authority.Token(m2mtest.TokenSpec{Scopes: []string{"a"}})}

	for name, cacheSize := range map[string]int{"first sight": -1, "seen again": 0} {
		v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}, CacheSize: cacheSize})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		guard, err := httpmw.New(v, nil)
		if err != nil {
			t.Fatal(err)
		}
		mux := newMux(t, guard)
		mux.Handle("GET /x", need, noop)
		plain := http.NewServeMux()
		plain.Handle("GET /x", noop)

		request := verifier.Request{Authorization: authorization}
		if _, err := v.Authorize(t.Context(), request, need); err != nil {
			t.Fatal(err)
		}
		decision := testing.AllocsPerRun(100, func() { v.Authorize(t.Context(), request, need) })
		count := func(h http.Handler) float64 {
			r := httptest.NewRequest("GET", "/x", nil)
			r.Header["Authorization"] = authorization
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 {
				t.Fatalf("status %d", w.Code)
			}
			return testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) })
		}
		if n := count(guard.Require(need)(noop)) - count(noop) - decision; n != 2 {
			t.Errorf("%s: Require adds %v allocations to the decision, want 2", name, n)
		}
		if n := count(mux) - count(plain) - decision; n != 1 {
			t.Errorf("%s: Mux adds %v allocations to ServeMux and the decision, want 1", name, n)
		}
		if name == "seen again" && decision != 1 {
			t.Errorf("the decision takes %v allocations, want 1: the context", decision)
		}
	}
}

// TestMuxAllocations: Mux adds no allocation to ServeMux's own before the
// guard runs, whether or not another route is stricter.
func TestMuxAllocations(t *testing.T) {
	_, guard := newGuard(t, nil)
	noop := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	long := "/" + strings.Repeat("a/", 120)
	for _, tt := range []struct {
		name, method, host, target string
		patterns                   map[string]scopes.Requirement
	}{
		{"no stricter route", "GET", "example.com", "/a/b", map[string]scopes.Requirement{"/": scopes.Public()}},
		{"a plain path", "GET", "example.com", "/a/b", map[string]scopes.Requirement{"/": scopes.Public(), "/admin/": scopes.All("admin")}},
		{"upper case", "GET", "example.com", "/a/B", map[string]scopes.Requirement{"/": scopes.Public(), "/admin/": scopes.All("admin")}},
		{"encoded", "GET", "example.com", "/a%20b/c%2Fd;e", map[string]scopes.Requirement{"/": scopes.Public(), "/admin/{id}/x": scopes.All("admin")}},
		{"long", "GET", "example.com", long + "B", map[string]scopes.Requirement{"/": scopes.Public(), "/admin/": scopes.All("admin")}},
		{"a host", "GET", "example.com:80", "/a/B", map[string]scopes.Requirement{"/": scopes.Public(), "admin.example.com/": scopes.All("admin")}},
	} {
		x, plain := newMux(t, guard), http.NewServeMux()
		for pattern, need := range tt.patterns {
			x.Handle(pattern, need, noop)
			plain.Handle(pattern, guard.Require(need)(noop))
		}
		r := httptest.NewRequest(tt.method, tt.target, nil)
		r.Host = tt.host
		count := func(h http.Handler) float64 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 {
				t.Fatalf("%s: status %d, want 200", tt.name, w.Code)
			}
			return testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) })
		}
		if added := count(x) - count(plain); added != 0 {
			t.Errorf("%s: Mux adds %v allocations, want 0", tt.name, added)
		}
	}
}
