package authorities_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// pipeline is a workload whose own identity is an assertion (RFC 7523 §2.1): the
// authority trusts its key, and knows no secret of it.
func pipeline(t *testing.T) credential {
	t.Helper()
	return credential{clientID: "https://ci.example.com", key: newECKey(t), alg: "ES256"}
}

// TestJWTBearer exchanges an assertion for an access token, and verifies it.
func TestJWTBearer(t *testing.T) {
	a, z := zitadel(t)
	c := pipeline(t)
	z.Trust(c.clientID, keyID(t, c.key.Public()), c.key.Public())
	a.columns[0].resource = a.issuer // of the assertion, hence of the token
	v := a.verifier(t)
	other := c
	other.key = newECKey(t)
	for _, client := range []struct {
		name  string
		fetch fetch
	}{
		{"golang.org/x/oauth2 (control)", jwtBearerControl},
	} {
		t.Run(client.name, func(t *testing.T) {
			token, err := client.fetch(t.Context(), t, a, c, "")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := v.Verify(t.Context(), token.AccessToken); err != nil || got.ID != c.clientID {
				t.Errorf("Verify = %q, %v, want the client %q", got.ID, err, c.clientID)
			}
			if token, err := client.fetch(t.Context(), t, a, other, ""); err == nil {
				t.Errorf("an assertion that is signed with an unknown key = a token of type %q, want an error", token.Type())
			}
		})
	}
}

func jwtBearerControl(ctx context.Context, t *testing.T, a authority, c credential, _ string) (*oauth2.Token, error) {
	t.Helper()
	conf := clientcredentials.Config{
		TokenURL:  a.tokenURL,
		Scopes:    []string{"read:users"},
		AuthStyle: oauth2.AuthStyleInParams,
		EndpointParams: url.Values{
			"grant_type": {jwtBearer},
			"assertion":  {assertion(t, c, c.clientID, a.assertionAudience)},
		},
	}
	return conf.Token(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: a.ca.Transport(nil)}))
}
