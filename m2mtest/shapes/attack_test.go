package shapes_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestAttack: package attack works against a service on each authority.
func TestAttack(t *testing.T) {
	for _, p := range presets {
		t.Run(p.name, func(t *testing.T) {
			a, v, good := p.trust(t)
			guard, err := httpmw.New(v, nil)
			if err != nil {
				t.Fatal(err)
			}
			mux, need := http.NewServeMux(), scopes.Authenticated()
			if len(good.Scopes) > 0 {
				need = scopes.All(good.Scopes[0], good.Scopes[1:]...)
			}
			mux.Handle("GET /a", guard.Require(need)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a") })))
			attack.Run(t, attack.Target{Authority: a, Token: good, Handler: mux, HTTP: []attack.Operation{{Call: "/a", Need: need}}})
		})
	}
}

// reported records what attack.Run reports.
type reported struct{ errors []string }

func (*reported) Helper()             {}
func (*reported) Logf(string, ...any) {}
func (r *reported) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// TestAttackFindsWeakness: a server that ignores the audience is found, on each
// authority whose tokens have one.
func TestAttackFindsWeakness(t *testing.T) {
	for _, p := range presets {
		a, v, good := p.trust(t)
		mux := http.NewServeMux()
		mux.HandleFunc("GET /a", func(w http.ResponseWriter, r *http.Request) {
			_, err := v.Authorize(r.Context(), verifier.Request{Authorization: r.Header["Authorization"]}, scopes.Authenticated())
			if err != nil && !errors.Is(err, verifier.Audience) {
				new(httpmw.Middleware).WriteError(w, r, err)
			}
		})
		var got reported
		attack.Run(&got, attack.Target{Authority: a, Token: good, Handler: mux, HTTP: []attack.Operation{{Call: "/a", Need: scopes.Authenticated()}}})
		found := strings.Join(got.errors, "\n")
		if want := p.name != "Cognito"; strings.Contains(found, "ACCEPTED: claims: aud another's") != want {
			t.Errorf("%s: Run reports %q, want the audience: %t", p.name, found, want)
		}
	}
}
