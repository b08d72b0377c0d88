package m2mtest_test

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestClientCredentials: golang.org/x/oauth2 gets tokens, in each of its styles of
// authentication.
func TestClientCredentials(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	id, secret := a.CreateClient("worker", "read:users", "write:users")
	v := newVerifier(t, a.Issuer())
	for name, style := range map[string]oauth2.AuthStyle{
		"auto": oauth2.AuthStyleAutoDetect, "form": oauth2.AuthStyleInParams, "Basic": oauth2.AuthStyleInHeader,
	} {
		t.Run(name, func(t *testing.T) {
			cfg := clientcredentials.Config{
				ClientID: id, ClientSecret: secret, TokenURL: a.TokenURL(),
				Scopes: []string{"read:users"}, AuthStyle: style,
			}
			token, err := cfg.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Until(token.Expiry); token.Type() != "Bearer" || d < 59*time.Minute || d > time.Hour {
				t.Errorf("Token() = type %q, expiry in %v; want Bearer, 1h", token.Type(), d)
			}
			c, err := v.Verify(t.Context(), token.AccessToken)
			if err != nil {
				t.Fatal(err)
			}
			if c.ID != id || c.Scopes.String() != "read:users" {
				t.Errorf("Verify = %q with %q, want %q with read:users", c.ID, c.Scopes, id)
			}

			cfg.ClientSecret = "wrong"
			_, err = cfg.Token(t.Context())
			if refused, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || refused.ErrorCode != "invalid_client" {
				t.Errorf("Token(wrong secret) = %v, want invalid_client", err)
			}
		})
	}
}
