package jose

import (
	"testing"
)

func TestCanonicalAlgorithm(t *testing.T) {
	for name, want := range map[string]string{
		"RS256": "RS256", "PS512": "PS512", "ES384": "ES384", "EdDSA": "EdDSA", "Ed25519": "EdDSA",
	} {
		if got, ok := CanonicalAlgorithm(name); !ok || got != want {
			t.Errorf("CanonicalAlgorithm(%q) = %q, %t; want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "none", "HS256", "rs256", "RS1", "ES256K", "eddsa", "ed25519", "ED25519", "Ed448"} {
		if _, ok := CanonicalAlgorithm(name); ok {
			t.Errorf("CanonicalAlgorithm(%q) accepts it", name)
		}
	}
}

func TestIsSymmetricOrNone(t *testing.T) {
	for name, want := range map[string]bool{
		"none": true, "None": true, "nOnE": true, "HS256": true, "hs384": true, "Hs512": true, "HS1": true,
		"": false, "RS256": false, "PS256": false, "ES256": false, "EdDSA": false, "nones": false, "AHS256": false,
	} {
		if got := IsSymmetricOrNone(name); got != want {
			t.Errorf("IsSymmetricOrNone(%q) = %t", name, got)
		}
	}
}
