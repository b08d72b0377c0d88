package gorilla_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/m2mauth/m2mauth/httpmw/gorilla"
	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/scopes"
)

// TestDisguises requests a guarded file from a file server, by paths that
// the router matches to a public route.
func TestDisguises(t *testing.T) {
	f := newFixture(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "admin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "admin", "secret.txt"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := http.FileServer(http.Dir(dir))
	for name, root := range map[string]*mux.Router{
		"default": mux.NewRouter(), "UseEncodedPath": mux.NewRouter().UseEncodedPath(), "SkipClean": mux.NewRouter().SkipClean(true),
		"both": mux.NewRouter().SkipClean(true).UseEncodedPath(),
	} {
		g := newRoutes(t, f.m, root)
		g.Route(root.PathPrefix("/admin/").Handler(files), scopes.All("admin"))
		g.Route(root.PathPrefix("/").Handler(files), scopes.Public())
		lines := []string{"GET //admin/secret.txt", "GET /admin//secret.txt", "GET /./admin/secret.txt", "GET /%61dmin/secret.txt"}
		for _, d := range doortest.Disguises() {
			lines = append(lines, d.Line)
		}
		for _, line := range lines {
			method, target, _ := strings.Cut(line, " ")
			u, err := url.ParseRequestURI(target)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			root.ServeHTTP(w, &http.Request{Method: method, URL: u, Host: "example.com", Header: http.Header{}})
			if w.Code == 200 {
				t.Errorf("%s: %s = 200 %q, want a refusal", name, line, w.Body)
			}
		}
	}
}

// TestAmbiguous has a row for each rule that decides whether a path or a
// host is refused.
func TestAmbiguous(t *testing.T) {
	f := newFixture(t)
	encoded := func(r *mux.Router) { r.UseEncodedPath() }
	unclean := func(r *mux.Router) { r.SkipClean(true) }
	hosts := func(r *mux.Router) { r.Host("admin.example.com").Path("/x").HandlerFunc(ok) }
	for _, tt := range []struct {
		name   string
		set    func(*mux.Router)
		strong scopes.Requirement // of /admin; the rest is public
		line   string             // of the request, with an absolute target
		want   int
	}{
		{"encoded: an encoded slash", encoded, scopes.All("a"), "GET http://e/x%2Fy", 400},
		{"encoded: an encoded letter", encoded, scopes.All("a"), "GET http://e/%61dmin", 400},
		{"encoded: a space", encoded, scopes.All("a"), "GET http://e/a%20b", 200},
		{"encoded: case", encoded, scopes.All("a"), "GET http://e/ADMIN", 200},
		{"encoded: a parameter", encoded, scopes.All("a"), "GET http://e/x;y", 400},
		{"encoded: nothing is stricter", encoded, scopes.Public(), "GET http://e/x%2Fy", 200},
		{"unclean: two slashes", unclean, scopes.All("a"), "GET http://e//x", 400},
		{"unclean: encoded twice", unclean, scopes.All("a"), "GET http://e/x%252Fy", 400},
		{"unclean: an encoded letter", unclean, scopes.All("a"), "GET http://e/%78", 200},
		{"unclean: nothing is stricter", unclean, scopes.Public(), "GET http://e//x", 200},
		{"default: a parameter", func(*mux.Router) {}, scopes.All("a"), "GET http://e/x;y", 200},
		{"hosts: upper case", hosts, scopes.All("a"), "GET http://ADMIN.example.com/x", 400},
		{"hosts: a trailing dot", hosts, scopes.All("a"), "GET http://admin.example.com./x", 400},
		{"hosts: a trailing dot and a port", hosts, scopes.All("a"), "GET http://admin.example.com.:80/x", 400},
		{"hosts: a port", hosts, scopes.All("a"), "GET http://e:80/x", 200},
		{"hosts: IPv6", hosts, scopes.All("a"), "GET http://[::1]:80/x", 200},
		{"no hosts: upper case", func(*mux.Router) {}, scopes.All("a"), "GET http://ADMIN.example.com/x", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := mux.NewRouter()
			g := newRoutes(t, f.m, root)
			tt.set(root)
			g.Route(root.HandleFunc("/admin", ok), tt.strong)
			g.Route(root.PathPrefix("/").HandlerFunc(ok), scopes.Public())
			method, target, _ := strings.Cut(tt.line, " ")
			w := httptest.NewRecorder()
			root.ServeHTTP(w, httptest.NewRequest(method, target, nil))
			if w.Code != tt.want {
				t.Errorf("%s = %d, want %d", tt.line, w.Code, tt.want)
			}
		})
	}
}

