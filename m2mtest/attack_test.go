package m2mtest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// attacked notes what Attack reports.
type attacked struct{ errors, logs []string }

func (*attacked) Helper() {}
func (a *attacked) Errorf(format string, args ...any) {
	a.errors = append(a.errors, fmt.Sprintf(format, args...))
}
func (a *attacked) Logf(format string, args ...any) {
	a.logs = append(a.logs, fmt.Sprintf(format, args...))
}

// found holds the reports against those that there should be: each of want is
// found, and nothing that no one of want is part of.
func (a *attacked) found(t *testing.T, want []string) {
	t.Helper()
	all := strings.Join(a.errors, "\n")
	for _, w := range want {
		if !strings.Contains(all, w) {
			t.Errorf("%q was not found", w)
		}
	}
	for _, e := range a.errors {
		if !slices.ContainsFunc(want, func(w string) bool { return strings.Contains(e, w) }) {
			t.Errorf("not to be found: %s", e)
		}
		if strings.Contains(e, "eyJ") {
			t.Errorf("a token is shown: %s", e)
		}
	}
	if len(a.logs) != 1 || !strings.Contains(a.logs[0], "expected") {
		t.Errorf("the table is not at the end: %q", a.logs)
	}
}

func attackFixture(t *testing.T) (*m2mtest.Authority, *verifier.Verifier) {
	t.Helper()
	a := m2mtest.NewAuthority(&m2mtest.Options{Key: m2mtest.NewKey("ES256"), NoServer: true})
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{a.Issuer()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		v.Close()
		a.Close()
	})
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a, v
}

func httpOperations() []m2mtest.Operation {
	return []m2mtest.Operation{
		{Call: "/a", Need: scopes.All("a", "x")},
		{Call: "POST /b", Need: scopes.Any("b", "c")},
		{Call: "GET /public/", Need: scopes.Public()},
	}
}

// hole is a server with a weakness, and the reports of it that there should be.
type hole struct {
	name    string
	handler http.Handler
	want    []string
}

func findHoles(t *testing.T, authority *m2mtest.Authority, operations []m2mtest.Operation, holes []hole) {
	for _, h := range holes {
		t.Run(h.name, func(t *testing.T) {
			var got attacked
			m2mtest.Attack(&got, m2mtest.Target{Authority: authority, Handler: h.handler, HTTP: operations})
			got.found(t, h.want)
		})
	}
}

// TestAttackTokens: each weakness in reading credentials and tokens is found,
// and nothing but it.
func TestAttackTokens(t *testing.T) {
	authority, v := attackFixture(t)
	findHoles(t, authority, httpOperations()[:1], []hole{
		{"any signature", server(v, ignoring(verifier.BadSignature)), []string{"signature: of a forger's key", "signature: of zeros",
			"signature: ", "jwk of a forger's key, a published kid", "of a forger's key"}},
		{"any key", server(v, ignoring(verifier.KeyUnknown)), []string{"signature: of a key that nobody publishes"}},
		{"alg none", server(v, weakness{ignore: algNone}), []string{"alg none, no signature", "alg nOnE, no signature", "header: alg "}},
		{"aud", server(v, ignoring(verifier.Audience)), []string{"claims: aud another's", "claims: aud missing", "claims: aud "}},
		{"exp", server(v, ignoring(verifier.Expired)), []string{"expired ten minutes ago", "claims: expired", "claims: exp 0"}},
		{"all else that a token says", server(v, ignoring(verifier.UnknownIssuer, verifier.NotYetValid, verifier.IssuedInFuture,
			verifier.TokenType, verifier.HeaderExtension, verifier.Bound, verifier.NotMachine)), []string{
			"iss a stranger's", "claims: iss ", "nbf in ten minutes", "iat in ten minutes", "typ of a logout token",
			"typ of an ID token", "header: crit", "header: b64", "header: zip", "header: enc", "header: empty crit", "cty JWT",
			"cnf of DPoP", "cnf of a certificate", "claims: cnf ", "sub a person", "a person's session", "connected app", "claims: sub"}},
		{"first of two headers", server(v, weakness{read: func(r *http.Request) []string {
			return r.Header["Authorization"][:min(1, len(r.Header["Authorization"]))]
		}}), []string{"a good one before a forged one", "the same twice", "Basic beside it"}},
		{"last of two headers", server(v, weakness{read: func(r *http.Request) []string {
			return r.Header["Authorization"][max(0, len(r.Header["Authorization"])-1):]
		}}), []string{"a forged one before a good one", "the same twice"}},
		{"trims", server(v, weakness{read: func(r *http.Request) []string {
			return []string{strings.Join(strings.Fields(r.Header.Get("Authorization")), " ")}
		}}), []string{"credential: space behind", "credential: tab for a space", "line feed", "credential: "}},
		{"query", server(v, orFrom(func(r *http.Request) string { return r.URL.Query().Get("access_token") })),
			[]string{"elsewhere: in the query"}},
		{"cookie", server(v, orFrom(func(r *http.Request) string {
			c, err := r.Cookie("token")
			if err != nil {
				return ""
			}
			return c.Value
		})), []string{"elsewhere: in a cookie"}},
	})
}

