package gorilla_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/httpmw/gorilla"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// fixture holds an authority, a Middleware that accepts its tokens, and the
// operations that were called.
type fixture struct {
	*m2mtest.Authority
	m          *httpmw.Middleware
	operations []string
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{}
	a, v := m2mtest.Trust(t, &verifier.Config{
		Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { f.operations = append(f.operations, d.Operation) }},
	})
	m, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Authority, f.m = a, m
	return f
}

func (f *fixture) status(h http.Handler, method, target string, granted ...string) int {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Authorization", "Bearer "+f.Token(m2mtest.TokenSpec{Scopes: granted}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

// newRoutes installs a Guard on root.
func newRoutes(t testing.TB, m *httpmw.Middleware, root *mux.Router) *gorilla.Guard {
	t.Helper()
	g, err := gorilla.New(m, root)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func ok(http.ResponseWriter, *http.Request) {}

// orders is a router with a subrouter, all of it declared but "/forgotten".
func orders(t testing.TB, f *fixture) (*mux.Router, *gorilla.Guard) {
	root := mux.NewRouter()
	g := newRoutes(t, f.m, root)
	g.Route(root.HandleFunc("/orders/{id}", ok).Methods("GET"), scopes.All("read"))
	g.Route(root.HandleFunc("/orders/{id}", ok).Methods("PUT"), scopes.All("write"))
	g.Route(root.HandleFunc("/healthz", ok), scopes.Public())
	root.HandleFunc("/forgotten", ok)

	admin := root.PathPrefix("/admin")
	g.Route(admin, scopes.All("admin"))
	sub := admin.Subrouter()
	sub.HandleFunc("/users", ok)
	g.Route(sub.HandleFunc("/status", ok), scopes.Public())
	keys := sub.PathPrefix("/keys").Subrouter()
	keys.HandleFunc("/{id}", ok).Methods("GET")
	g.Route(keys.HandleFunc("/{id}", ok).Methods("DELETE"), scopes.All("root"))
	return root, g
}

func TestGuard(t *testing.T) {
	f := newFixture(t)
	root, _ := orders(t, f)
	for _, tt := range []struct {
		method, target, granted string
		want                    int
	}{
		{"GET", "/orders/1", "read", 200},
		{"GET", "/orders/1", "write", 403},
		{"PUT", "/orders/1", "write", 200},
		{"PUT", "/orders/1", "read", 403},
		{"GET", "/healthz", "", 200},
		{"GET", "/forgotten", "read write admin root", 403},
		{"GET", "/admin/users", "admin", 200}, // inherited
		{"GET", "/admin/users", "read", 403},
		{"GET", "/admin/status", "", 200}, // the most specific one replaces
		{"GET", "/admin/keys/1", "admin", 200},
		{"GET", "/admin/keys/1", "root", 403},
		{"DELETE", "/admin/keys/1", "root", 200},
		{"DELETE", "/admin/keys/1", "admin", 403},
		{"POST", "/orders/1", "read", 405},
		{"GET", "/nowhere", "read", 404},
	} {
		if got := f.status(root, tt.method, tt.target, tt.granted); got != tt.want {
			t.Errorf("%s %s with %q: %d, want %d", tt.method, tt.target, tt.granted, got, tt.want)
		}
	}
	if got := f.operations[0]; got != "GET /orders/{id}" {
		t.Errorf("the operation is %q", got)
	}
}

func TestOperations(t *testing.T) {
	_, g := orders(t, newFixture(t))
	var got []string
	for route, need := range g.Operations() {
		got = append(got, fmt.Sprint(route, " ", need))
	}
	want := []string{
		`GET /orders/{id} all("read")`,
		`PUT /orders/{id} all("write")`,
		`/healthz public`,
		`/forgotten nobody`,
		`/admin/users all("admin")`,
		`/admin/status public`,
		`GET /admin/keys/{id} all("admin")`,
		`DELETE /admin/keys/{id} all("root")`,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for range g.Operations() {
		break // the walk through the rest ends too
	}
}

// TestOperationOfANamelessRoute: a route without a template has its name as the
// operation, or the path of the request.
func TestOperationOfANamelessRoute(t *testing.T) {
	f := newFixture(t)
	root := mux.NewRouter()
	g := newRoutes(t, f.m, root)
	g.Route(root.Methods("GET").HandlerFunc(ok).Name("everything"), scopes.Authenticated())
	g.Route(root.Methods("PUT").HandlerFunc(ok), scopes.Authenticated())
	for method, want := range map[string]string{"GET": "GET everything", "PUT": "PUT /a%20b"} {
		f.operations = nil
		if code := f.status(root, method, "/a%20b"); code != 200 || len(f.operations) != 1 || f.operations[0] != want {
			t.Errorf("%s: %d, %q, want %q", method, code, f.operations, want)
		}
	}
}

func TestCheckCoverage(t *testing.T) {
	f := newFixture(t)
	need := scopes.All("a")
	for _, tt := range []struct {
		name  string
		build func(*gorilla.Guard, *mux.Router)
		want  []string
	}{
		{"complete", func(g *gorilla.Guard, root *mux.Router) {
			g.Route(root.HandleFunc("/a", ok), need)
			g.Route(root.PathPrefix("/b"), need).Subrouter().HandleFunc("/c", ok)
		}, nil},
		{"a route without a requirement", func(_ *gorilla.Guard, root *mux.Router) {
			root.HandleFunc("/a", ok).Methods("GET", "HEAD")
		}, []string{"GET,HEAD /a has no requirement"}},
		{"one in a subrouter", func(_ *gorilla.Guard, root *mux.Router) {
			root.PathPrefix("/b").Subrouter().HandleFunc("/c", ok)
		}, []string{"/b/c has no requirement"}},
		{"custom 404 and 405", func(g *gorilla.Guard, root *mux.Router) {
			root.NotFoundHandler = http.HandlerFunc(ok)
			sub := g.Route(root.PathPrefix("/b"), need).Subrouter()
			sub.MethodNotAllowedHandler = http.HandlerFunc(ok)
			sub.HandleFunc("/c", ok)
		}, []string{"the router has a NotFoundHandler", "the subrouter of /b/c has a MethodNotAllowedHandler"}},
		{"opaque mounts", func(g *gorilla.Guard, root *mux.Router) {
			inner := mux.NewRouter()
			inner.HandleFunc("/b/c", ok)
			g.Route(root.PathPrefix("/b").Handler(inner), need)
			g.Route(root.PathPrefix("/d").Handler(http.NewServeMux()), need)
		}, []string{"/b has a router for its handler", "/d has a router for its handler"}},
		{"a matcher after the subrouter", func(g *gorilla.Guard, root *mux.Router) {
			api := root.PathPrefix("/api")
			g.Route(api, need).Subrouter().HandleFunc("/c", ok)
			api.Methods("POST")
		}, []string{"POST /api has matchers that were added after its Subrouter"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := mux.NewRouter()
			g := newRoutes(t, f.m, root)
			tt.build(g, root)
			var got []string
			if err := g.CheckCoverage(); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %d lines", got, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], "gorilla: "+want) {
					t.Errorf("line %d is %q, want %q", i, got[i], want)
				}
			}
		})
	}
}

// TestLateRoute: a route that is added after the freeze is refused and reported,
// and a declaration after it panics.
func TestLateRoute(t *testing.T) {
	f := newFixture(t)
	root := mux.NewRouter()
	g := newRoutes(t, f.m, root)
	g.Route(root.HandleFunc("/a", ok), scopes.Public())
	if err := g.CheckCoverage(); err != nil {
		t.Fatal(err)
	}
	late := root.HandleFunc("/late", ok)
	if got := f.status(root, "GET", "/late", "a"); got != 403 {
		t.Errorf("the late route: %d, want 403", got)
	}
	if err := g.CheckCoverage(); err == nil || !strings.Contains(err.Error(), "/late was added after") {
		t.Errorf("CheckCoverage: %v", err)
	}
	defer func() {
		if msg := fmt.Sprint(recover()); !strings.Contains(msg, "already serves") {
			t.Errorf("a late declaration: %s", msg)
		}
	}()
	g.Route(late, scopes.Public())
}

// TestOpaqueMountIsGuarded: the guard does not see routes inside a mounted
// router; the requirement of the mount applies to all of them.
func TestOpaqueMountIsGuarded(t *testing.T) {
	f := newFixture(t)
	root, inner := mux.NewRouter(), mux.NewRouter()
	g := newRoutes(t, f.m, root)
	g.Route(inner.HandleFunc("/in/x", ok), scopes.Public())
	g.Route(root.PathPrefix("/in").Handler(inner), scopes.All("a"))
	for granted, want := range map[string]int{"a": 200, "b": 403} {
		if got := f.status(root, "GET", "/in/x", granted); got != want {
			t.Errorf("with %q: %d, want %d", granted, got, want)
		}
	}
	// What is behind it is no route of this router's, whatever was declared.
	for route, need := range g.Operations() {
		if route != "/in" || !need.Equal(scopes.All("a")) {
			t.Errorf("%s requires %v", route, need)
		}
	}
}

func TestMistakesPanic(t *testing.T) {
	f := newFixture(t)
	root := mux.NewRouter()
	g := newRoutes(t, f.m, root)
	route := g.Route(root.HandleFunc("/a", ok), scopes.All("a"))
	g.Route(route, scopes.All("a")) // again, and the same
	for _, tt := range []struct {
		name string
		call func()
		want string
	}{
		{"the zero Guard", func() { new(gorilla.Guard).Route(route, scopes.All("a")) }, "gorilla.New"},
		{"no route", func() { g.Route(nil, scopes.Public()) }, "route is nil"},
		{"no requirement", func() { g.Route(route, scopes.Requirement{}) }, "scopes.All"},
		{"another requirement", func() { g.Route(route, scopes.All("b")) }, `already requires all("a")`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if msg := fmt.Sprint(recover()); !strings.Contains(msg, tt.want) {
					t.Errorf("panic %q, want %q in it", msg, tt.want)
				}
			}()
			tt.call()
		})
	}
}
