package m2mtest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
)

func TestClient(t *testing.T) {
	c := m2mtest.Client(m2mtest.TokenSpec{
		ClientID: "billing",
		Scopes:   []string{"read:*"},
		Issuer:   "https://auth.example.com",
		Audience: []string{"https://api.example.com"},
		Claims:   map[string]any{"tenant": "acme", "jti": "1"},
	})
	if c.ID != "billing" || c.Issuer != "https://auth.example.com" || c.TokenID != "1" || !c.Scopes.Grants("read:users") {
		t.Errorf("Client = %q of %q, token %q, scopes %q; want what the TokenSpec says", c.ID, c.Issuer, c.TokenID, c.Scopes)
	}
	if !slices.Equal(c.Audience(), []string{"https://api.example.com"}) {
		t.Errorf("Audience() = %q, want https://api.example.com", c.Audience())
	}
	var claims struct {
		Tenant string `json:"tenant"`
	}
	if err := c.Claims(&claims); err != nil || claims.Tenant != "acme" {
		t.Errorf("Claims = tenant %q, %v; want acme", claims.Tenant, err)
	}
	if d := time.Until(c.ExpiresAt); d < 59*time.Minute || d > time.Hour {
		t.Errorf("ExpiresAt is in %v, want 1h", d)
	}
	wantPanic(t, "expired", func() { m2mtest.Client(m2mtest.TokenSpec{TTL: -time.Hour}) })
	wantPanic(t, "how Stytch names people", func() { m2mtest.Client(m2mtest.TokenSpec{ClientID: "user-test-1"}) })
}

func TestAuthorityClient(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	a.Fail(m2mtest.Outage{})
	c := a.Client(m2mtest.TokenSpec{})
	if c.Issuer != "stytch.com/"+a.ProjectID() || c.KeyID != a.Keys()[0] {
		t.Errorf("Client = issuer %q, key %q; want the authority's", c.Issuer, c.KeyID)
	}
	if a.KeyFetches() != 0 {
		t.Error("it was counted as a fetch")
	}
	wantPanic(t, "the token is refused", func() { a.Client(m2mtest.TokenSpec{Key: m2mtest.NewKey("ES256")}) })
}
