package verifier_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestBindingTexts: a confirmation that is not understood is named, with those that are.
func TestBindingTexts(t *testing.T) {
	type m = map[string]any
	digest := func(bytes int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, bytes)) }
	const (
		certificate = `, want the SHA-256 of the certificate in base64url`
		key         = `, want the SHA-256 thumbprint of the key in base64url`
		both        = `, want an object of "x5t#S256", "jkt" or both`
		alone       = `, want an object of "x5t#S256" alone: Config.DPoP is not set`
	)
	checker, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name          string
		cnf           any
		with, without string // Config.DPoP
	}{
		{"nothing", m{}, both, alone},
		{"null", json.RawMessage("null"), both, alone},
		{"a text", "jkt", both, alone},
		{"another member", m{"kid": "k"}, both, alone},
		{"another member beside a good one", m{"jwk": m{}, "x5t#S256": digest(32)}, both, alone},
		{"a good one beside another member", m{"x5t#S256": digest(32), "x5u": "u"}, both, alone},
		{"a short certificate", m{"x5t#S256": digest(31)}, certificate, certificate},
		{"a long certificate", m{"x5t#S256": digest(33)}, certificate, certificate},
		{"a padded certificate", m{"x5t#S256": digest(32) + "="}, certificate, certificate},
		{"a certificate that is a number", m{"x5t#S256": 1}, certificate, certificate},
		{"a short key", m{"jkt": digest(31)}, key, alone},
		{"a long key", m{"jkt": digest(33)}, key, alone},
		{"a padded key", m{"jkt": digest(32) + "="}, key, alone},
		{"a good key", m{"jkt": digest(32)}, `the token is bound to a DPoP key, want the scheme "DPoP" and a proof`, alone},
		{"a good certificate", m{"x5t#S256": digest(32)}, "the caller proved none", "the caller proved none"},
	} {
		for _, cfg := range []verifier.Config{{DPoP: checker}, {}} {
			want := tt.with
			if cfg.DPoP == nil {
				want = tt.without
			}
			authority, v := m2mtest.Trust(t, &cfg)
			token := authority.Token(m2mtest.TokenSpec{Claims: m{"cnf": tt.cnf}})
			_, err := v.Authorize(t.Context(), bearer(token), scopes.Authenticated())
			if reasonOf(err) != verifier.Bound || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("Authorize(cnf of %s, DPoP: %t) = %v, want %q", tt.name, cfg.DPoP != nil, err, want)
			}
		}
	}
}
