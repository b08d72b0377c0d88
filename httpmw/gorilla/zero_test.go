package gorilla_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/httpmw/gorilla"
	"github.com/m2mauth/m2mauth/scopes"
)

// TestNewRefuses: New reports every mistake at once.
func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		m    *httpmw.Middleware
		root *mux.Router
		want []string
	}{
		{"no middleware", nil, mux.NewRouter(), []string{"httpmw.New"}},
		{"no router", new(httpmw.Middleware), nil, []string{"mux.NewRouter"}},
		{"neither", nil, nil, []string{"httpmw.New", "mux.NewRouter"}},
	} {
		g, err := gorilla.New(tt.m, tt.root)
		if g != nil || err == nil {
			t.Fatalf("New(%s) = %v, %v, want an error", tt.name, g, err)
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("New(%s) = %v, want %q in it", tt.name, err, want)
			}
		}
	}
}

// TestZeroValues: the zero Guard reports that it guards nothing. A Guard of
// the zero Middleware refuses each call as Unavailable.
func TestZeroValues(t *testing.T) {
	zero := new(gorilla.Guard)
	if err := zero.CheckCoverage(); err == nil || !strings.Contains(err.Error(), "gorilla.New") {
		t.Errorf("CheckCoverage of the zero Guard = %v, want an error that names gorilla.New", err)
	}
	for route := range zero.Operations() {
		t.Errorf("Operations of the zero Guard has %q, want nothing", route)
	}
	root := mux.NewRouter()
	newRoutes(t, new(httpmw.Middleware), root).Route(root.HandleFunc("/a", ok), scopes.Public())
	w := httptest.NewRecorder()
	root.ServeHTTP(w, httptest.NewRequest("GET", "/a", nil))
	if w.Code != 503 {
		t.Errorf("a public route of the zero Middleware: %d, want 503", w.Code)
	}
}