// TestAttackHTTP: a sound server lets nothing in, and each weakness of routes
// is found, and nothing but it.
func TestAttackHTTP(t *testing.T) {
	authority, v := attackFixture(t)
	findHoles(t, authority, httpOperations(), []hole{
		{"sound", server(v, weakness{}), nil},
		{"no guard on one route", unguarded(v), []string{"LET IN: credential: none: POST /b: 200", ": POST /b: 200", "POST /%62: 200"}},
		{"scopes", server(v, ignoring(verifier.ScopeMissing)), []string{"scopes: none", "those of another operation", "scopes: "}},
		{"form", server(v, orFrom(func(r *http.Request) string { return r.PostFormValue("token") })), []string{"elsewhere: in the form: POST /b"}},
		{"a proxy behind a public route", proxying(v), []string{"dot segments through a public one: GET /public/%2e%2e/a: 200", "dot segments"}},
		{"a header for the path", rewriting(v), []string{"X-Original-URL on a public one: GET /public/: 200"}},
		{"a guard for one method", oneMethod(v), []string{"route: another method: POST /a: 200"}},
		{"panics", panicking(v), []string{"credential: quoted: /a: panicked: no quotes", ": panicked"}},
		{"locks out", lockingOut(v), []string{"a good token, after the attack is not let in", "a good token is not let in"}},
		{"lets nobody in", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }),
			[]string{"a good token is not let in, so the refusals there prove nothing: /a: 401; POST /b: 401", "nothing was attacked"}},
		{"is not there", http.NotFoundHandler(), []string{"LET IN: credential: none: /a: 404", ": 404"}},
	})
}

