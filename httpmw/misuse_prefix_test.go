package httpmw_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestPrefixes serves a Mux below a path in each usual way. The route
// decides the requirement, whatever path its handler sees.
func TestPrefixes(t *testing.T) {
	var operation string
	authority, v := m2mtest.Trust(t, &verifier.Config{
		Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { operation = d.Operation }},
	})
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
	routes := func() *httpmw.Mux {
		x := newMux(t, guard)
		x.Handle("GET /users", scopes.All("a"), path)
		x.Handle("/public/", scopes.Public(), path)
		return x
	}
	below := func(pattern string, h http.Handler) http.Handler {
		root := http.NewServeMux()
		root.Handle(pattern, h)
		return root
	}
	mounted := newMux(t, guard)
	mounted.Mount("/api/", routes())
	outer := newMux(t, guard)
	outer.Handle("/api/", scopes.Authenticated(), http.StripPrefix("/api", routes()))
	files := guard.Require(scopes.All("a"))

	type want struct {
		status    int
		body      string // with 200
		operation string // "" if nothing is decided
	}
	for _, tt := range []struct {
		name   string
		h      http.Handler
		target string
		with   want // the scope
		none   int  // the status without it
	}{
		{"StripPrefix around the Mux", below("/api/", http.StripPrefix("/api", routes())), "/api/users", want{200, "/users", "GET /users"}, 403},
		{"a public route of it", below("/api/", http.StripPrefix("/api", routes())), "/api/public/x", want{200, "/public/x", "GET /public/"}, 200},
		{"a path that leads out of it", below("/api/", http.StripPrefix("/api", routes())), "/api/public/%2e%2e/users", want{400, "", ""}, 400},
		{"a slash too many", below("/api/", http.StripPrefix("/api/", routes())), "/api/users", want{307, "", ""}, 307}, // to "/users"
		{"half a segment", http.StripPrefix("/ap", routes()), "/api/users", want{307, "", ""}, 307},
		{"no StripPrefix", below("/api/", routes()), "/api/users", want{404, "", ""}, 404},
		{"Mount", mounted, "/api/users", want{200, "/users", "GET /api/users"}, 403},
		{"Mount, a path that leads out of it", mounted, "/api/public/%2e%2e/users", want{400, "", ""}, 400},
		{"a Mux within a Mux, both apply", outer, "/api/users", want{200, "/users", "GET /users"}, 403},
		{"StripPrefix before the guard", below("/files/", http.StripPrefix("/files", files(path))), "/files/x", want{200, "/x", "GET /files/"}, 403},
		{"StripPrefix behind the guard", below("/files/", files(http.StripPrefix("/files", path))), "/files/x", want{200, "/x", "GET /files/"}, 403},
		{"without a router, before", http.StripPrefix("/files", files(path)), "/files/x", want{200, "/x", "GET /x"}, 403},
		{"without a router, behind", files(http.StripPrefix("/files", path)), "/files/x", want{200, "/x", "GET /files/x"}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			operation = ""
			w := get(authority, tt.h, tt.target, "a")
			if w.Code != tt.with.status || w.Code == 200 && w.Body.String() != tt.with.body || operation != tt.with.operation {
				t.Errorf("%d %q, operation %q; want %+v", w.Code, w.Body, operation, tt.with)
			}
			if w := get(authority, tt.h, tt.target, "b"); w.Code != tt.none {
				t.Errorf("without the scope: %d, want %d", w.Code, tt.none)
			}
		})
	}
}
