package attack_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/hostile"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// attacked records what Run reports.
type attacked struct{ errors, logs []string }

func (*attacked) Helper() {}
func (a *attacked) Errorf(format string, args ...any) {
	a.errors = append(a.errors, fmt.Sprintf(format, args...))
}
func (a *attacked) Logf(format string, args ...any) {
	a.logs = append(a.logs, fmt.Sprintf(format, args...))
}

// found compares the reports with want: each of want is part of one, and each
// report has one of want in it.
func (a *attacked) found(t *testing.T, want []string) {
	t.Helper()
	all := strings.Join(a.errors, "\n")
	for _, w := range want {
		if !strings.Contains(all, w) {
			t.Errorf("Run(…) does not report %q", w)
		}
	}
	for _, e := range a.errors {
		if !slices.ContainsFunc(want, func(w string) bool { return strings.Contains(e, w) }) {
			t.Errorf("Run(…) reports %q, want nothing of it", e)
		}
		if strings.Contains(e, "eyJ") {
			t.Errorf("Run(…) shows a token: %s", e)
		}
	}
	if len(a.logs) != 1 || !strings.Contains(a.logs[0], "expected") {
		t.Errorf("Run(…) logs %q, want the table at the end", a.logs)
	}
}

func httpOperations() []attack.Operation {
	return []attack.Operation{
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

func findHoles(t *testing.T, authority *m2mtest.Authority, operations []attack.Operation, holes []hole) {
	for _, h := range holes {
		t.Run(h.name, func(t *testing.T) {
			var got attacked
			attack.Run(&got, attack.Target{Authority: authority, Handler: h.handler, HTTP: operations})
			got.found(t, h.want)
		})
	}
}

// TestAttackReasons: a server that ignores one Reason accepts the rows of the
// corpus that have it, and Run reports those and no others. So the corpus holds
// for a key of ES256, too.
func TestAttackReasons(t *testing.T) {
	need := httpOperations()[0].Need
	authority, _ := m2mtest.Trust(t, nil)
	rows := map[verifier.Reason][]string{}
	m := hostile.Maker{Authority: authority, Need: need, Foreign: m2mtest.NewKey("ES256"), Trap: "http://127.0.0.1:9/"}
	for _, c := range m.Corpus() {
		if strings.HasSuffix(c.Name, ", no iat") {
			continue // its Reason depends on whether keys may be fetched again
		}
		rows[c.Reason] = append(rows[c.Reason], "ACCEPTED: "+c.Name+": ")
	}
	for reason, want := range rows {
		t.Run(string(reason), func(t *testing.T) {
			_, v := m2mtest.Trust(t, &verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
			var got attacked
			attack.Run(&got, attack.Target{
				Authority: authority, Handler: server(v, ignoring(reason)), HTTP: httpOperations()[:1],
				Skip: func(attack string) bool {
					return strings.HasPrefix(attack, "route: ") || strings.HasSuffix(attack, ", no iat")
				},
			})
			got.found(t, want)
		})
	}
}

// TestAttackTokens: Run reports each weakness in reading credentials and
// tokens, and nothing else.
func TestAttackTokens(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	findHoles(t, authority, httpOperations()[:1], []hole{
		{"alg none", server(v, weakness{ignore: algNone}), []string{"alg none, no signature", "alg nOnE, no signature", "header: alg "}},
		{"first of two headers", server(v, weakness{read: func(r *http.Request) []string {
			return r.Header["Authorization"][:min(1, len(r.Header["Authorization"]))]
		}}), []string{"a good one before a forged one", "the same twice", "Basic after it", "an empty value after it", "a value that is no text after it"}},
		{"last of two headers", server(v, weakness{read: func(r *http.Request) []string {
			return r.Header["Authorization"][max(0, len(r.Header["Authorization"])-1):]
		}}), []string{"a forged one before a good one", "the same twice", "Basic before it"}},
		{"trims", server(v, weakness{read: func(r *http.Request) []string {
			return []string{strings.Join(strings.Fields(r.Header.Get("Authorization")), " ")}
		}}), []string{"credential: space after", "credential: tab for a space", "line feed", "credential: "}},
		{"query", server(v, orFrom(func(r *http.Request) string { return r.URL.Query().Get("access_token") })),
			[]string{"elsewhere: in the query"}},
		{"cookie", server(v, orFrom(func(r *http.Request) string {
			c, err := r.Cookie("token")
			if err != nil {
				return ""
			}
			return c.Value
		})), []string{"elsewhere: in cookie"}},
	})
}

// TestAttackHTTP: Run reports nothing for a sound server, and exactly the
// weakness of a weak one.
func TestAttackHTTP(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	findHoles(t, authority, httpOperations(), []hole{
		{"sound", server(v, weakness{}), nil},
		{"no guard on one route", unguarded(v), []string{"ACCEPTED: credential: none: POST /b: 200", ": POST /b: 200", "POST /%62: 200", "spelling of the host: POST localhost/b: 200", "of the host, a token without the scopes"}},
		{"scopes", server(v, ignoring(verifier.ScopeMissing)), []string{"scopes: none", "those of another operation", "scopes: "}},
		{"form", server(v, orFrom(func(r *http.Request) string { return r.PostFormValue("token") })), []string{"elsewhere: in the form: POST /b"}},
		{"a proxy behind a public route", proxying(v), []string{"dot segments through a public one: GET /public/%2e%2e/a: 200", "dot segments"}},
		{"a header for the path", rewriting(v), []string{"X-Original-URL on a public one: GET /public/: 200"}},
		{"a guard for one method", oneMethod(v), []string{"route: another method: POST /a: 200", "route: another method, a token without the scopes: POST /a: 200"}},
		{"panics", panicking(v), []string{"credential: quoted: /a: panicked: no quotes", ": panicked"}},
		{"locks out", lockingOut(v), []string{"a good token, after the attack is not accepted", "a good token is not accepted"}},
		{"refuses everybody", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }),
			[]string{"a good token is not accepted, so the refusals there prove nothing: /a: 401; POST /b: 401", "nothing was attacked"}},
		{"is not there", http.NotFoundHandler(), []string{"ACCEPTED: credential: none: /a: 404", ": 404"}},
	})
}

func TestAttackNothing(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	var got attacked
	attack.Run(&got, attack.Target{Authority: authority})
	got.found(t, []string{"nothing was attacked"})

	got = attacked{}
	attack.Run(&got, attack.Target{Handler: server(v, weakness{}), HTTP: httpOperations()})
	if len(got.errors) != 1 || !strings.Contains(got.errors[0], "no Authority") {
		t.Errorf("Run(no Authority) reports %q, want no Authority", got.errors)
	}
}

// TestAttackForgotten: without a requirement, every call must be refused.
func TestAttackForgotten(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	operations := append(httpOperations()[:1], attack.Operation{Call: "GET /forgotten"})
	for name, h := range map[string]hole{
		"refused": {handler: weakness{}.guard(v, scopes.Requirement{}, answers("f"))},
		"open":    {handler: answers("f"), want: []string{"no requirement: GET /forgotten: 200; GET /forgotten: 200", "/%66orgotten", "localhost/forgotten"}},
	} {
		t.Run(name, func(t *testing.T) {
			mux := server(v, weakness{})
			mux.Handle("GET /forgotten", h.handler)
			var got attacked
			attack.Run(&got, attack.Target{Authority: authority, Handler: mux, HTTP: operations})
			got.found(t, h.want)
		})
	}
}

func TestAttackSkip(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	var got attacked
	attack.Run(&got, attack.Target{
		Authority: authority, Handler: server(v, ignoring(verifier.Bound)), HTTP: httpOperations(),
		Skip: func(attack string) bool { return strings.HasPrefix(attack, "claims: cnf ") },
	})
	got.found(t, nil)
	if !strings.Contains(strings.Join(got.logs, ""), "skipped") {
		t.Error("the table does not tell what was skipped")
	}
}

func TestOperations(t *testing.T) {
	for _, tt := range []struct{ listed, want string }{
		{"GET /orders/{id}/{rest...}", "GET /orders/1/1"},
		{"GET example.com/x/{$}", "GET example.com/x/"},
		{"GET {tenant}.example.com/x", "GET 1.example.com/x"},
		{"/plain", "/plain"},
		{"GET,HEAD /users/{id:[0-9]+}", "GET /users/1"},
		{"/orders.v1.Orders/List", "/orders.v1.Orders/List"},
	} {
		got := attack.Operations(maps.All(map[string]scopes.Requirement{tt.listed: scopes.All("a")}))
		if len(got) != 1 || got[0].Call != tt.want || !got[0].Need.Equal(scopes.All("a")) {
			t.Errorf("Operations(%q) = %v, want %q", tt.listed, got, tt.want)
		}
	}
}
