package explain

import (
	"os"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestSecretInFlag puts secrets into every flag: neither output repeats one, in
// text or in JSON, whether the command fails or explains a token.
func TestSecretInFlag(t *testing.T) {
	w := newWorld(t)
	good := w.mint(m2mtest.TokenSpec{})
	other := w.mint(m2mtest.TokenSpec{ClientID: "stranger", Claims: map[string]any{"nonce": "0123456789abcdefghij"}})
	secrets := map[string]struct{ text, mark string }{
		"token":               {other, other[strings.IndexByte(other, '.')+1:]},
		"token with scheme":   {"Bearer " + other, other[strings.IndexByte(other, '.')+1:]},
		"password":            {"https://worker:correcthorse@auth.example.com/realms/prod", "correcthorse"},
		"password, http":      {"http://worker:correcthorse@auth.example.com", "correcthorse"},
		"password, malformed": {"https://worker:correcthorse/x@auth.example.com", "correcthorse"},
		"query":               {"https://127.0.0.1:1/realms/prod?key=correcthorse", "correcthorse"},
		"form":                {"client_secret=correcthorse", "correcthorse"},
		"vendor's secret":     {"secret-test-correcthorse", "correcthorse"},
	}
	names := []string{"issuer", "preset", "project", "domain", "caller", "custom-domain", "audience", "jwks-url", "jwks-file",
		"require-all", "require-any", "token-file", "leeway", "now",
		"config", "algorithms", "typ", "client-id-claims", "scope-claims", "accept"}
	var bases [][]string
	for _, preset := range []string{"auth0", "okta", "entra-v2", "entra-v1", "keycloak", "cognito", "zitadel", "google", "github", "kubernetes", "stytch"} {
		bases = append(bases, []string{"-preset", preset, "-domain", "a.example", "-audience", "a", "-project", "p", "-caller", "c", "-jwks-file", w.keys})
	}
	bases = append(bases, w.flags(), []string{"-issuer", issuerName, "-audience", audience})
	for name, secret := range secrets {
		t.Run(name, func(t *testing.T) {
			for _, base := range bases {
				for _, flag := range names {
					for _, form := range []string{"-json=false", "-json"} {
						args := append(base[:len(base):len(base)], form, "-"+flag, secret.text)
						_, out, stderr := explain(t, good, args...)
						assertSecret(t, out+stderr, secret.mark)
					}
				}
			}
			for _, args := range [][]string{{secret.text}, w.flags(secret.text), w.flags("-" + secret.text)} {
				_, out, stderr := explain(t, good, args...)
				assertSecret(t, out+stderr, secret.mark)
			}
		})
	}
	t.Run("a file that is called so", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if err := os.Mkdir(other, 0o700); err != nil {
			t.Skip(err) // the name is too long here
		}
		for _, flag := range []string{"-jwks-file", "-token-file"} {
			_, out, stderr := explain(t, good, w.flags(flag, other)...)
			assertSecret(t, out+stderr, other[strings.IndexByte(other, '.')+1:])
		}
	})
	t.Run("a token within a claim", func(t *testing.T) {
		for _, claim := range []any{other, []string{other}, map[string]string{"token": other}} {
			token := w.mint(m2mtest.TokenSpec{Claims: map[string]any{"sub": claim, "cnf": claim, "scope": claim}})
			_, out, stderr := explain(t, token, w.flags()...)
			assertSecret(t, out+stderr, other[strings.IndexByte(other, '.')+1:])
		}
	})
}
