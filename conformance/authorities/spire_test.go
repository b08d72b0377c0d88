package authorities_test

import (
	"testing"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestSPIRE verifies JWT-SVIDs of SPIRE's own server, with and without "iss", and after a
// rotation of its key.
func TestSPIRE(t *testing.T) {
	const domain, audience = "example.org", "https://api.example.com"
	const worker = "spiffe://example.org/ns/prod/worker"
	for _, jwtIssuer := range []string{"", "https://spire.example.com"} {
		t.Run("iss "+jwtIssuer, func(t *testing.T) {
			server := authorities.StartSPIRE(t, domain, jwtIssuer)
			opts := &issuers.SPIFFEOptions{
				FetchBundle: server.Bundle,
				Callers:     issuers.Callers{"spiffe://example.org/ns/prod/*": scopes.Of("orders:read")},
			}
			if jwtIssuer != "" {
				opts.Issuers = []string{jwtIssuer}
			}
			issuer, err := issuers.SPIFFE(domain, audience, opts)
			if err != nil {
				t.Fatal(err)
			}
			v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			if err := v.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			verify := func(name, spiffeID, audience string, want verifier.Reason) (keyID string) {
				t.Helper()
				client, err := v.Verify(t.Context(), server.Mint(spiffeID, audience))
				if got := verifier.AsError(err); want == "" && (err != nil || client.ID != spiffeID || !client.Scopes.Has("orders:read")) ||
					want != "" && (err == nil || got.Reason != want) {
					t.Errorf("Verify(%s) = %v, %v; want %q and %q", name, client, err, want, spiffeID)
				}
				return client.KeyID
			}
			before := verify("a worker", worker, audience, "")
			verify("another audience", worker, "https://other.example.com", verifier.Audience)
			verify("another namespace", "spiffe://example.org/ns/production/worker", audience, verifier.NotAccepted)
			server.RotateKey()
			if err := v.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if after := verify("a worker, after the rotation", worker, audience, ""); after == before {
				t.Errorf("KeyID after the rotation = %q, want another", after)
			}
		})
	}
}
