package authorities_test

import (
	"context"
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
		conf := configOf(a, c, authorities.ResourceES256, true)
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
		conf := configOf(a, c, authorities.ResourceES256, true)
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

// TestOutage stops the authority while a source holds a token.
func TestOutage(t *testing.T) {
	a, p := oidcProvider(t)
	c := secretClient(t, a)
	s := newSource(t, configOf(a, c, authorities.ResourceES256, true))
	first := accessToken(t, s)

	p.Down(true)
	s.Invalidate(first) // the replacement fails, so the token stays
	if got := accessToken(t, s); got != first {
		t.Error("the source has another token than before the outage")
	}
	_, err := newSource(t, configOf(a, c, authorities.ResourceES256, true)).TokenContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(a.issuer, "https://")) || strings.Contains(err.Error(), c.secret) {
		t.Errorf("a new source during the outage = %v, want an error with the address %s, without the secret", err, a.issuer)
	}

	p.Down(false)
	if _, err := newSource(t, configOf(a, c, authorities.ResourceES256, true)).TokenContext(t.Context()); err != nil {
		t.Errorf("a new source after the outage = %v, want a token", err)
	}
}

// TestRevocation revokes an opaque token at the authority (RFC 7009).
func TestRevocation(t *testing.T) {
	a, _ := oidcProvider(t)
	c := secretClient(t, a)
	s := newSource(t, configOf(a, c, authorities.ResourceOpaque, true))
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
