package httpmw_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

func TestMuxRoutes(t *testing.T) {
	authority, guard := newGuard(t, nil)
	keys := newMux(t, guard)
	keys.Handle("GET /{id}", scopes.All("keys:read"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.PathValue("id"))
	}))
	admin := newMux(t, guard)
	admin.Mount("/keys/", keys)
	admin.Handle("example.com/users", scopes.Any("admin", "root"), named("users"))
	x := newMux(t, guard)
	x.Handle("GET /{$}", scopes.Public(), named("home"))
	x.Handle("GET /orders/{id}", scopes.All("orders:read"), named("order"))
	x.Handle("GET /orders/special", scopes.All("special"), named("special"))
	x.Mount("/admin/", admin)

	var listed []string
	for pattern, need := range x.Operations() {
		listed = append(listed, pattern+" "+need.String())
	}
	want := []string{
		`GET /admin/keys/{id} all("keys:read")`,
		`GET /orders/special all("special")`,
		`GET /orders/{id} all("orders:read")`,
		`GET /{$} public`,
		`example.com/admin/users any("admin", "root")`,
	}
	if got := strings.Join(listed, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("Routes:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}

	for _, tt := range []struct {
		target, granted string
		status          int
		body            string
	}{
		{"/", "", 200, "home"},
		{"/orders/1", "orders:read", 200, "order"},
		{"/orders/1", "special", 403, ""},
		{"/orders/special", "special", 200, "special"}, // the most specific one replaces
		{"/orders/special", "orders:read", 403, ""},
		{"/admin/keys/7", "keys:read", 200, "7"},
		{"/admin/keys/7", "admin", 403, ""},
		{"/admin/users", "root", 200, "users"},
		{"/admin/nothing", "root admin keys:read", 404, ""}, // mounted, and in no pattern
	} {
		w := get(authority, x, "http://example.com"+tt.target, tt.granted)
		if w.Code != tt.status || tt.status == 200 && w.Body.String() != tt.body {
			t.Errorf("%s with %q: %d %q, want %d %q", tt.target, tt.granted, w.Code, w.Body, tt.status, tt.body)
		}
	}
}

// TestMuxOperation: if a pattern has matched, the operation that Check and
// Observe receive does not depend on the caller.
func TestMuxOperation(t *testing.T) {
	var told string
	authority, v := m2mtest.Trust(t, &verifier.Config{
		Check: func(_ context.Context, _ verifier.Client, r verifier.Request) error {
			told = r.Operation
			return nil
		},
	})
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := newMux(t, guard)
	x.Handle("GET /a/{id}", scopes.Authenticated(), named("a"))
	x.Handle("/b", scopes.Authenticated(), named("b"))
	for _, tt := range []struct {
		h            http.Handler
		target, want string
	}{
		{x, "/a/17", "GET /a/{id}"},
		{x, "/b", "GET /b"},
		{headOf(x), "/a/17", "GET /a/{id}"},
		{guard.Require(scopes.Authenticated())(named("c")), "/c%2Fd%0A", "GET /c%2Fd%0A"},
	} {
		if w := get(authority, tt.h, tt.target); w.Code != 200 || told != tt.want {
			t.Errorf("%s: status %d, operation %q, want %q", tt.target, w.Code, told, tt.want)
		}
	}
}

// headOf asks h with HEAD, which a pattern of GET answers.
func headOf(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Method = http.MethodHead
		h.ServeHTTP(w, r)
	})
}

// TestMountOfSeveralSegments: the handler sees the path without the prefix, as
// it was encoded, however the prefix was.
func TestMountOfSeveralSegments(t *testing.T) {
	_, guard := newGuard(t, nil)
	sub := newMux(t, guard)
	sub.HandleFunc("/{rest...}", scopes.Public(), func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.URL.EscapedPath())
	})
	inner := newMux(t, guard)
	inner.Mount("/c/", sub)
	x := newMux(t, guard)
	x.Mount("/a/b/", inner)
	for target, want := range map[string]string{
		"/a/b/c/": "/", "/a/b/c/x/y": "/x/y", "/a/b/c/x%2Fy": "/x%2Fy", "/%61/b/%63/x": "/x", "/a/b/c/a/b/c/": "/a/b/c/",
	} {
		w := httptest.NewRecorder()
		x.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code != 200 || w.Body.String() != want {
			t.Errorf("GET %s = %d %q, want 200 %q", target, w.Code, w.Body, want)
		}
	}
}
