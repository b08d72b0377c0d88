package httpmw_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestAllocations: what the guard adds to the decision, at the first sight of a
// token and when it is seen again: the request that carries the context, and,
// where no pattern gives it, the operation's name.
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
		mux := httpmw.NewMux(guard)
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
