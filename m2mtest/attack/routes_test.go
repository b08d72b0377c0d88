package attack_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
)

// TestAttackDisguises: Run reports a handler that reads paths otherwise than
// the router, and nothing for httpmw.Mux.
func TestAttackDisguises(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	readings := []struct {
		name string
		read func(string) string
		want string // a call that is accepted
	}{
		{"a file server", path.Clean, "GET /admin%2fkeys: 200"},
		{"case", strings.ToLower, "GET /ADMIN/keys: 200"},
		{"backslash", func(p string) string { return strings.ReplaceAll(p, `\`, "/") }, "GET /admin%5ckeys: 200"},
		{"parameters", func(p string) string { return strings.ReplaceAll(p, ";x=1", "") }, "GET /admin;x=1/keys: 200"},
		{"a second decoding", func(p string) string { p, _ = url.PathUnescape(p); return p }, "GET /admin%252fkeys: 200"},
		{"a trailing dot", func(p string) string { return strings.ReplaceAll(p, "./", "/") }, "GET /admin./keys: 200"},
		{"cut at a character", func(p string) string { p, _, _ = strings.Cut(p, "?"); return p }, "GET /admin/keys%3fx: 200"},
	}
	reads := func(w http.ResponseWriter, r *http.Request) {
		for _, reading := range readings {
			if reading.read(r.URL.Path) == "/admin/keys" {
				fmt.Fprint(w, "the keys")
				return
			}
		}
	}
	need := scopes.All("a", "x")
	for _, catchAll := range []scopes.Requirement{scopes.Public(), scopes.Authenticated()} {
		t.Run(fmt.Sprint("the others ", catchAll), func(t *testing.T) {
			handler, report := http.HandlerFunc(reads), "route: another spelling of the path: "
			if !catchAll.IsPublic() {
				handler, report = echoing(reads), "route: another spelling of the path, a token without the scopes: "
			}
			operations := []attack.Operation{{Call: "GET /admin/keys", Need: need}, {Call: "GET /", Need: catchAll}}
			plain := http.NewServeMux()
			plain.Handle("/", weakness{}.guard(v, catchAll, handler))
			plain.Handle("GET /admin/keys", weakness{}.guard(v, need, answers("the keys")))
			var got attacked
			attack.Run(&got, attack.Target{Authority: authority, Handler: plain, HTTP: operations})
			for _, reading := range readings {
				if !slices.ContainsFunc(got.errors, func(e string) bool { return strings.Contains(e, report) && strings.Contains(e, reading.want) }) {
					t.Errorf("Run(ServeMux, %s) reports no %q:\n%s", reading.name, report+reading.want, strings.Join(got.errors, "\n"))
				}
			}
			sound, err := httpmw.NewMux(guard)
			if err != nil {
				t.Fatal(err)
			}
			sound.Handle("GET /{rest...}", catchAll, handler)
			sound.Handle("GET /admin/keys", need, answers("the keys"))
			sound.Handle("GET /admin/keys/", need, answers("nothing")) // as CheckCoverage advises
			if err := sound.CheckCoverage(); err != nil {
				t.Error(err)
			}
			got = attacked{}
			attack.Run(&got, attack.Target{Authority: authority, Handler: sound, HTTP: operations})
			got.found(t, nil)
		})
	}
}

// TestAttackHosts: Run reports a guard that compares hosts by their exact
// letters.
func TestAttackHosts(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	admin := weakness{}.guard(v, scopes.All("admin"), answers("a"))
	byHost := func(host func(string) string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if host(r.Host) == "admin.test" || r.URL.Path != "/a" {
				admin.ServeHTTP(w, r)
				return
			}
			answers("a")(w, r) // the operations of other hosts
		})
	}
	operations := []attack.Operation{{Call: "GET admin.test/a", Need: scopes.All("admin")}}
	findHoles(t, authority, operations, []hole{
		{"by its letters", byHost(func(h string) string { return h }), []string{
			"spelling of the host: GET ADMIN.TEST/a: 200; GET admin.test./a: 200", "spelling of the host, a token without the scopes: GET ADMIN.TEST/a: 200"}},
		{"as it is meant", byHost(func(h string) string {
			name, _, _ := strings.Cut(strings.ToLower(h), ":")
			return strings.TrimSuffix(name, ".")
		}), nil},
	})
}

// TestAttackThroughAnother: Run reports a route with another scope that
// leads around a guard, by a token of that scope.
func TestAttackThroughAnother(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	operations := []attack.Operation{{Call: "/a", Need: scopes.All("a", "x")}, {Call: "GET /files/", Need: scopes.All("files")}}
	files := func(next http.HandlerFunc) http.Handler {
		mux := server(v, weakness{})
		mux.Handle("GET /files/", weakness{}.guard(v, scopes.All("files"), next))
		outer := http.NewServeMux() // without ServeMux's redirect to the clean path
		outer.Handle("/", mux)
		outer.Handle("GET /files/", weakness{}.guard(v, scopes.All("files"), next))
		return outer
	}
	findHoles(t, authority, operations, []hole{
		{"a proxy", files(func(w http.ResponseWriter, r *http.Request) {
			if path.Clean(r.URL.Path) == "/a" {
				fmt.Fprint(w, "a")
			}
		}), []string{"dot segments through one with its own token: GET /files/%2e%2e/a: 200", "dot segments through one"}},
		{"a page of its own", files(echoing(answers(""))), nil},
	})
}

// TestAttackMethodOverride: Run reports a guard that decides before a header changes the
// method, and nothing if it decides after that.
func TestAttackMethodOverride(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	for _, tt := range []struct {
		field, method string
		need          scopes.Requirement // of the method that is overridden; zero if there is none
		want          string
	}{
		{"X-HTTP-Method-Override", "POST", scopes.All("write"), "X-HTTP-Method-Override on one with its own token: POST /a: 200"},
		{"X-Method-Override", "PUT", scopes.Public(), "X-Method-Override on a public one: PUT /a: 200"},
		{"X-HTTP-Method", "POST", scopes.Requirement{}, "X-HTTP-Method on a POST"},
	} {
		operations := []attack.Operation{{Call: "DELETE /a", Need: scopes.All("admin")}}
		if !tt.need.IsZero() {
			operations = append(operations, attack.Operation{Call: tt.method + " /a", Need: tt.need})
		}
		service := http.NewServeMux()
		service.Handle("DELETE /a", answers("deleted"))
		if !tt.need.IsZero() {
			service.Handle(tt.method+" /a", answers("changed"))
		}
		guarded := func(next http.Handler) http.Handler {
			mux := http.NewServeMux()
			for _, o := range operations {
				mux.Handle(o.Call, weakness{}.guard(v, o.Need, next.ServeHTTP))
			}
			if tt.need.IsZero() {
				mux.Handle("/", next)
			}
			return mux
		}
		override := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if method := r.Header.Get(tt.field); method != "" && r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
					r.Method = method
				}
				next.ServeHTTP(w, r)
			})
		}
		findHoles(t, authority, operations, []hole{
			{"before " + tt.field, guarded(override(service)), []string{tt.want}},
			{"after " + tt.field, override(guarded(service)), nil},
		})
	}
}

// echoing adds the path to what next answers, as many handlers of tests do.
func echoing(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := httptest.NewRecorder()
		if next(body, r); body.Body.Len() > 0 {
			fmt.Fprint(w, body.Body)
			return
		}
		fmt.Fprint(w, "page ", r.URL.Path)
	}
}
