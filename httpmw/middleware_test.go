package httpmw_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// newGuard makes an authority and a Middleware that trusts it.
func newGuard(t testing.TB, opts *httpmw.Options) (*m2mtest.Authority, *httpmw.Middleware) {
	t.Helper()
	authority, v := m2mtest.Trust(t, nil)
	guard, err := httpmw.New(v, opts)
	if err != nil {
		t.Fatal(err)
	}
	return authority, guard
}

// newMux makes a Mux that guard guards.
func newMux(t testing.TB, guard *httpmw.Middleware) *httpmw.Mux {
	t.Helper()
	x, err := httpmw.NewMux(guard)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// get calls h with a token of the given scopes.
func get(authority *m2mtest.Authority, h http.Handler, target string, granted ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", target, nil)
	r.Header.Set("Authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{Scopes: granted}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// named answers with its name.
func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, name) })
}

func TestNewRefuses(t *testing.T) {
	m, err := httpmw.New(nil, &httpmw.Options{Realm: `a"b`, Resource: "api", Origin: "https://api.example.com/"})
	if m != nil || err == nil {
		t.Fatalf("New = %v, %v, want an error", m, err)
	}
	for _, want := range []string{"verifier.New", "Options.Realm is", "Options.Resource is", "Options.Origin is"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

// TestRealm: a realm must fit between the quotes of a header.
func TestRealm(t *testing.T) {
	v := new(verifier.Verifier) // not asked
	for realm, ok := range map[string]bool{
		"": true, "orders api": true, "~!#[]^": true,
		`a"b`: false, `a\b`: false, "a\tb": false, "a\r\nSet-Cookie: x": false, "a\x7f": false, "é": false, "\xff": false,
	} {
		if m, err := httpmw.New(v, &httpmw.Options{Realm: realm}); (err == nil) != ok || (m != nil) != ok {
			t.Errorf("%q: %v", realm, err)
		}
	}
}

func TestMistakesPanic(t *testing.T) {
	_, guard := newGuard(t, nil)
	x := newMux(t, guard)
	for _, tt := range []struct {
		name string
		call func()
		want string
	}{
		{"Require of nothing", func() { guard.Require(scopes.Requirement{}) }, "scopes.All"},
		{"Require around nil", func() { guard.Require(scopes.Public())(nil) }, "handler is nil"},
		{"Handle on the zero Mux", func() { new(httpmw.Mux).Handle("GET /a", scopes.Public(), named("")) }, "httpmw.NewMux"},
		{"Handle of nothing", func() { x.Handle("GET /a", scopes.Requirement{}, named("")) }, `"GET /a"`},
		{"Handle nil", func() { x.Handle("GET /a", scopes.Public(), nil) }, "handler is nil"},
		{"HandleFunc nil", func() { x.HandleFunc("GET /a", scopes.Public(), nil) }, "handler is nil"},
		{"Mount nil", func() { x.Mount("/a/", nil) }, "nil or itself"},
		{"Mount itself", func() { x.Mount("/a/", x) }, "nil or itself"},
		{"Mount without a slash", func() { x.Mount("/a", newMux(t, guard)) }, "ends with a slash"},
		{"Mount of a host", func() { x.Mount("example.com/", newMux(t, guard)) }, "begins and ends with a slash"},
		{"Mount with a wildcard", func() { x.Mount("/{tenant}/", newMux(t, guard)) }, "begins and ends with a slash"},
		{"Mount with a space", func() { x.Mount("/a b/", newMux(t, guard)) }, "begins and ends with a slash"},
		{"Mount with a method", func() { x.Mount("GET /a/", newMux(t, guard)) }, "begins and ends with a slash"},
		{"malformed pattern", func() { x.Handle("GET", scopes.Public(), named("")) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if msg := fmt.Sprint(recover()); msg == "<nil>" || !strings.Contains(msg, tt.want) {
					t.Errorf("panic %q, want %q in it", msg, tt.want)
				}
			}()
			tt.call()
		})
	}
	for pattern := range x.Operations() {
		t.Errorf("%q was registered by mistake", pattern)
	}
}

func TestNewMuxRefuses(t *testing.T) {
	if x, err := httpmw.NewMux(nil); x != nil || err == nil || !strings.Contains(err.Error(), "httpmw.New") {
		t.Errorf("NewMux(nil) = %v, %v, want an error that names httpmw.New", x, err)
	}
}

// TestRefusedHead: an answer to HEAD has no body.
func TestRefusedHead(t *testing.T) {
	_, guard := newGuard(t, nil)
	w := httptest.NewRecorder()
	guard.Require(scopes.Authenticated())(named("x")).ServeHTTP(w, httptest.NewRequest("HEAD", "/", nil))
	if w.Code != 401 || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("%d, %v, %s", w.Code, w.Header(), w.Body)
	}
}

