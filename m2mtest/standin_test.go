package m2mtest_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// otherIssuer is an authority without a preset.
func otherIssuer() *verifier.Issuer {
	return &verifier.Issuer{
		Name: "https://auth.example.com", Audiences: []string{"api"}, JWKSURL: "https://auth.example.com/keys",
		ClientIDClaims: []string{"azp"}, ScopeClaims: []string{"roles"}, TokenTypes: []string{"", "at+jwt"},
		Accept: verifier.ClaimEquals("kind", "machine"),
	}
}

func kind(verifier.Issuer, string, []string) map[string]any { return map[string]any{"kind": "machine"} }

// TestStandIn: tokens have what the issuer reads, the members of the shape, and then
// those of the TokenSpec.
func TestStandIn(t *testing.T) {
	remove := func(issuer verifier.Issuer, id string, scopes []string) map[string]any {
		return map[string]any{"sub": m2mtest.Absent, "jti": "j", "kind": "machine", "seen": []any{issuer.Name, id, strings.Join(scopes, " ")}}
	}
	a, v := m2mtest.TrustAs(t, *otherIssuer(), remove, nil)
	client, err := v.Verify(t.Context(), a.Token(m2mtest.TokenSpec{ClientID: "billing", Scopes: []string{"a", "b"}, Claims: map[string]any{"tenant": "acme"}}))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := client.Claims(&got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"iat", "nbf", "exp"} {
		if got[name] == nil {
			t.Errorf("no %q in the token", name)
		}
		delete(got, name)
	}
	const want = `{"aud":"api","azp":"billing","iss":"https://auth.example.com","jti":"j","kind":"machine","roles":"a b",` +
		`"seen":["https://auth.example.com","billing","a b"],"tenant":"acme"}`
	if text, err := json.Marshal(got); err != nil || string(text) != want {
		t.Errorf("claims %s, %v, want %s", text, err, want)
	}
}

// TestStandInKey: the default key has the issuer's first algorithm, and an algorithm
// that it does not accept replaces its own.
func TestStandInKey(t *testing.T) {
	issuer := otherIssuer()
	issuer.Algorithms = []string{"ES384", "RS256"}
	for _, tt := range []struct {
		key       *m2mtest.Key
		algorithm string
		accepted  string
	}{
		{nil, "ES384", "ES384 RS256"},
		{m2mtest.NewKey("ES256"), "ES256", "ES256"},
	} {
		a := m2mtest.NewAuthority(&m2mtest.Options{Issuer: issuer, Shape: kind, Key: tt.key, NoServer: true})
		if got := a.Key().Algorithm; got != tt.algorithm {
			t.Errorf("Key().Algorithm = %q, want %q", got, tt.algorithm)
		}
		if got := strings.Join(a.Issuer().Algorithms, " "); got != tt.accepted {
			t.Errorf("Issuer().Algorithms = %q, want %q", got, tt.accepted)
		}
	}
}

// TestStandInTokenEndpoint: the token endpoint issues the tokens of the issuer.
func TestStandInTokenEndpoint(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{Issuer: otherIssuer(), Shape: kind, Key: m2mtest.NewKey("ES256")})
	id, secret := a.CreateClient("billing", "reports:read")
	cfg := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: a.TokenURL()}
	token, err := cfg.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client, err := newVerifier(t, a.Issuer()).Verify(t.Context(), token.AccessToken)
	if err != nil || client.ID != id || client.Issuer != "https://auth.example.com" || client.Scopes.String() != "reports:read" {
		t.Errorf("Verify = %q of %q with %q, %v, want %q of https://auth.example.com", client.ID, client.Issuer, client.Scopes, err, id)
	}
}

// TestStandInStore: a rotated key survives a restart.
func TestStandInStore(t *testing.T) {
	store := m2mtest.NewMemoryStore()
	first := newAuthority(t, m2mtest.Options{Issuer: otherIssuer(), Shape: kind, Key: m2mtest.NewKey("ES256"), Store: store})
	token := first.Token(m2mtest.TokenSpec{})
	first.RotateKeys()
	second := newAuthority(t, m2mtest.Options{Issuer: otherIssuer(), Shape: kind, Store: store})
	if _, err := newVerifier(t, second.Issuer()).Verify(t.Context(), token); err != nil {
		t.Errorf("Verify after a restart = %v, want nil", err)
	}
}

func TestStandInMistakes(t *testing.T) {
	introspected, unnamed, nobody := otherIssuer(), otherIssuer(), otherIssuer()
	introspected.JWKSURL, introspected.Introspect = "", func(context.Context, string) ([]byte, error) { return nil, nil }
	unnamed.Name, nobody.Audiences = "", nil
	for _, tt := range []struct {
		name string
		opts m2mtest.Options
		want string
	}{
		{"a shape alone", m2mtest.Options{Shape: kind}, "option Shape is set without Issuer"},
		{"no name", m2mtest.Options{Issuer: unnamed}, "option Issuer has no Name"},
		{"no audience", m2mtest.Options{Issuer: nobody}, "option Issuer has no Name or no Audiences"},
		{"introspection", m2mtest.Options{Issuer: introspected}, "option Issuer has Introspect"},
		{"Stytch's domain", m2mtest.Options{Issuer: otherIssuer(), CustomDomain: "https://login.example.com"}, "option CustomDomain contradicts Issuer"},
	} {
		a, err := m2mtest.Start(&tt.opts)
		if a != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Start(%s) = %v, %v, want %q", tt.name, a, err, tt.want)
		}
	}
}
