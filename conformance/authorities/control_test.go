package authorities_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// fetch gets one token for a resource from an authority. The matrix is the same
// for each of them.
type fetch func(ctx context.Context, t *testing.T, a authority, c credential, resource string) (*oauth2.Token, error)

// fetchControl uses golang.org/x/oauth2, and assertions and proofs that are made
// here. It shows that a cell of the matrix is about the client, not the authority.
func fetchControl(ctx context.Context, t *testing.T, a authority, c credential, resource string) (*oauth2.Token, error) {
	t.Helper()
	conf := clientcredentials.Config{
		ClientID:       c.clientID,
		ClientSecret:   c.secret,
		TokenURL:       a.tokenURL,
		Scopes:         []string{"read:users"},
		EndpointParams: url.Values{},
		AuthStyle:      oauth2.AuthStyleInParams,
	}
	if resource != "" {
		conf.EndpointParams.Set(a.resourceParam, resource)
	}
	if c.method == "client_secret_basic" {
		conf.AuthStyle = oauth2.AuthStyleInHeader
	}
	if c.key != nil {
		conf.EndpointParams.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		conf.EndpointParams.Set("client_assertion", assertion(t, c, c.clientID, a.assertionAudience))
	}
	var transport http.RoundTripper = a.ca.Transport(c.cert)
	if c.proof != nil {
		transport = &proving{t: t, c: c, next: transport}
	}
	return conf.Token(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: transport}))
}

// assertion returns the client's own JWT (RFC 7523 §3).
func assertion(t *testing.T, c credential, subject, audience string) string {
	t.Helper()
	now := time.Now()
	return signJWT(t, c.key, map[string]any{"alg": c.alg, "kid": keyID(t, c.key.Public()), "typ": "JWT"}, map[string]any{
		"iss": c.clientID, "sub": subject, "aud": audience, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
}

// proving adds a DPoP proof to each request, and follows nonces (RFC 9449 §8).
type proving struct {
	t     *testing.T
	c     credential
	token string // of requests to a resource server
	next  http.RoundTripper
}

func (p *proving) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := p.try(req, "")
	if err != nil {
		return nil, err
	}
	nonce := res.Header.Get("DPoP-Nonce")
	if nonce == "" || res.StatusCode/100 == 2 {
		return res, nil
	}
	res.Body.Close()
	if req.Body, err = req.GetBody(); err != nil {
		return nil, err
	}
	return p.try(req, nonce)
}

func (p *proving) try(req *http.Request, nonce string) (*http.Response, error) {
	target := *req.URL
	target.RawQuery, target.Fragment = "", ""
	req = req.Clone(req.Context())
	req.Header.Set("DPoP", p.proof(req.Method, target.String(), nonce))
	return p.next.RoundTrip(req)
}

// proof returns a new proof (RFC 9449 §4.2).
func (p *proving) proof(method, url, nonce string) string {
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": url, "iat": time.Now().Unix()}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if p.token != "" {
		sum := sha256.Sum256([]byte(p.token))
		claims["ath"] = b64(sum[:])
	}
	return signJWT(p.t, p.c.proof, map[string]any{
		"alg": "ES256", "typ": "dpop+jwt", "jwk": publicJWK(p.t, p.c.proof.Public(), ""),
	}, claims)
}

// errorCode returns the "error" of a token endpoint's answer (RFC 6749 §5.2).
func errorCode(err *oauth2.RetrieveError) string {
	if err.ErrorCode != "" {
		return err.ErrorCode
	}
	var body struct{ Error string }
	json.Unmarshal(err.Body, &body)
	return body.Error
}
