package httpmw_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/scopes"
)

func TestMuxCheckCoverage(t *testing.T) {
	_, guard := newGuard(t, nil)
	admin, public := scopes.All("admin"), scopes.Public()
	type routes map[string]scopes.Requirement
	for _, tt := range []struct {
		name   string
		routes routes
		want   []string // a line each: the strong pattern, the request and the weak pattern
	}{
		{"no catch-all", routes{"GET /admin": admin, "GET /{$}": public}, nil},
		{"other methods", routes{"GET /admin/{$}": admin, "/": public},
			[]string{`"GET /admin/{$}" requires all("admin"), but POST other.invalid/admin/ is answered by "/"`}},
		{"other methods of the same path", routes{"GET /admin": admin, "/admin": public, "/admin/": admin},
			[]string{`"GET /admin" requires all("admin"), but POST other.invalid/admin is answered by "/admin"`}},
		{"paths below", routes{"/admin": admin, "/": public},
			[]string{`"/admin" requires all("admin"), but GET other.invalid/admin/ is answered by "/"`}},
		{"paths below are registered", routes{"/admin": admin, "/admin/": admin, "/": public}, nil},
		{"a catch-all as strict", routes{"GET /admin": admin, "/": scopes.All("admin", "root")}, nil},
		{"a catch-all that lets others in", routes{"GET /admin": admin, "/": scopes.Any("admin", "root")},
			[]string{`"GET /admin" requires all("admin"), but POST`}},
		{"a stronger one within a weaker", routes{"/files/": scopes.All("read"), "/files/secret/": admin}, nil},
		{"another host", routes{"example.com/admin/": admin, "/": public},
			[]string{`"example.com/admin/" requires all("admin"), but GET other.invalid/admin/ is answered by "/"`}},
		{"other methods at its own host", routes{"GET example.com/admin/": admin, "example.com/": public},
			[]string{`"GET example.com/admin/" requires all("admin"), but POST example.com/admin/ is answered by "example.com/"`}},
		{"several spaces behind the method", routes{"GET  /admin/": admin, "/": public},
			[]string{`"GET  /admin/" requires all("admin"), but POST other.invalid/admin/ is answered by "/"`}},
		{"an encoded pattern", routes{"GET /a%20b": admin, "/a%20b": admin, "/a%20b/": admin, "/": public}, nil},
		{"a wildcard", routes{"GET /users/{id}/keys": admin, "/users/": scopes.Authenticated()},
			[]string{`"GET /users/{id}/keys" requires all("admin"), but POST other.invalid/users/m2mauth-probe/keys is answered by "/users/"`}},
		{"two weak ones", routes{"GET /a/b": admin, "POST /a/": scopes.Authenticated(), "/": public}, []string{
			`"GET /a/b" requires all("admin"), but POST other.invalid/a/b is answered by "POST /a/"`,
			`"GET /a/b" requires all("admin"), but PUT other.invalid/a/b is answered by "/"`,
			`"POST /a/" requires authenticated, but GET other.invalid/a/ is answered by "/"`,
		}},
		{"one path, two methods", routes{"GET /orders": scopes.All("read"), "POST /orders": scopes.All("write"), "GET /healthz": public}, nil},
		{"one path with wildcards of other names", routes{"GET /orders/{id}": scopes.All("read"), "PUT /orders/{order}": scopes.All("write")}, nil},
		{"a list and its items", routes{"GET /orders": scopes.All("list"), "GET /orders/{id}": scopes.All("read"), "GET /orders/{id}/refunds": admin}, nil},
		{"an index and its items", routes{"GET /orders/{$}": scopes.All("list"), "GET /orders/{id}": scopes.All("read")}, nil},
		{"a public index of a guarded subtree", routes{"/admin/": admin, "/admin/{$}": public, "/admin/login": public}, nil},
		{"a guarded path and a public subtree of its own", routes{"/docs": admin, "/docs/": public}, nil},
		{"a method within a subtree", routes{"/files/": scopes.All("admin", "read"), "GET /files/": scopes.All("read")}, nil},
		{"a guarded index", routes{"/admin/{$}": admin, "/": public},
			[]string{`"/admin/{$}" requires all("admin"), but GET other.invalid/admin/below is answered by "/"`}},
		{"a guarded index of a weaker subtree", routes{"/admin/{$}": admin, "/admin/": public},
			[]string{`"/admin/{$}" requires all("admin"), but GET other.invalid/admin/below is answered by "/admin/"`}},
		{"a wildcard that names another method", routes{"GET /orders/search": admin, "DELETE /orders/{id}": scopes.All("write")}, nil},
		{"a wildcard of any method", routes{"GET /orders/search": admin, "/orders/{id}": scopes.All("write")},
			[]string{`"GET /orders/search" requires all("admin"), but POST other.invalid/orders/search is answered by "/orders/{id}"`}},
		{"a subtree that names another method", routes{"GET /orders/search": admin, "DELETE /orders/": scopes.All("write")},
			[]string{`"GET /orders/search" requires all("admin"), but DELETE other.invalid/orders/search is answered by "DELETE /orders/"`}},
		{"preflight requests", routes{"OPTIONS /": public, "GET /orders": admin}, nil},
		{"a guarded OPTIONS", routes{"OPTIONS /": public, "OPTIONS /orders": admin},
			[]string{`"OPTIONS /orders" requires all("admin"), but OPTIONS other.invalid/orders/ is answered by "OPTIONS /"`}},
		{"three hosts", routes{"api.example.com/v1/orders": admin, "www.example.com/": public, "admin.example.com/": scopes.All("root")}, nil},
		{"a host that is preferred", routes{"/admin/": admin, "example.com/": public},
			[]string{`"/admin/" requires all("admin"), but GET example.com/admin/ is answered by "example.com/"`}},
		{"a host with a path of its own", routes{"/admin/": admin, "example.com/admin/": public}, nil},
		{"the same path without a host", routes{"example.com/admin/": admin, "/admin/": public},
			[]string{`"example.com/admin/" requires all("admin"), but GET other.invalid/admin/ is answered by "/admin/"`}},
		{"the same path and method without a host", routes{"GET example.com/admin/": admin, "GET /admin/": public}, nil},
		{"two spellings", routes{"/admin": admin, "/Admin": public, "/admin/{$}": admin},
			[]string{`"/admin" requires all("admin"), but "/Admin", which some servers read as the same, requires public`}},
		{"two spellings, as strict", routes{"/admin": admin, "/Admin": scopes.All("admin", "root")},
			[]string{`"/Admin" requires all("admin", "root"), but "/admin", which some servers read as the same, requires all("admin")`}},
		{"two spellings, two methods", routes{"GET /admin": admin, "POST /Admin": public}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newMux(t, guard)
			for pattern, need := range tt.routes {
				x.Handle(pattern, need, named(pattern))
			}
			var got []string
			if err := x.CheckCoverage(); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if len(got) != len(tt.want) {
				t.Fatalf("got %d lines, want %d:\n%s", len(got), len(tt.want), strings.Join(got, "\n"))
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], "httpmw: "+want) {
					t.Errorf("line %d is\n%s\nwant\n%s", i, got[i], want)
				}
			}
		})
	}
}

// TestCoverageOfMounts: CheckCoverage treats mounted routes like others.
func TestCoverageOfMounts(t *testing.T) {
	_, guard := newGuard(t, nil)
	sub := newMux(t, guard)
	sub.Handle("GET /users", scopes.All("admin"), named("users"))
	x := newMux(t, guard)
	x.Mount("/admin/", sub)
	x.Handle("/", scopes.Public(), named("home"))
	if err := x.CheckCoverage(); err == nil || !strings.Contains(fmt.Sprint(err), `"GET /admin/users"`) {
		t.Errorf("got %v", err)
	}
	defer func() {
		if msg := fmt.Sprint(recover()); !strings.Contains(msg, "was mounted") {
			t.Errorf("a route after the mount: %s", msg)
		}
	}()
	sub.Handle("GET /late", scopes.All("admin"), named("late"))
}
