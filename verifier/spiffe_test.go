package verifier_test

import (
	"context"
	"encoding/json"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestRefreshHint: a bundle's hint says when it is fetched again, within the bounds of
// the issuer's JWKSOptions.
func TestRefreshHint(t *testing.T) {
	jwk := m2mtest.NewKey("ES256").JWK()
	jwk["use"] = "jwt-svid"
	for _, tt := range []struct {
		name     string
		hint     int // in seconds
		interval time.Duration
		domain   string
		want     time.Duration
	}{
		{"two minutes", 120, 0, "example.org", 2 * time.Minute},
		{"a second", 1, 0, "example.org", time.Minute},
		{"a day", 86400, 0, "example.org", 15 * time.Minute},
		{"longer than the interval that is set", 600, 2 * time.Minute, "example.org", 2 * time.Minute},
		{"none", 0, 0, "example.org", 5 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			var fetched []time.Time
			v := newVerifier(t, verifier.Config{Issuers: []verifier.Issuer{{
				Name: "spiffe://example.org", Audiences: []string{"api"}, TrustDomain: tt.domain,
				JWKS: verifier.JWKSOptions{RefreshInterval: tt.interval},
				FetchJWKS: func(context.Context) ([]byte, error) {
					fetched = append(fetched, time.Now())
					return json.Marshal(map[string]any{"keys": []any{jwk}, "spiffe_refresh_hint": tt.hint, "spiffe_sequence": 1})
				},
			}}})
			for range 60 { // the first interval is spread over its length
				time.Sleep(time.Minute)
			}
			v.Close()
			for i := 2; i < len(fetched); i++ {
				if got := fetched[i].Sub(fetched[i-1]); math.Abs(float64(got-tt.want)) > 0.1*float64(tt.want)+1 {
					t.Errorf("hint of %s: fetch %d after %v, want %v ± 10 %%", tt.name, i, got, tt.want)
				}
			}
			if want := int(time.Hour/tt.want) - 2; len(fetched) < want {
				t.Errorf("hint of %s: %d fetches in an hour, want at least %d", tt.name, len(fetched), want)
			}
		})
	}
}

// TestTrustDomainDefaults: what is set beside a TrustDomain is kept, and the rest is that
// of JWT-SVIDs.
func TestTrustDomainDefaults(t *testing.T) {
	const domain, id = "spiffe://example.org", "spiffe://example.org/worker"
	key := m2mtest.NewKey("ES256")
	a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: key})
	defer a.Close()
	jwk := key.JWK()
	jwk["use"] = "jwt-svid"
	svid := func(typ string) string {
		return a.Token(spec{Issuer: domain, ClientID: id, Audience: []string{"api"},
			Header: map[string]any{"typ": typ}, Claims: map[string]any{"workload": "worker-7"}})
	}
	for _, tt := range []struct {
		name   string
		claims []string // ClientIDClaims
		types  []string // TokenTypes
		typ    string
		want   verifier.Reason
		client string
	}{
		{"nothing is set", nil, nil, "JWT", "", id},
		{"nothing is set, another type", nil, nil, "at+jwt", verifier.TokenType, ""},
		{"ClientIDClaims", []string{"workload"}, nil, "JWT", "", "worker-7"},
		{"TokenTypes", nil, []string{"at+jwt"}, "at+jwt", "", id},
		{"TokenTypes, a type that is not among them", nil, []string{"at+jwt"}, "JWT", verifier.TokenType, ""},
	} {
		v := newVerifier(t, verifier.Config{Issuers: []verifier.Issuer{{
			Name: domain, Audiences: []string{"api"}, TrustDomain: "example.org", ClientIDClaims: tt.claims, TokenTypes: tt.types,
			Accept:    func(verifier.Client) error { return nil },
			FetchJWKS: func(context.Context) ([]byte, error) { return json.Marshal(map[string]any{"keys": []any{jwk}}) },
		}}})
		if client, err := v.Verify(t.Context(), svid(tt.typ)); reasonOf(err) != tt.want || client.ID != tt.client {
			t.Errorf("Verify(a JWT-SVID, %s) = %q, %v, want %q, %q", tt.name, client.ID, err, tt.client, tt.want)
		}
	}
}
