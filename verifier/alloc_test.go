package verifier_test

import (
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestAllocations: counts are exact, where times on a shared machine are not.
// The raw figures are what the standard library's signature check allocates
// with the decoding of the signature and the hash: 11 for RS256 and 23 for
// ES256 and 3 for EdDSA, to which full verification may add 12.
func TestAllocations(t *testing.T) {
	for _, tt := range []struct {
		alg       string
		firstTime float64 // at the most
	}{
		{"RS256", 11 + 12},
		{"ES256", 23 + 12},
		{"EdDSA", 3 + 12},
	} {
		t.Run(tt.alg, func(t *testing.T) {
			authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey(tt.alg)})
			defer authority.Close()
			issuer := authority.Issuer()
			issuer.Accept = verifier.SubjectHasPrefix("m2m-client-") // the Stytch preset's reads all claims into a map
			token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"read:users", "write:users"}})
			need := scopes.All("read:users")
			request := verifier.Request{Operation: "op", Authorization: []string{"Bearer " + token}}

			count := func(cacheSize int, call func(*verifier.Verifier) error) float64 {
				v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, CacheSize: cacheSize})
				if err != nil {
					t.Fatal(err)
				}
				defer v.Close()
				if err := call(v); err != nil { // warm: the keys, the header, the cache
					t.Fatal(err)
				}
				return testing.AllocsPerRun(100, func() {
					if err := call(v); err != nil {
						t.Fatal(err)
					}
				})
			}
			verify := func(v *verifier.Verifier) error {
				_, err := v.Verify(t.Context(), token)
				return err
			}
			authorize := func(v *verifier.Verifier) error {
				_, err := v.Authorize(t.Context(), request, need)
				return err
			}
			if n := count(-1, verify); n > tt.firstTime {
				t.Errorf("Verify at first sight: %v allocations, want at most %v", n, tt.firstTime)
			}
			if n := count(0, verify); n != 0 {
				t.Errorf("Verify, seen again: %v allocations, want 0", n)
			}
			if n := count(0, authorize); n != 1 {
				t.Errorf("Authorize, seen again: %v allocations, want 1: the context", n)
			}
		})
	}
}
