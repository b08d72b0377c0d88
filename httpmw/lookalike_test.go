package httpmw_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
)

// tree is a directory with a file for each name.
func tree(t *testing.T, names ...string) http.Dir {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("the file "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return http.Dir(dir)
}

// TestDisguises requests a guarded file from real handlers over a socket, by
// paths that http.ServeMux matches to a public route.
func TestDisguises(t *testing.T) {
	authority, guard := newGuard(t, nil)
	files := http.FileServer(tree(t, "admin/secret.txt", "index.txt", "files/index.txt", "README.txt", "a b.txt", "ä.txt", "100%.txt",
		"administration.txt", "files/admin/index.txt", "a..b.txt"))
	backend := httptest.NewServer(lax)
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	for name, handler := range map[string]http.Handler{
		"FileServer": files, "ReverseProxy": proxy, "ReverseProxy of old": httputil.NewSingleHostReverseProxy(target),
	} {
		x := newMux(t, guard)
		x.Handle("/", scopes.Public(), handler)
		x.Handle("/public/", scopes.Authenticated(), handler)
		x.Handle("/admin/", scopes.All("admin"), handler)
		mounted := newMux(t, guard)
		mounted.Mount("/", x)
		for kind, h := range map[string]http.Handler{"Mux": x, "Mux, mounted": mounted} {
			server := httptest.NewServer(h)
			defer server.Close()
			ask := func(t *testing.T, d doortest.Disguise, token string) (int, string) {
				t.Helper()
				conn, err := net.Dial("tcp", server.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				headers := []string{host}
				if token != "" {
					headers = append(headers, "Authorization: Bearer "+token)
				}
				res, err := doortest.Raw(d.Line+" HTTP/1.1", headers...)(conn)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				return res.StatusCode, string(body)
			}
			plain := doortest.Disguise{Line: "GET /admin/secret.txt"}
			if code, _ := ask(t, plain, ""); code != 401 {
				t.Fatalf("%s, %s: %s = %d, want 401", kind, name, plain.Line, code)
			}
			admin := authority.Token(m2mtest.TokenSpec{Scopes: []string{"admin"}})
			if code, body := ask(t, plain, admin); code != 200 || body != "the file admin/secret.txt" {
				t.Fatalf("%s, %s: with the scope: %s = %d %q, want 200 and the file", kind, name, plain.Line, code, body)
			}
			weak := authority.Token(m2mtest.TokenSpec{Scopes: []string{"other"}})
			for _, d := range doortest.Disguises() {
				for _, token := range []string{"", weak} {
					if code, body := ask(t, d, token); code != 400 || strings.Contains(body, "secret") {
						t.Errorf("%s, %s: %s: %s = %d %q, want 400", kind, name, d.Name, d.Line, code, body)
					}
				}
			}
			for _, d := range doortest.Undisguised() {
				want := 200
				if name == "FileServer" && strings.Contains(d.Line, ";") {
					want = 404 // there is no such file
				}
				if code, body := ask(t, d, ""); code != want || strings.Contains(body, "secret") {
					t.Errorf("%s, %s: %s: %s = %d %q, want %d", kind, name, d.Name, d.Line, code, body, want)
				}
			}
		}
	}
}

// TestSecondLook has a row for each rule that decides which paths are
// refused on which routes.
func TestSecondLook(t *testing.T) {
	_, guard := newGuard(t, nil)
	_, another := newGuard(t, nil)
	admin, read, public := scopes.All("admin"), scopes.All("read"), scopes.Public()
	type routes map[string]scopes.Requirement
	beside := func(pattern string, need scopes.Requirement) routes { return routes{"/": public, pattern: need} }
	for _, tt := range []struct {
		name   string
		routes routes
		line   string
		want   int // 200: a public route; 401: a guarded one
	}{
		{"nothing is stricter: an encoded slash", routes{"/": public, "/files/": public}, "GET /files%2Fx", 200},
		{"nothing is stricter: a line feed", routes{"/": public}, "GET /a%0Ab", 200},
		{"nothing is stricter: four encodings", routes{"/": read, "/a/": read}, "GET /a%25252541", 401},
		{"nothing is stricter: a wider requirement", routes{"/": scopes.All("admin", "read"), "/admin/": admin}, "GET /admin%2Fx", 401},
		{"stricter by one scope", routes{"/": public, "/r/": read, "/r/a/": scopes.All("admin", "read")}, "GET /r/a%2Fx", 400},
		{"the strictest one takes every path", routes{"/": public, "/admin/": admin}, "GET /admin/a%2Fb;c%00", 401},
		{"a wildcard", routes{"GET /files/{key...}": public, "GET /files/private/{rest...}": admin}, "GET /files/private%2Fpayroll", 400},
		{"a wildcard, another file", routes{"GET /files/{key...}": public, "GET /files/private/{rest...}": admin}, "GET /files/public%2Fpayroll", 200},
		{"a wildcard of one segment", routes{"GET /orders/{id}": public, "GET /orders/{id}/refunds": admin}, "GET /orders/1%2Frefunds", 400},
		{"a wildcard of one segment, case", routes{"GET /orders/{id}": public, "GET /orders/export": admin}, "GET /orders/EXPORT", 400},
		{"a wildcard of one segment, an ID", routes{"GET /orders/{id}": public, "GET /orders/export": admin}, "GET /orders/01J9ZK", 200},
		{"another method", routes{"GET /orders/{id}": public, "POST /orders/export": admin}, "GET /orders/EXPORT", 200},
		{"any method", routes{"/orders/{id}": public, "/orders/export": admin}, "GET /orders/EXPORT", 400},
		{"HEAD is GET", beside("GET /admin/", admin), "HEAD /admin%2Fx", 400},
		{"POST is not", beside("GET /admin/", admin), "POST /admin%2Fx", 200},
		{"a method in lower case", beside("GET /admin/", admin), "get /admin/x", 400},
		{"another method in lower case", beside("GET /admin/", admin), "post /admin/x", 200},
		{"a whole literal", beside("/admin", admin), "GET /ADMIN", 400},
		{"a whole literal, below it", beside("/admin", admin), "GET /ADMIN/x", 200},
		{"a whole literal with a slash", beside("/admin", admin), "GET /ADMIN/", 200}, // as "/admin/" is
		{"a subtree without its slash", beside("/admin/", admin), "GET /ADMIN", 400},
		{"{$}", beside("/admin/{$}", admin), "GET /ADMIN/", 400},
		{"{$}, below it", beside("/admin/{$}", admin), "GET /ADMIN/x", 200},
		{"{$}, without its slash", beside("/admin/{$}", admin), "GET /ADMIN", 200},
		{"a pattern in upper case", beside("/Admin/", admin), "GET /admin/x", 400},
		{"a pattern in upper case, as it is", beside("/Admin/", admin), "GET /Admin/x", 401},
		{"an encoded pattern", beside("/a%2Fb/", admin), "GET /a/b/x", 400},
		{"an encoded pattern, as it is", beside("/a%2Fb/", admin), "GET /a%2Fb/x", 401},
		{"a pattern with a parameter", beside("/a;v=1/", admin), "GET /a/x", 400},
		{"an inner route that is as weak", routes{"/": public, "/admin/": admin, "/admin/pub/": public}, "GET /admin/pub/a%2Fb", 200},
		{"a public path that names itself", routes{"/Admin": public, "/admin": admin}, "GET /Admin", 200},
		{"a public path that names a line feed", routes{"/a%0Ab": public, "/admin": admin}, "GET /a%0Ab", 200},
		{"a segment that only a lax server drops", beside("/a/{id}/b", admin), "GET /a%2F;x/b", 400},
		{"the same below a pattern with a parameter", beside("/a;v=1/{id}/b", admin), "GET /a;v=1%2F;x/b", 400},
		{"a parameter with a question mark", routes{"/": public, "/admin/keys": admin}, "GET /admin;a%3Fb/keys", 400},
		{"a parameter with a question mark, encoded twice", routes{"/": public, "/admin/keys": admin}, "GET /admin;%253F/keys", 400},
		{"a parameter with a hash", routes{"/": public, "/admin/keys": admin}, "GET /admin;%23/keys", 400},
		{"a parameter with a slash", routes{"/": public, "/api/admin/": admin}, "GET /api;%2Fx/admin/x", 400},
		{"a parameter with a backslash", routes{"/": public, "/api/admin/": admin}, "GET /api;a=%5Cx/admin/x", 400},
		{"parameters with slashes, and letter case", routes{"/": public, "/api/admin/": admin}, "GET /A%70i;%2F/;%2F/Admin;a=b%2F", 400},
		{"a parameter with a slash, and another path", routes{"/": public, "/api/admin/": admin}, "GET /api;%2Fx/other/x", 200},
		{"a question mark and another path", routes{"/": public, "/admin/keys": admin}, "GET /admin%3F/keys", 200},
		{"a host that is preferred", routes{"example.com/": public, "/admin/": admin}, "GET /ADMIN/x", 200},
		{"a host of another", routes{"/": public, "other.example.com/admin/": admin}, "GET /ADMIN/x", 200},
		{"its own host", routes{"/": public, "example.com/admin/": admin}, "GET /ADMIN/x", 400},
		{"a slash that is a segment", routes{"/admin/{$}": public, "/admin/": admin}, "GET /admin/%2F", 200}, // is "/admin/"
		{"CONNECT, unclean", routes{"CONNECT /": public, "CONNECT /admin/": admin}, "CONNECT //admin/x", 400},
		{"CONNECT, another host", routes{"CONNECT /": public, "CONNECT example.com/admin/": admin}, "CONNECT /admin/x", 401},
		{"not ASCII, as it is", beside("/ä/", admin), "GET /%C3%A4/x", 401},
		{"not ASCII, encoded twice", beside("/ä/", admin), "GET /%25C3%25A4/x", 400},
		{"the Kelvin sign", beside("/k/", admin), "GET /%E2%84%AA/x", 400},
		{"long", beside("/admin/", admin), "GET /" + strings.Repeat("%2561dmin/", 100), 400},
		{"longer than a buffer, harmless", beside("/admin/", admin), "GET /" + strings.Repeat("A", 1000), 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newMux(t, guard)
			for pattern, need := range tt.routes {
				x.Handle(pattern, need, named(pattern))
			}
			method, target, _ := strings.Cut(tt.line, " ")
			u, err := url.ParseRequestURI(target)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			x.ServeHTTP(w, &http.Request{Method: method, URL: u, Host: "example.com:8080", Header: http.Header{}})
			if w.Code != tt.want {
				t.Errorf("%s = %d %q, want %d", tt.line, w.Code, w.Body, tt.want)
			}
		})
	}
	t.Run("another guard", func(t *testing.T) {
		sub := newMux(t, another)
		sub.Handle("/x/", read, named("x"))
		x := newMux(t, guard)
		x.Handle("/", read, named("rest"))
		x.Mount("/sub/", sub)
		for target, want := range map[string]int{"/sub%2Fx/y": 400, "/sub/x/y": 401, "/y%2Fx": 401} {
			w := httptest.NewRecorder()
			x.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
			if w.Code != want {
				t.Errorf("%s = %d, want %d", target, w.Code, want)
			}
		}
	})
}

// TestLateRoutePanics: a route that is added after the first request would
// not be compared with the others.
func TestLateRoutePanics(t *testing.T) {
	_, guard := newGuard(t, nil)
	x := newMux(t, guard)
	x.Handle("/", scopes.Public(), named("rest"))
	x.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	defer func() {
		if msg := fmt.Sprint(recover()); !strings.Contains(msg, "already serves") {
			t.Errorf("Handle after a request panics with %q, want it to say that the Mux already serves", msg)
		}
	}()
	x.Handle("/admin/", scopes.All("admin"), named("admin"))
}

// TestFirstRequests: concurrent first requests compile the routes, and none
// is served before that is done.
func TestFirstRequests(t *testing.T) {
	_, guard := newGuard(t, nil)
	for range 20 {
		x := newMux(t, guard)
		x.Handle("/", scopes.Public(), named("rest"))
		x.Handle("/admin/", scopes.All("admin"), named("admin"))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				w := httptest.NewRecorder()
				x.ServeHTTP(w, httptest.NewRequest("GET", "/admin%2Fx", nil))
				if w.Code != 400 {
					t.Errorf("GET /admin%%2Fx = %d, want 400", w.Code)
				}
			})
		}
		wg.Wait()
	}
}

// TestOldServeMux: with the patterns of Go 1.21, "GET /admin" is not a
// pattern for GET, and its requests would go to the catch-all route.
func TestOldServeMux(t *testing.T) {
	if os.Getenv("M2MAUTH_OLD_SERVEMUX") != "" {
		_, guard := newGuard(t, nil)
		newMux(t, guard)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestOldServeMux$")
	cmd.Env = append(os.Environ(), "M2MAUTH_OLD_SERVEMUX=1", "GODEBUG=httpmuxgo121=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "httpmuxgo121=1: http.ServeMux would never match") {
		t.Errorf("NewMux under GODEBUG=httpmuxgo121=1: %v, want an error\n%s", err, out)
	}
}
