package authorities_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/tokensource"
)

// accessToken returns the current token of s.
func accessToken(t *testing.T, s *tokensource.Source) string {
	t.Helper()
	token, err := s.TokenContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

// tokenErrors returns the error of each token request since the last time: "" for
// those that were answered with a token.
func tokenErrors(p *authorities.OIDCProvider) []string {
	var errs []string
	for _, r := range p.TokenRequests() {
		errs = append(errs, r.Error)
	}
	return errs
}

// TestSecretRotation replaces a client's secret while a source holds the old one.
func TestSecretRotation(t *testing.T) {
	a, p := oidcProvider(t)
	c := secretClient(t, a)
	next := c
	next.secret = strings.Repeat("n3xt-", 9)

	t.Run("the new secret arrives during the fetch", func(t *testing.T) {
		conf := configOf(t, a, c, authorities.ResourceES256, true)
		var reads atomic.Int32
		conf.Credentials = tokensource.SecretFunc(func(context.Context) (string, string, error) {
			if reads.Add(1) == 1 {
				return c.clientID, c.secret, nil
			}
			return next.clientID, next.secret, nil
		})
		a.register(t, next)
		p.TokenRequests()
		accessToken(t, newSource(t, conf))
		if got, want := tokenErrors(p), []string{"invalid_client", ""}; !slices.Equal(got, want) {
			t.Errorf("token requests = %q, want %q", got, want)
		}
	})

	t.Run("a file", func(t *testing.T) {
		folder := t.TempDir()
		write := func(c credential) {
			t.Helper()
			for name, text := range map[string]string{"client_id": c.clientID, "client_secret": c.secret} {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		a.register(t, c)
		write(c)
		conf := configOf(t, a, c, authorities.ResourceES256, true)
		conf.Credentials = tokensource.SecretFile(folder)
		s := newSource(t, conf)
		first := accessToken(t, s)
		a.register(t, next)
		write(next)
		p.TokenRequests()
		s.Invalidate(first)
		if second := accessToken(t, s); second == first {
			t.Error("the refused token is handed out again")
		}
		if got, want := tokenErrors(p), []string{""}; !slices.Equal(got, want) {
			t.Errorf("token requests = %q, want %q", got, want)
		}
	})
}

// TestClientKeyRotation replaces the key of a client that signs assertions.
func TestClientKeyRotation(t *testing.T) {
	a, p := oidcProvider(t)
	c := credential{clientID: "signer", method: "private_key_jwt", key: newECKey(t), alg: "ES256"}
	file := filepath.Join(t.TempDir(), "key.pem")
	write := func(c credential) {
		t.Helper()
		der, err := x509.MarshalPKCS8PrivateKey(c.key)
		if err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		a.register(t, c)
	}
	write(c)
	conf := configOf(t, a, c, authorities.ResourceES256, true)
	conf.Credentials = tokensource.PrivateKeyJWT{ClientID: c.clientID, KeyFile: file, Audience: a.issuer}
	s := newSource(t, conf)
	first := accessToken(t, s)
	c.key = newECKey(t)
	write(c)
	p.TokenRequests()
	s.Invalidate(first)
	if second := accessToken(t, s); second == first {
		t.Error("the refused token is handed out again")
	}
	if got, want := tokenErrors(p), []string{""}; !slices.Equal(got, want) {
		t.Errorf("token requests = %q, want %q", got, want)
	}
}

// TestMTLSAlias authenticates by a certificate where the authority asks for it at
// another address only, which its metadata name (RFC 8705 §5).
func TestMTLSAlias(t *testing.T) {
	a := asAuthority(t, authorities.StartOIDCProvider(t, &authorities.OIDCProviderOptions{MTLSAlias: true}))
	cert := a.ca.Client("worker.example.com")
	c := credential{clientID: "worker", method: "tls_client_auth", cert: &cert}
	a.register(t, c)
	if _, err := fetchControl(t.Context(), t, a, c, authorities.ResourceES256); err == nil {
		t.Error("the token endpoint asks for certificates, want that of mtls_endpoint_aliases alone to do so")
	}
	token, err := newSource(t, configOf(t, a, c, authorities.ResourceES256, true)).TokenContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := verified(t.Context(), a.verifier(t), c, token); err != nil || got != "verified, x5t" {
		t.Errorf("the token is %s, %v, want verified and bound to the certificate", got, err)
	}
}

// TestOutage stops the authority while a source holds a token.
func TestOutage(t *testing.T) {
	a, p := oidcProvider(t)
	c := secretClient(t, a)
	s := newSource(t, configOf(t, a, c, authorities.ResourceES256, true))
	first := accessToken(t, s)

	p.Down(true)
	s.Invalidate(first) // the replacement fails, so the token stays
	if got := accessToken(t, s); got != first {
		t.Error("the source has another token than before the outage")
	}
	_, err := newSource(t, configOf(t, a, c, authorities.ResourceES256, true)).TokenContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(a.issuer, "https://")) || strings.Contains(err.Error(), c.secret) {
		t.Errorf("a new source during the outage = %v, want an error with the address %s, without the secret", err, a.issuer)
	}

	p.Down(false)
	if _, err := newSource(t, configOf(t, a, c, authorities.ResourceES256, true)).TokenContext(t.Context()); err != nil {
		t.Errorf("a new source after the outage = %v, want a token", err)
	}
}

// TestRevocation revokes an opaque token at the authority (RFC 7009).
func TestRevocation(t *testing.T) {
	a, _ := oidcProvider(t)
	c := secretClient(t, a)
	s := newSource(t, configOf(t, a, c, authorities.ResourceOpaque, true))
	first := accessToken(t, s)
	if !a.introspect(t.Context(), t, first).Active {
		t.Fatal("a new token is not active")
	}
	form := url.Values{"token": {first}, "client_id": {c.clientID}, "client_secret": {c.secret}}
	res, err := (&http.Client{Transport: a.ca.Transport(nil)}).PostForm(a.issuer+"/token/revocation", form)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || a.introspect(t.Context(), t, first).Active {
		t.Fatalf("revocation = %s, want 200 and an inactive token", res.Status)
	}
	s.Invalidate(first)
	if second := accessToken(t, s); !a.introspect(t.Context(), t, second).Active {
		t.Error("the replacement of a revoked token is not active")
	}
}