// TestAttackDisguises: a handler beside the guard that reads paths in another
// way than the router is found, and httpmw.Mux is not fooled.
func TestAttackDisguises(t *testing.T) {
	authority, v := attackFixture(t)
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	reads := func(read func(string) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if read(r.URL.Path) == "/admin/keys" {
				fmt.Fprint(w, "the keys")
			}
		}
	}
	need := scopes.All("a", "x")
	operations := []m2mtest.Operation{{Call: "GET /admin/keys", Need: need}, {Call: "GET /", Need: scopes.Public()}}
	for name, tt := range map[string]struct {
		read func(string) string
		want string // a call that is let in
	}{
		"a file server":      {path.Clean, "GET /admin%2fkeys: 200"},
		"case":               {strings.ToLower, "GET /ADMIN/keys: 200"},
		"backslash":          {func(p string) string { return strings.ReplaceAll(p, `\`, "/") }, "GET /admin%5ckeys: 200"},
		"parameters":         {func(p string) string { return strings.ReplaceAll(p, ";x=1", "") }, "GET /admin;x=1/keys: 200"},
		"a second decoding":  {func(p string) string { p, _ = url.PathUnescape(p); return p }, "GET /admin%252fkeys: 200"},
		"a trailing dot":     {func(p string) string { return strings.ReplaceAll(p, "./", "/") }, "GET /admin./keys: 200"},
		"cut at a character": {func(p string) string { p, _, _ = strings.Cut(p, "?"); return p }, "GET /admin/keys%3fx: 200"},
	} {
		t.Run(name, func(t *testing.T) {
			handler := reads(tt.read)
			plain := http.NewServeMux()
			plain.Handle("/", handler)
			plain.Handle("GET /admin/keys", weakness{}.guard(v, need, answers("the keys")))
			var got attacked
			m2mtest.Attack(&got, m2mtest.Target{Authority: authority, Handler: plain, HTTP: operations})
			if all := strings.Join(got.errors, "\n"); !strings.Contains(all, tt.want) {
				t.Errorf("Attack(ServeMux) does not report %q:\n%s", tt.want, all)
			}
			sound := httpmw.NewMux(guard)
			sound.Handle("GET /{rest...}", scopes.Public(), handler)
			sound.Handle("GET /admin/keys", need, answers("the keys"))
			sound.Handle("GET /admin/keys/", need, answers("nothing")) // as CheckCoverage advises
			if err := sound.CheckCoverage(); err != nil {
				t.Error(err)
			}
			got = attacked{}
			m2mtest.Attack(&got, m2mtest.Target{Authority: authority, Handler: sound, HTTP: operations})
			got.found(t, nil)
		})
	}
}

func TestAttackNothing(t *testing.T) {
	authority, v := attackFixture(t)
	var got attacked
	m2mtest.Attack(&got, m2mtest.Target{Authority: authority})
	got.found(t, []string{"nothing was attacked"})

	got = attacked{}
	m2mtest.Attack(&got, m2mtest.Target{Handler: server(v, weakness{}), HTTP: httpOperations()})
	if len(got.errors) != 1 || !strings.Contains(got.errors[0], "no Authority") {
		t.Errorf("got %q", got.errors)
	}
}

// TestAttackForgotten: where nothing is required, nobody may.
func TestAttackForgotten(t *testing.T) {
	authority, v := attackFixture(t)
	operations := append(httpOperations()[:1], m2mtest.Operation{Call: "GET /forgotten"})
	for name, h := range map[string]hole{
		"refused": {handler: weakness{}.guard(v, scopes.Requirement{}, answers("f"))},
		"open":    {handler: answers("f"), want: []string{"no requirement: GET /forgotten: 200; GET /forgotten: 200", "/%66orgotten"}},
	} {
		t.Run(name, func(t *testing.T) {
			mux := server(v, weakness{})
			mux.Handle("GET /forgotten", h.handler)
			var got attacked
			m2mtest.Attack(&got, m2mtest.Target{Authority: authority, Handler: mux, HTTP: operations})
			got.found(t, h.want)
		})
	}
}

func TestAttackSkip(t *testing.T) {
	authority, v := attackFixture(t)
	var got attacked
	m2mtest.Attack(&got, m2mtest.Target{
		Authority: authority, Handler: server(v, ignoring(verifier.Bound)), HTTP: httpOperations(),
		Skip: func(attack string) bool { return strings.HasPrefix(attack, "claims: cnf ") },
	})
	got.found(t, nil)
	if !strings.Contains(strings.Join(got.logs, ""), "skipped") {
		t.Error("the table does not tell what was skipped")
	}
}

func TestOperations(t *testing.T) {
	var got []string
	for _, o := range m2mtest.Operations(operations(
		entry{"GET /orders/{id}/{rest...}", scopes.Public()},
		entry{"GET example.com/x/{$}", scopes.Public()},
		entry{"/plain", scopes.Public()},
		entry{"GET,HEAD /users/{id:[0-9]+}", scopes.Public()},
		entry{"/orders.v1.Orders/List", scopes.Public()},
	)) {
		got = append(got, o.Call)
	}
	want := []string{"GET /orders/1/1", "GET /x/", "/plain", "GET /users/1", "/orders.v1.Orders/List"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
