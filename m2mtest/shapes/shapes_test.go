package shapes_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestPresets: the token of each form is accepted, and its near misses are refused for
// the reason of each.
func TestPresets(t *testing.T) {
	for _, p := range presets {
		t.Run(p.name, func(t *testing.T) {
			a, v, good := p.trust(t)
			client, err := v.Verify(t.Context(), a.Token(good))
			id := p.id
			if id == "" {
				id = p.client
			}
			if err != nil || client.ID != id || client.Scopes.String() != p.scopes {
				t.Fatalf("Verify(good) = %q with %q, %v, want %q with %q", client.ID, client.Scopes, err, id, p.scopes)
			}
			if c := a.Client(good); c.ID != id || !c.Scopes.Equal(client.Scopes) {
				t.Errorf("Client(good) = %q with %q, want %q with %q", c.ID, c.Scopes, id, p.scopes)
			}
			refused := func(name string, want verifier.Reason, spec m2mtest.TokenSpec) {
				_, err := v.Verify(t.Context(), a.Token(spec))
				if e := verifier.AsError(err); err == nil || e.Reason != want {
					t.Errorf("Verify(%s) = %v, want %v", name, err, want)
				}
			}
			for _, m := range p.misses {
				spec := good
				spec.Claims = maps.Clone(p.claims)
				if spec.Claims == nil {
					spec.Claims = claims{}
				}
				maps.Copy(spec.Claims, m.claims)
				refused(m.name, m.want, spec)
			}
			spec := good
			spec.Issuer = "https://evil.example.com"
			refused("another issuer", verifier.UnknownIssuer, spec)
			spec = good
			spec.Audience = []string{"https://other.example.com"}
			refused("another audience", verifier.Audience, spec)
			spec = good
			spec.TTL = -time.Hour
			refused("expired", verifier.Expired, spec)
			spec = good
			spec.Key, spec.Header = m2mtest.NewKey("ES256"), map[string]any{"kid": a.Key().ID}
			refused("a stranger's key", verifier.BadSignature, spec)
			spec = good
			spec.Header = map[string]any{"typ": "dpop+jwt"}
			refused("another type", verifier.TokenType, spec)
		})
	}
}

// TestRotationAndOutage: the switches of the authority work as for Stytch.
func TestRotationAndOutage(t *testing.T) {
	for _, p := range presets {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, v, good := p.trust(t)
				ctx, first := t.Context(), a.Key().ID
				old := a.Token(good)
				verify := func(name, token string, want error) {
					t.Helper()
					if _, err := v.Verify(ctx, token); !errors.Is(err, want) {
						t.Errorf("Verify(%s) = %v, want %v", name, err, want)
					}
				}
				verify("of the first key", old, nil)

				a.Fail(m2mtest.Outage{Endpoints: m2mtest.KeysEndpoint})
				if err := v.Refresh(ctx); err == nil {
					t.Error("Refresh in an outage = nil, want an error")
				}
				verify("in an outage", a.Token(good), nil)
				a.RotateKeys()
				verify("of a new key, in an outage", a.Token(good), verifier.KeysUnavailable)
				a.Restore()
				time.Sleep(time.Minute)
				if err := v.Refresh(ctx); err != nil {
					t.Fatal(err)
				}
				verify("of the new key", a.Token(good), nil)
				verify("of the first key, beside the new one", old, nil)
				a.RemoveKey(first)
				time.Sleep(time.Minute)
				if err := v.Refresh(ctx); err != nil {
					t.Fatal(err)
				}
				verify("of the removed key", old, verifier.KeyRemoved)
				verify("of the new key alone", a.Token(good), nil)
			})
		})
	}
}

// TestServer: the keys come over HTTP as well, with the algorithms of the preset.
func TestServer(t *testing.T) {
	key := m2mtest.NewKey("RS256") // which every preset accepts
	for _, p := range presets {
		t.Run(p.name, func(t *testing.T) {
			issuer, err := p.issuer()
			if err != nil {
				t.Fatal(err)
			}
			a := m2mtest.NewAuthority(&m2mtest.Options{Issuer: &issuer, Shape: p.shape, Key: key})
			defer a.Close()
			if got := a.Issuer().Algorithms; !slices.Equal(got, issuer.Algorithms) {
				t.Errorf("Algorithms = %q, want %q", got, issuer.Algorithms)
			}
			v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{a.Issuer()}})
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			if err := v.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := v.Verify(t.Context(), a.Token(p.spec())); err != nil {
				t.Errorf("Verify = %v, want nil", err)
			}
		})
	}
}

// TestDefaultClient: without a ClientID, a token has one.
func TestDefaultClient(t *testing.T) {
	for _, tt := range []struct {
		preset string
		want   string
	}{{"Auth0", "worker"}, {"Okta", "worker"}, {"Cognito", "1example23456789"}, {"an authority without a preset", "worker"}} {
		p := named(tt.preset)
		a, v, _ := p.trust(t)
		client, err := v.Verify(context.Background(), a.Token(m2mtest.TokenSpec{}))
		if err != nil || client.ID != tt.want || client.Scopes.Len() != 0 {
			t.Errorf("%s: Verify(zero TokenSpec) = %q with %q, %v, want %q", tt.preset, client.ID, client.Scopes, err, tt.want)
		}
	}
}

// TestScopeArrays: authorities that write arrays have arrays here.
func TestScopeArrays(t *testing.T) {
	for name, claim := range map[string]string{"Okta": "scp", "Entra ID v2.0": "roles"} {
		p := named(name)
		a, _, good := p.trust(t)
		var got map[string]json.RawMessage
		if err := a.Client(good).Claims(&got); err != nil || !strings.HasPrefix(string(got[claim]), "[") {
			t.Errorf("%s: %q is %s, %v, want an array", name, claim, got[claim], err)
		}
	}
}
