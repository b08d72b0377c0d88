package httpmw_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
)

// TestAllocations: what the guard adds to a call whose token was seen before.
// The context and the request that carries it are two; the operation's name,
// where no pattern gives it, is a third.
func TestAllocations(t *testing.T) {
	authority, guard := newGuard(t, nil)
	noop := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	need := scopes.All("a")
	mux := httpmw.NewMux(guard)
	mux.Handle("GET /x", need, noop)
	plain := http.NewServeMux()
	plain.Handle("GET /x", noop)

	count := func(h http.Handler) float64 {
		r := httptest.NewRequest("GET", "/x", nil)
		r.Header.Set("Authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{Scopes: []string{"a"}}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 {
			t.Fatalf("status %d", w.Code)
		}
		return testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) })
	}
	if n := count(guard.Require(need)(noop)) - count(noop); n != 3 {
		t.Errorf("Require adds %v allocations, want 3", n)
	}
	if n := count(mux) - count(plain); n != 2 {
		t.Errorf("Mux adds %v allocations to ServeMux, want 2", n)
	}
}
