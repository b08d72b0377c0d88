package httpmw_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

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

// TestRealm: it stands between quotes in a header.
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

func TestWriteError(t *testing.T) {
	guard, err := httpmw.New(new(verifier.Verifier), &httpmw.Options{Realm: "r"})
	if err != nil {
		t.Fatal(err)
	}
	own := refusalOf(verifier.NoCredentials)
	own.Realm, own.ResourceMetadata = "own", "https://own.example.com/m"
	refusal := refusalOf
	unavailable := refusal(verifier.Unavailable)
	unavailable.RetryAfter = 1500 * time.Millisecond
	insufficient := refusal(verifier.InsufficientScope)
	insufficient.Need = scopes.Any("b", "a")
	for _, tt := range []struct {
		name       string
		err        error
		status     int
		challenge  string
		retryAfter string
		code       string
	}{
		{"no credentials", refusal(verifier.NoCredentials), 401, `Bearer realm="r"`, "", "no_credentials"},
		{"invalid request", refusal(verifier.InvalidRequest), 400, `Bearer realm="r", error="invalid_request"`, "", "invalid_request"},
		{"invalid token", refusal(verifier.InvalidToken), 401, `Bearer realm="r", error="invalid_token"`, "", "invalid_token"},
		{"insufficient scope", insufficient, 403, `Bearer realm="r", error="insufficient_scope", scope="a b"`, "", "insufficient_scope"},
		{"no scope would do", refusal(verifier.InsufficientScope), 403, `Bearer realm="r", error="insufficient_scope"`, "", "insufficient_scope"},
		{"unavailable", unavailable, 503, "", "2", "unavailable"},
		{"wrapped", fmt.Errorf("x: %w", refusal(verifier.InvalidToken)), 401, `Bearer realm="r", error="invalid_token"`, "", "invalid_token"},
		{"a realm of its own", own, 401, `Bearer realm="own", resource_metadata="https://own.example.com/m"`, "", "no_credentials"},
		{"any other error", errors.New("a cause"), 503, "", "", "unavailable"},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(tt.name+" "+method, func(t *testing.T) {
				w := httptest.NewRecorder()
				guard.WriteError(w, httptest.NewRequest(method, "/", nil), tt.err)
				h := w.Result().Header
				if w.Code != tt.status || h.Get("WWW-Authenticate") != tt.challenge || h.Get("Retry-After") != tt.retryAfter {
					t.Errorf("%d, %q, Retry-After %q", w.Code, h.Get("WWW-Authenticate"), h.Get("Retry-After"))
				}
				if h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/problem+json" || h.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("headers: %v", h)
				}
				body := w.Body.String()
				if strings.Contains(body, "cause") || strings.Contains(body, "a_reason") {
					t.Errorf("the caller is told the cause: %s", body)
				}
				if method == "HEAD" {
					if body != "" {
						t.Errorf("a body for HEAD: %s", body)
					}
					return
				}
				var problem struct {
					Title, Detail, Error string
					Status               int
				}
				if err := json.Unmarshal([]byte(body), &problem); err != nil {
					t.Fatal(err)
				}
				if problem.Status != tt.status || problem.Title != http.StatusText(tt.status) ||
					problem.Error != tt.code || problem.Detail == "" {
					t.Errorf("body: %s", body)
				}
			})
		}
	}
}

func refusalOf(code verifier.Code) *verifier.Error {
	return &verifier.Error{Code: code, Reason: "a_reason", Err: errors.New("a cause")}
}

// TestWriteErrorOfTheZeroMiddleware uses every default.
func TestWriteErrorOfTheZeroMiddleware(t *testing.T) {
	for name, m := range map[string]*httpmw.Middleware{"zero": {}, "nil": nil} {
		w := httptest.NewRecorder()
		m.WriteError(w, nil, &verifier.Error{Code: verifier.InvalidToken})
		if got := w.Header().Get("WWW-Authenticate"); w.Code != 401 || got != `Bearer realm="api", error="invalid_token"` || w.Body.Len() == 0 {
			t.Errorf("%s: WriteError = %d, %q, %s", name, w.Code, got, w.Body)
		}
	}
}

// TestErrorHandlerCallsWriteError: the handler may add to the default answer,
// which has the realm and the metadata of the guard.
func TestErrorHandlerCallsWriteError(t *testing.T) {
	var guard *httpmw.Middleware
	_, guard = newGuard(t, &httpmw.Options{
		Realm: "orders", Resource: "https://api.example.com",
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err *verifier.Error) {
			w.Header().Set("X-Refused", strings.Join(err.Challenges(), ""))
			guard.WriteError(w, r, err)
		},
	})
	w := httptest.NewRecorder()
	guard.Require(scopes.All("a"))(named("x")).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	const want = `Bearer realm="orders", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`
	if h := w.Header(); w.Code != 401 || h.Get("WWW-Authenticate") != want || h.Get("X-Refused") != want {
		t.Errorf("ErrorHandler = %d, %q, %q, want 401, %s twice", w.Code, h.Get("WWW-Authenticate"), h.Get("X-Refused"), want)
	}
}

func TestErrorHandler(t *testing.T) {
	var got *verifier.Error
	var of string
	authority, guard := newGuard(t, &httpmw.Options{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err *verifier.Error) {
		got, of = err, r.URL.Path
		w.WriteHeader(http.StatusTeapot)
	}})
	w := get(authority, guard.Require(scopes.All("a"))(named("x")), "/path", "b")
	if w.Code != http.StatusTeapot || got.Code != verifier.InsufficientScope || !got.Need.Equal(scopes.All("a")) || of != "/path" {
		t.Errorf("status %d, error %v of %q", w.Code, got, of)
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

// TestContextOfTheCall: what is around the guard put into the context is found
// inside, and the call's end ends it.
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

// TestPublicHidesAnOuterClient: behind Public nobody has been verified for
// this handler, whatever a middleware further out did.
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
