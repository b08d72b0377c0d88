package authorities_test

import (
	"errors"
	"testing"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/introspection"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestIntrospection asks oidc-provider about its opaque tokens, with each way to send
// a secret.
func TestIntrospection(t *testing.T) {
	a, _ := oidcProvider(t)
	source := newSource(t, configOf(t, a, secretClient(t, a), authorities.ResourceOpaque, true))
	token, err := source.TokenContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := introspection.Issuer(introspection.Config{
		Issuer: a.issuer, Endpoint: a.introspectionURL, Audiences: []string{authorities.ResourceOpaque},
		Credentials: tokensource.Secret(resourceClient.clientID, resourceClient.secret), Transport: a.ca.Transport(nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	for range 2 {
		client, err := v.Verify(t.Context(), token.AccessToken)
		if err != nil || !client.Scopes.Has("read:users") {
			t.Errorf("Verify(opaque token) = %v, %v, want a client with read:users", client, err)
		}
	}
	if _, err := v.Verify(t.Context(), token.AccessToken+"x"); !errors.Is(err, verifier.Inactive) {
		t.Errorf("Verify(unknown token) = %v, want %s", err, verifier.Inactive)
	}
}
