package authorities_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/introspection"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/verifier"
)

// asking returns a Verifier that asks a about opaque tokens, by the credentials of a
// resource server.
func (a authority) asking(t *testing.T, own tokensource.Credentials, cert *tls.Certificate) *verifier.Verifier {
	t.Helper()
	issuer, err := introspection.Issuer(introspection.Config{
		Issuer: a.issuer, Endpoint: a.introspectionURL, Audiences: []string{authorities.ResourceOpaque},
		Credentials: own, Transport: a.ca.Transport(cert),
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// opaqueOf returns the column of opaque tokens.
func (a authority) opaqueOf(t *testing.T) column {
	t.Helper()
	for _, col := range a.columns {
		if col.opaque {
			return col
		}
	}
	t.Fatal("no opaque tokens")
	return column{}
}

// TestIntrospectionCredentials asks each authority about an opaque token, with each way
// in which a resource server can authenticate to it, and with a wrong one of the kind.
func TestIntrospectionCredentials(t *testing.T) {
	for _, start := range []func(*testing.T) authority{
		func(t *testing.T) authority { a, _ := oidcProvider(t); return a },
		func(t *testing.T) authority { a, _ := hydra(t); return a },
	} {
		t.Run("authority", func(t *testing.T) {
			a := start(t)
			caller := secretClient(t, a)
			caller.clientID += a.opaqueOf(t).suffix
			source := newSource(t, configOf(t, a, caller, authorities.ResourceOpaque, true))
			token, err := source.TokenContext(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range credentials(t, a.ca) {
				if a.lacks(c) || c.proof != nil {
					continue // a proof is for access tokens alone
				}
				t.Run(c.name, func(t *testing.T) {
					a.register(t, c)
					v := a.asking(t, credentialsOf(t, a, c), c.cert)
					for range 2 {
						client, err := v.Verify(t.Context(), token.AccessToken)
						if err != nil || client.ID != caller.clientID || !client.Scopes.Has("read:users") {
							t.Errorf("Verify(opaque token) = %v, %v, want %s with read:users", client, err, caller.clientID)
						}
					}
					if _, err := v.Verify(t.Context(), token.AccessToken+"x"); !errors.Is(err, verifier.Inactive) {
						t.Errorf("Verify(unknown token) = %v, want %s", err, verifier.Inactive)
					}
					if a.openIntrospection {
						return
					}
					wrong := c.wrong(t, a.ca)
					_, err := a.asking(t, credentialsOf(t, a, wrong), wrong.cert).Verify(t.Context(), token.AccessToken)
					if !errors.Is(err, verifier.IntrospectionUnavailable) || !strings.Contains(err.Error(), `HTTP status 401, error "invalid_client": the authority refuses this service's own Credentials`) {
						t.Errorf("Verify with wrong credentials = %v, want %s that names them", err, verifier.IntrospectionUnavailable)
					}
				})
			}
		})
	}
}

// TestIntrospectionTokens asks each authority about opaque tokens of clients of every
// kind: those that are bound to a certificate are accepted with it alone.
func TestIntrospectionTokens(t *testing.T) {
	for _, start := range []func(*testing.T) authority{
		func(t *testing.T) authority { a, _ := oidcProvider(t); return a },
		func(t *testing.T) authority { a, _ := hydra(t); return a },
	} {
		t.Run("authority", func(t *testing.T) {
			a := start(t)
			a.register(t, resourceClient)
			v := a.asking(t, credentialsOf(t, a, resourceClient), nil)
			col := a.opaqueOf(t)
			for _, c := range credentials(t, a.ca) {
				if a.lacks(c) {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					a.register(t, c)
					c := c
					c.clientID += col.suffix
					token, err := fetchControl(t.Context(), t, a, c, col.resource)
					if err != nil {
						t.Fatal(err)
					}
					how, err := verified(t.Context(), v, c, token)
					if err != nil {
						t.Errorf("Authorize(opaque token) = %v, want nil", err)
					}
					t.Log(how)
				})
			}
		})
	}
}

// TestIntrospectionRevoked: a token that is revoked at the authority (RFC 7009) is
// refused once its answer no longer counts.
func TestIntrospectionRevoked(t *testing.T) {
	a, _ := oidcProvider(t)
	caller := secretClient(t, a)
	source := newSource(t, configOf(t, a, caller, authorities.ResourceOpaque, true))
	token, err := source.TokenContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := a.asking(t, credentialsOf(t, a, resourceClient), nil)
	if _, err := v.Verify(t.Context(), token.AccessToken); err != nil {
		t.Fatalf("Verify = %v, want nil", err)
	}
	a.revoke(t.Context(), t, caller, token.AccessToken)
	if _, err := v.Verify(t.Context(), token.AccessToken); err != nil {
		t.Errorf("Verify within the TTL = %v, want nil: the answer is remembered", err)
	}
	if err := v.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), token.AccessToken); !errors.Is(err, verifier.Inactive) {
		t.Errorf("Verify after the answer was forgotten = %v, want %s", err, verifier.Inactive)
	}
}
