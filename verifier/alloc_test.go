package verifier_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestAllocations compares exact counts. The first verification of a token
// is compared with a bare signature check, including the decoding of the
// signature and the hash. The verifier may add the payload's text, the
// client, its claims and its scopes. It parses an ordinary token on the
// stack.
func TestAllocations(t *testing.T) {
	const payload, client, claims, scopeNames = 1, 1, 1, 1
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			key := m2mtest.NewKey(algorithm)
			authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: key})
			defer authority.Close()
			issuer := authority.Issuer()
			token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"read:users", "write:users"}})
			need := scopes.All("read:users")
			request := verifier.Request{Operation: "op", Authorization: []string{"Bearer " + token}}

			count := func(call func() error) float64 {
				if err := call(); err != nil { // warm: the keys, the header, the cache
					t.Fatal(err)
				}
				return testing.AllocsPerRun(100, func() {
					if err := call(); err != nil {
						t.Fatal(err)
					}
				})
			}
			raw := count(func() error { return checkRaw(key.Private.Public(), token) })
			for _, tt := range []struct {
				name      string
				cacheSize int
				// what is allocated beside a client's context
				most float64
			}{
				{"first sight", -1, raw + payload + client + claims + scopeNames},
				{"seen again", 0, 0},
			} {
				v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, CacheSize: tt.cacheSize})
				if err != nil {
					t.Fatal(err)
				}
				defer v.Close()
				if n := count(func() error { _, err := v.Verify(t.Context(), token); return err }); n > tt.most {
					t.Errorf("Verify, %s: %v allocations, want at most %v (raw: %v)", tt.name, n, tt.most, raw)
				}
				const context = 1
				if n := count(func() error { _, err := v.Authorize(t.Context(), request, need); return err }); n > tt.most+context {
					t.Errorf("Authorize, %s: %v allocations, want at most %v (raw: %v)", tt.name, n, tt.most+context, raw)
				}
			}
		})
	}
}

// checkRaw is a signature check by the standard library and nothing else.
func checkRaw(key crypto.PublicKey, token string) error {
	dot := strings.LastIndexByte(token, '.')
	signed := []byte(token[:dot])
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		return err
	}
	good := false
	switch key := key.(type) {
	case *rsa.PublicKey:
		digest := sha256.Sum256(signed)
		good = rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		digest := sha256.Sum256(signed)
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		good = ecdsa.Verify(key, digest[:], r, s)
	case ed25519.PublicKey:
		good = ed25519.Verify(key, signed, signature)
	}
	if !good {
		return errors.New("the signature does not match")
	}
	return nil
}

// TestJunkAllocations: a token that is refused before its signature is
// checked allocates only texts and the refusal, and none of the larger
// buffers for parsing.
func TestJunkAllocations(t *testing.T) {
	a, v := local(t)
	for _, tt := range []struct {
		name   string
		token  string
		reason verifier.Reason
		bytes  uint64
	}{
		{"no token", "junk", verifier.Malformed, 128},
		{"of another issuer", a.Token(spec{Issuer: "https://elsewhere.example.com"}), verifier.UnknownIssuer, 768},
		{"for another audience", a.Token(spec{Audience: []string{"https://elsewhere.example.com"}}), verifier.Audience, 768},
		{"expired", a.Token(spec{TTL: -time.Hour}), verifier.Expired, 768},
		{"of an unknown key", a.Token(unknown(time.Now().Add(-10 * time.Minute))), verifier.KeyUnknown, 768},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refuse := func() {
				if _, err := v.Verify(t.Context(), tt.token); reasonOf(err) != tt.reason {
					t.Fatalf("%v, want %s", err, tt.reason)
				}
			}
			for range 3 { // the budget for unknown keys is spent
				refuse()
			}
			const most = 5
			if n := testing.AllocsPerRun(100, refuse); n > most {
				t.Errorf("%v allocations, want at most %d", n, most)
			}
			const runs = 200
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range runs {
				refuse()
			}
			runtime.ReadMemStats(&after)
			if n := (after.TotalAlloc - before.TotalAlloc) / runs; n > tt.bytes {
				t.Errorf("%d bytes, want at most %d", n, tt.bytes)
			}
		})
	}
}