// TestStaleMatch: the router can put one route into the context and run the
// handler of another. The guard authorizes the route whose handler runs.
func TestStaleMatch(t *testing.T) {
	f := newFixture(t)
	says := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) }
	}
	for _, tt := range []struct {
		name         string
		build        func(*gorilla.Guard, *mux.Router)
		method, path string
		want         int
	}{
		{"a method of the route around, given late", func(g *gorilla.Guard, root *mux.Router) {
			api := root.PathPrefix("/api")
			g.Route(api.Subrouter().HandleFunc("/x", says("api")), scopes.Public())
			api.Methods("POST")
			g.Route(root.NewRoute().HandlerFunc(says("admin")), scopes.All("admin"))
		}, "GET", "/api/x", 405},
		{"the same, and the method is right", func(g *gorilla.Guard, root *mux.Router) {
			api := root.PathPrefix("/api")
			g.Route(api.Subrouter().HandleFunc("/x", ok), scopes.Public())
			api.Methods("POST")
		}, "POST", "/api/x", 200},
		{"a route without a handler", func(g *gorilla.Guard, root *mux.Router) {
			api := root.PathPrefix("/api")
			g.Route(api.Subrouter().PathPrefix("/x"), scopes.Public())
			api.Methods("POST")
			g.Route(root.PathPrefix("/").HandlerFunc(says("admin")), scopes.All("admin"))
		}, "GET", "/api/x", 404},
		{"a header, given late, without a handler", func(g *gorilla.Guard, root *mux.Router) {
			api := root.PathPrefix("/api")
			g.Route(api.Subrouter().PathPrefix("/x"), scopes.Public())
			api.Headers("X-Api", "1")
			g.Route(root.PathPrefix("/").HandlerFunc(says("admin")), scopes.All("admin"))
		}, "GET", "/api/x", 404},
		{"a header, given late, and a method mismatch", func(g *gorilla.Guard, root *mux.Router) {
			api := root.PathPrefix("/api")
			g.Route(api.Subrouter().HandleFunc("/x", says("api")), scopes.Public())
			api.Headers("X-Api", "1")
			g.Route(root.PathPrefix("/api").Methods("PUT").HandlerFunc(ok), scopes.All("put"))
			g.Route(root.NewRoute().HandlerFunc(says("admin")), scopes.All("admin"))
		}, "GET", "/api/x", 401},
		{"a subrouter that is as it should be", func(g *gorilla.Guard, root *mux.Router) {
			api := root.PathPrefix("/api").Methods("GET", "PUT")
			g.Route(api.Subrouter().HandleFunc("/x", ok).Methods("GET"), scopes.Public())
			g.Route(root.NewRoute().HandlerFunc(says("admin")), scopes.All("admin"))
		}, "GET", "/api/x", 200},
		{"no handler at all", func(g *gorilla.Guard, root *mux.Router) {
			g.Route(root.PathPrefix("/api"), scopes.Public())
		}, "GET", "/api/x", 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := mux.NewRouter()
			g := newRoutes(t, f.m, root)
			tt.build(g, root)
			w := httptest.NewRecorder()
			root.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
			if w.Code != tt.want || strings.Contains(w.Body.String(), "admin") {
				t.Errorf("%s %s = %d %q, want %d", tt.method, tt.path, w.Code, w.Body, tt.want)
			}
		})
	}
}
