package authorities_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/introspection"
	"github.com/m2mauth/m2mauth/verifier"
)

// asksForJWT replaces the Accept of each request, so that the authority answers as
// one that signs whatever it is asked for.
type asksForJWT struct {
	next http.RoundTripper
	seen string // the Accept of the last request, before
}

func (a *asksForJWT) RoundTrip(req *http.Request) (*http.Response, error) {
	a.seen = req.Header.Get("Accept")
	req = req.Clone(req.Context())
	req.Header.Set("Accept", "application/token-introspection+jwt")
	return a.next.RoundTrip(req)
}

// TestSignedIntrospection asks npm's oidc-provider as a client for which it signs or
// encrypts its answers (RFC 9701). One that signs on demand alone answers with JSON. The
// others are an outage, whose error says what to configure.
func TestSignedIntrospection(t *testing.T) {
	p := authorities.StartOIDCProvider(t, &authorities.OIDCProviderOptions{JWTIntrospection: true})
	a := asAuthority(t, p)
	caller := secretClient(t, a)
	token, err := newSource(t, configOf(t, a, caller, authorities.ResourceOpaque, true)).TokenContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	register := func(id string, metadata map[string]any) credential {
		c := resourceClient
		c.clientID = id
		all := c.metadata(t)
		for name, value := range metadata {
			all[name] = value
		}
		p.Register(id, all)
		return c
	}
	key := publicJWK(t, keyFor(t, "RS256").Public(), "")
	key["use"], key["alg"], key["kid"] = "enc", "RSA-OAEP-256", "e"
	signed := register("signed", map[string]any{"introspection_signed_response_alg": "ES256"})
	encrypted := register("encrypted", map[string]any{
		"introspection_signed_response_alg": "ES256", "introspection_encrypted_response_alg": "RSA-OAEP-256", "jwks": keySet(key),
	})
	always := &asksForJWT{next: a.ca.Transport(nil)}
	const (
		isJWT    = "the answer is a signed or encrypted JWT (RFC 9701), want application/json: let the authority neither sign nor encrypt them for this service's client, or heed Accept: application/json"
		isStatus = `HTTP status 400, error "invalid_request": is Endpoint the introspection endpoint, and does the authority sign or encrypt its answers for this service's client (RFC 9701)? Only application/json is asked for and read`
	)
	for _, tt := range []struct {
		name      string
		c         credential
		transport http.RoundTripper
		want      string // after the endpoint, in the error
	}{
		{"signs on demand", signed, a.ca.Transport(nil), ""},
		{"signs always", signed, always, "the answer can't be understood: " + isJWT},
		{"encrypts, and refuses JSON", encrypted, a.ca.Transport(nil), isStatus},
		{"encrypts always", encrypted, always, "the answer can't be understood: " + isJWT},
	} {
		issuer, err := introspection.Issuer(introspection.Config{
			Issuer: a.issuer, Endpoint: a.introspectionURL, Audiences: []string{authorities.ResourceOpaque},
			Credentials: credentialsOf(t, a, tt.c), Transport: tt.transport,
		})
		if err != nil {
			t.Fatal(err)
		}
		v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		client, err := v.Verify(t.Context(), token.AccessToken)
		if tt.want == "" {
			if err != nil || client.ID != caller.clientID {
				t.Errorf("Verify(an authority that %s) = %v, %v, want %s", tt.name, client, err, caller.clientID)
			}
			continue
		}
		e, _ := errors.AsType[*verifier.Error](err)
		want := "m2mauth: unavailable: introspection_unavailable: " + a.introspectionURL + ": " + tt.want
		if e == nil || e.Code != verifier.Unavailable || e.Reason != verifier.IntrospectionUnavailable || err.Error() != want {
			t.Errorf("Verify(an authority that %s) = %v, want %s", tt.name, err, want)
		}
	}
	if always.seen != "application/json" {
		t.Errorf("Accept = %q, want application/json", always.seen)
	}
}
