package verifier_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestJWKSOptions: each option has its documented effect.
func TestJWKSOptions(t *testing.T) {
	padded := func(n int) roundTrip {
		return edited(func(doc string) string { return doc + strings.Repeat(" ", n-len(doc)) })
	}
	cached := func(s *keyServer, r *http.Request) (*http.Response, error) {
		res, err := healthy(s, r)
		res.Header.Set("Cache-Control", "max-age=900")
		return res, err
	}
	exponent3 := eachKey(func(jwk map[string]any) { jwk["e"] = "Aw" })
	fails := func(t *testing.T, v *verifier.Verifier, after time.Duration) {
		t.Helper()
		began := time.Now()
		if err := v.Refresh(t.Context()); err == nil || time.Since(began) != after {
			t.Errorf("%v after %v, want an error after %v", err, time.Since(began), after)
		}
	}
	works := func(t *testing.T, v *verifier.Verifier) {
		t.Helper()
		if err := v.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
	}
	// The time between two periodic fetches.
	period := func(t *testing.T, v *verifier.Verifier, want time.Duration) {
		t.Helper()
		works(t, v)
		keytest.Pass(time.Until(v.Status()[0].NextAttempt))
		for range 10 {
			next := v.Status()[0].NextAttempt
			if d := time.Until(next); d < want*9/10 || d > want*11/10 {
				t.Errorf("the next fetch is in %v, want %v ± 10 %%", d, want)
			}
			keytest.Pass(time.Until(next))
		}
	}
	tests := []struct {
		name    string
		options verifier.JWKSOptions
		answer  roundTrip // after a first good one
		check   func(*testing.T, *keyServer, *verifier.Verifier)
	}{
		{"RefreshInterval", verifier.JWKSOptions{}, healthy, func(t *testing.T, _ *keyServer, v *verifier.Verifier) {
			period(t, v, 5*time.Minute)
		}},
		{"RefreshInterval, chosen", verifier.JWKSOptions{RefreshInterval: 10 * time.Minute}, healthy, func(t *testing.T, _ *keyServer, v *verifier.Verifier) {
			period(t, v, 10*time.Minute)
		}},
		{"RefreshInterval, and the authority's wish", verifier.JWKSOptions{}, cached, func(t *testing.T, _ *keyServer, v *verifier.Verifier) {
			period(t, v, 15*time.Minute)
		}},
		{"RefreshInterval, chosen, and the authority's wish", verifier.JWKSOptions{RefreshInterval: 10 * time.Minute}, cached, func(t *testing.T, _ *keyServer, v *verifier.Verifier) {
			period(t, v, 10*time.Minute)
		}},
		{"FetchTimeout", verifier.JWKSOptions{}, hangs, func(t *testing.T, _ *keyServer, v *verifier.Verifier) {
			fails(t, v, 5*time.Second)
		}},
		{"FetchTimeout, chosen", verifier.JWKSOptions{FetchTimeout: 300 * time.Millisecond}, hangs, func(t *testing.T, _ *keyServer, v *verifier.Verifier) {
			fails(t, v, 300*time.Millisecond)
		}},
		{"MaxBytes, as long", verifier.JWKSOptions{}, padded(256 << 10), func(t *testing.T, _ *keyServer, v *verifier.Verifier) { works(t, v) }},
		{"MaxBytes, longer", verifier.JWKSOptions{}, padded(256<<10 + 1), func(t *testing.T, _ *keyServer, v *verifier.Verifier) { fails(t, v, 0) }},
		{"MaxBytes, chosen, as long", verifier.JWKSOptions{MaxBytes: 5000}, padded(5000), func(t *testing.T, _ *keyServer, v *verifier.Verifier) { works(t, v) }},
		{"MaxBytes, chosen, longer", verifier.JWKSOptions{MaxBytes: 5000}, padded(5001), func(t *testing.T, _ *keyServer, v *verifier.Verifier) { fails(t, v, 0) }},
		{"AllowRSAExponent3, not", verifier.JWKSOptions{}, exponent3, func(t *testing.T, _ *keyServer, v *verifier.Verifier) { fails(t, v, 0) }},
		{"AllowRSAExponent3", verifier.JWKSOptions{AllowRSAExponent3: true}, exponent3, func(t *testing.T, _ *keyServer, v *verifier.Verifier) { works(t, v) }},
	}
	rsa := m2mtest.NewKey("RS256")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				if strings.HasPrefix(tt.name, "AllowRSA") {
					s.RemoveKey(s.Keys()[0])
					s.PublishKey(rsa)
				}
				v := s.warm(t, func(c *verifier.Config) {
					tt.options.Transport = s
					c.Issuers[0].JWKS = tt.options
				})
				s.Now(tt.answer)
				tt.check(t, s, v)
			})
		})
	}
}
