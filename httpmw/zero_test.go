package httpmw_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
)

// TestZeroValues refuse each call as Unavailable, public ones included.
func TestZeroValues(t *testing.T) {
	var none *httpmw.Middleware
	for name, h := range map[string]http.Handler{
		"Middleware, all":    new(httpmw.Middleware).Require(scopes.All("a"))(unreached(t)),
		"Middleware, public": new(httpmw.Middleware).Require(scopes.Public())(unreached(t)),
		"nil, public":        none.Require(scopes.Public())(unreached(t)),
		"Mux":                new(httpmw.Mux),
		"nil Mux":            (*httpmw.Mux)(nil),
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 503 || w.Header().Get("WWW-Authenticate") != "" || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %v, want 503 without a challenge", name, w.Code, w.Header())
		}
	}
	if err := new(httpmw.Mux).CheckCoverage(); err != nil {
		t.Errorf("CheckCoverage of the zero Mux = %v, want nil: it has no routes", err)
	}
	for pattern := range new(httpmw.Mux).Operations() {
		t.Errorf("Operations of the zero Mux has %q, want nothing", pattern)
	}
}
