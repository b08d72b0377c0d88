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
