package gorilla_test

import (
	"testing"

	"github.com/gorilla/mux"
	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
)

// TestRawPaths requests guarded paths in every spelling from routers of each
// kind. The guard enforces the requirement of the route that gorilla finds.
func TestRawPaths(t *testing.T) {
	f := newFixture(t)
	token := "Authorization: Bearer " + f.Token(m2mtest.TokenSpec{Scopes: []string{"a"}})
	site := func(t *testing.T, root *mux.Router) *doortest.Site {
		s := doortest.NewSite()
		g := newRoutes(t, f.m, root)
		g.Route(root.PathPrefix("/public/").Handler(s.Handler("public")), scopes.Public())
		g.Route(root.Handle("/admin", s.Handler("admin")), scopes.All("admin"))
		g.Route(root.Handle("/get", s.Handler("get")).Methods("GET"), scopes.All("admin"))
		g.Route(root.Handle("/item/{id}", s.Handler("item")), scopes.All("admin"))
		g.Route(root.Host("intern.example.com").Path("/only").Handler(s.Handler("intern")), scopes.All("admin"))
		root.Handle("/forgotten", s.Handler("forgotten"))
		s.Serve(t, root)
		return s
	}
	routers := map[string]*doortest.Site{
		"":        site(t, mux.NewRouter()),
		"strict":  site(t, mux.NewRouter().StrictSlash(true)),
		"unclean": site(t, mux.NewRouter().SkipClean(true)),
		"encoded": site(t, mux.NewRouter().UseEncodedPath()),
	}
	for _, tt := range []struct {
		router, line string
		status       int // without a token
		reached      string
		with         int // with one that has another scope
	}{
		{"", "GET /public/x", 200, "public /public/x", 200},
		{"", "GET /admin", 401, "", 403},
		{"", "GET /forgotten", 401, "", 403},
		{"", "GET /%61dmin", 401, "", 403},
		{"", "GET /public/%2e%2e/admin", 301, "", 301},
		{"", "GET /public/..%2Fadmin", 301, "", 301},
		{"", "GET /public/../admin", 301, "", 301},
		{"", "CONNECT /public/../admin", 301, "", 301},
		{"", "GET /public//admin", 301, "", 301},
		{"", "GET //admin", 301, "", 301},
		{"", "GET /./admin", 301, "", 301},
		{"", "GET http://example.com/public/../admin", 301, "", 301},
		{"", "GET http://example.com/admin", 401, "", 403},
		{"", `GET /public/..%5cadmin`, 400, "", 400}, // gorilla's slashes lean one way, but those behind it?
		{"", "GET /public/..;/admin", 200, "public /public/..;/admin", 200},
		{"", "GET /admin/", 404, "", 404},
		{"", "GET /admin;x=1", 404, "", 404},
		{"", "GET /admin.", 404, "", 404},
		{"", "GET /admin%20", 404, "", 404},
		{"", "GET /admin%00", 404, "", 404},
		{"", "GET /ADMIN", 404, "", 404},
		{"", "GET /item/a%2fb", 404, "", 404},
		{"", "GET /item/x", 401, "", 403},
		{"", "CONNECT /admin", 401, "", 403},
		{"", "CONNECT example.com:443", 301, "", 301},
		{"", "get /admin", 401, "", 403},
		{"", "OPTIONS /admin", 401, "", 403},
		{"", "HEAD /admin", 401, "", 403},
		{"", "get /get", 405, "", 405},
		{"", "POST /get", 405, "", 405},
		{"", "OPTIONS /get", 405, "", 405},
		{"", "HEAD /get", 405, "", 405},
		{"", "GET /only", 404, "", 404},
		{"", "GET http://intern.example.com/only", 401, "", 403},
		{"", "GET http://INTERN.example.com/only", 404, "", 404},
		{"", "GET http://intern.example.com./only", 404, "", 404},
		{"", "GET  /admin", 400, "", 400},

		{"strict", "GET /admin/", 401, "", 403}, // before its redirect
		{"strict", "GET /item/x/", 401, "", 403},
		{"strict", "GET /public/../admin/", 301, "", 301},

		{"unclean", "GET /admin", 401, "", 403},
		{"unclean", "GET //admin", 404, "", 404},
		{"unclean", "GET /./admin", 404, "", 404},
		{"unclean", "GET /item//x", 404, "", 404},
		// A path that gorilla does not clean, it matches to the route whose prefix it
		// begins with.
		{"unclean", "GET /public/../admin", 400, "", 400},

		{"encoded", "GET /admin", 401, "", 403},
		{"encoded", "GET /%61dmin", 404, "", 404},
		{"encoded", "GET /item/a%2fb", 400, "", 400}, // /forgotten is stricter: nobody may
		{"encoded", "GET /public/../admin", 301, "", 301},
		{"encoded", "GET /public/%2e%2e/admin", 400, "", 400}, // as above
	} {
		t.Run(tt.router+" "+tt.line, func(t *testing.T) {
			ask := routers[tt.router].Ask
			status, reached := ask(t, doortest.Raw(tt.line+" HTTP/1.1", "Host: example.com"))
			if status != tt.status || reached != tt.reached {
				t.Errorf("%d, reached %q; want %d, %q", status, reached, tt.status, tt.reached)
			}
			status, reached = ask(t, doortest.Raw(tt.line+" HTTP/1.1", "Host: example.com", token))
			if status != tt.with || reached != tt.reached {
				t.Errorf("with a token: %d, reached %q; want %d, %q", status, reached, tt.with, tt.reached)
			}
		})
	}
}
