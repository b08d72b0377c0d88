package authorities_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/tokensource"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// workload has an identity of its own, which another issuer than the authority
// asserts (RFC 7523 §2.1).
type workload struct {
	asserts  credential // the issuer, as a clientID, and its key
	subject  string
	audience string      // of the assertion
	client   *credential // authenticates beside the assertion: nil if that suffices
}

func (w workload) assertion(t *testing.T) string {
	return assertion(t, w.asserts, w.subject, w.audience)
}

// TestJWTBearer exchanges assertions for access tokens, and verifies those.
func TestJWTBearer(t *testing.T) {
	issuer := credential{clientID: "https://ci.example.com", key: newECKey(t), alg: "ES256"}
	scopes := []string{"read:users"}

	t.Run("zitadel/oidc", func(t *testing.T) {
		a, z := zitadel(t)
		z.Trust(issuer.clientID, keyID(t, issuer.key.Public()), issuer.key.Public())
		a.columns[0].resource = a.issuer // the token's audience is the assertion's
		testJWTBearer(t, a, workload{asserts: issuer, subject: issuer.clientID, audience: a.issuer})
	})
	t.Run("Ory Hydra", func(t *testing.T) {
		a, h := hydra(t)
		client := credential{clientID: "pipeline", method: "client_secret_basic", secret: strings.Repeat("s3cret-", 6)}
		metadata := client.metadata(t)
		metadata["grant_types"] = []string{jwtBearer}
		metadata["access_token_strategy"] = "jwt"
		metadata["audience"] = []string{a.columns[0].resource}
		h.Register(client.clientID, metadata)
		h.Trust(issuer.clientID, client.clientID, publicJWK(t, issuer.key.Public(), "ES256"), scopes...)
		testJWTBearer(t, a, workload{asserts: issuer, subject: client.clientID, audience: a.tokenURL, client: &client})
	})
}

func testJWTBearer(t *testing.T, a authority, w workload) {
	v := a.verifier(t)
	for _, client := range []struct {
		name  string
		fetch func(context.Context, *testing.T, authority, workload) (*oauth2.Token, error)
	}{
		{"golang.org/x/oauth2 (control)", jwtBearerControl},
		{"tokensource", jwtBearerSource},
	} {
		t.Run(client.name, func(t *testing.T) {
			token, err := client.fetch(t.Context(), t, a, w)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := v.Verify(t.Context(), token.AccessToken); err != nil || got.ID != w.subject {
				t.Errorf("Verify = %q, %v, want the client %q", got.ID, err, w.subject)
			}
			other := w
			other.asserts.key = newECKey(t)
			if _, err := client.fetch(t.Context(), t, a, other); err == nil {
				t.Error("an assertion by an unknown key = a token, want an error")
			} else {
				t.Logf("an assertion by an unknown key = %v", err)
			}
		})
	}
}

func jwtBearerControl(ctx context.Context, t *testing.T, a authority, w workload) (*oauth2.Token, error) {
	t.Helper()
	conf := clientcredentials.Config{
		TokenURL:       a.tokenURL,
		Scopes:         []string{"read:users"},
		AuthStyle:      oauth2.AuthStyleInParams,
		EndpointParams: url.Values{"grant_type": {jwtBearer}, "assertion": {w.assertion(t)}},
	}
	if w.client != nil {
		conf.ClientID, conf.ClientSecret, conf.AuthStyle = w.client.clientID, w.client.secret, oauth2.AuthStyleInHeader
		conf.EndpointParams.Set("audience", a.columns[0].resource)
	}
	return conf.Token(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: a.ca.Transport(nil)}))
}

func jwtBearerSource(ctx context.Context, t *testing.T, a authority, w workload) (*oauth2.Token, error) {
	t.Helper()
	conf := tokensource.Config{
		Issuer:    a.issuer,
		Scopes:    []string{"read:users"},
		Transport: a.ca.Transport(nil),
	}
	var client tokensource.Credentials
	if w.client != nil {
		client = tokensource.Secret(w.client.clientID, w.client.secret)
		conf.Audience = []string{a.columns[0].resource}
	}
	conf.Credentials = tokensource.JWTBearer(func(context.Context) (string, error) { return w.assertion(t), nil }, client)
	return newSource(t, conf).TokenContext(ctx)
}