// TestContextOfTheCall: the handler's context has the values of the
// request's, and ends with the request.
func TestContextOfTheCall(t *testing.T) {
	type key struct{}
	authority, guard := newGuard(t, nil)
	for _, need := range []scopes.Requirement{scopes.Authenticated(), scopes.Public()} {
		reached := false
		h := guard.Require(need)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			reached = true
			if r.Context().Value(key{}) != "outer" || r.Context().Err() == nil {
				t.Errorf("%v: value %v, error %v", need, r.Context().Value(key{}), r.Context().Err())
			}
		}))
		get(authority, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithCancel(context.WithValue(r.Context(), key{}, "outer"))
			cancel()
			h.ServeHTTP(w, r.WithContext(ctx))
		}), "/")
		if !reached {
			t.Errorf("%v: the handler was not reached", need)
		}
	}
}

func TestTwoMiddlewaresBothApply(t *testing.T) {
	authority, guard := newGuard(t, nil)
	h := guard.Require(scopes.All("a"))(guard.Require(scopes.All("b"))(named("x")))
	for granted, want := range map[string]int{"a b": 200, "a": 403, "b": 403} {
		if w := get(authority, h, "/", granted); w.Code != want {
			t.Errorf("with %q: %d, want %d", granted, w.Code, want)
		}
	}
}

// TestPublicHidesAnOuterClient: a handler under Public finds no client, even
// if an outer middleware verified one.
func TestPublicHidesAnOuterClient(t *testing.T) {
	authority, guard := newGuard(t, nil)
	seen := true
	h := guard.Require(scopes.Authenticated())(guard.Require(scopes.Public())(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, seen = verifier.ClientFromContext(r.Context())
		})))
	if w := get(authority, h, "/"); w.Code != 200 || seen {
		t.Errorf("status %d, client seen: %t", w.Code, seen)
	}
}

// TestGorillaSubrouters: Require is an ordinary middleware for gorilla/mux.
func TestGorillaSubrouters(t *testing.T) {
	authority, guard := newGuard(t, nil)
	root := mux.NewRouter()
	root.Handle("/open", named("open"))
	sub := root.PathPrefix("/admin").Subrouter()
	sub.Use(guard.Require(scopes.All("admin")))
	sub.Handle("/users", named("users"))
	nested := sub.PathPrefix("/keys").Subrouter()
	nested.Use(guard.Require(scopes.All("keys")))
	nested.Handle("/{id}", named("key"))
	for _, tt := range []struct {
		target, granted string
		want            int
	}{
		{"/open", "", 200},
		{"/admin/users", "admin", 200},
		{"/admin/users", "", 403},
		{"/admin/keys/1", "admin keys", 200},
		{"/admin/keys/1", "admin", 403},
		{"/admin/keys/1", "keys", 403},
	} {
		if w := get(authority, root, tt.target, tt.granted); w.Code != tt.want {
			t.Errorf("%s with %q: %d, want %d", tt.target, tt.granted, w.Code, tt.want)
		}
	}
}
