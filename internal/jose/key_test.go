package jose

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// TestKeptExponentsVerify checks that keys with every kept exponent verify
// signatures. Status would show a key that never does as good.
func TestKeptExponentsVerify(t *testing.T) {
	for _, tt := range []struct {
		name string
		e    int64
		opts Options
		kept bool
	}{
		{"3", 3, Options{}, false},
		{"3, allowed", 3, Options{AllowExponent3: true}, true},
		{"65537", 65537, Options{}, true},
		{"65537 with 3 allowed", 65537, Options{AllowExponent3: true}, true},
		{"65539", 65539, Options{}, true},
		{"2^31 - 1", 1<<31 - 1, Options{}, true},
		// crypto/rsa refuses to work with larger ones.
		{"2^31 + 11", 1<<31 + 11, Options{}, false},
		{"2^32 - 5", 1<<32 - 5, Options{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, d := rsaWithExponent(big.NewInt(tt.e))
			jwk := map[string]any{"kty": "RSA", "n": encode(n.Bytes()), "e": encode(big.NewInt(tt.e).Bytes())}
			set := must(ParseKeySet(keySetOf(jwk), tt.opts))
			if kept := len(set.Keys) == 1; kept != tt.kept {
				t.Errorf("kept %t, want %t", kept, tt.kept)
			}
			for _, key := range set.Keys {
				p := parts{header: `{"alg":"RS256"}`, payload: `{}`}
				p.signature = rawRSA(emsaPKCS1(digest(crypto.SHA256, p.signed()), (n.BitLen()+7)/8), n, d)
				if err := check(t, p.compact(), key, "RS256"); err != nil {
					t.Errorf("kept, but a good signature: %v", err)
				}
			}
		})
	}
}

// rsaWithExponent makes a key pair with a public exponent that crypto/rsa has
// no way to ask for. Four small primes are found sooner than two large ones;
// of 513 bits each, their product has 2048 at least.
func rsaWithExponent(e *big.Int) (n, d *big.Int) {
	n, phi := big.NewInt(1), big.NewInt(1)
	for i := 0; i < 4; {
		p := must(rand.Prime(rand.Reader, 513))
		less := new(big.Int).Sub(p, big.NewInt(1))
		if new(big.Int).GCD(nil, nil, e, less).Cmp(big.NewInt(1)) == 0 {
			n.Mul(n, p)
			phi.Mul(phi, less)
			i++
		}
	}
	return n, new(big.Int).ModInverse(e, phi)
}

// emsaPKCS1 is the encoding of RFC 8017 §9.2 for SHA-256.
func emsaPKCS1(digest []byte, size int) []byte {
	info := append([]byte("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"), digest...)
	padding := strings.Repeat("\xff", size-len(info)-3)
	return slices.Concat([]byte{0, 1}, []byte(padding), []byte{0}, info)
}

func TestUsableFor(t *testing.T) {
	for _, tt := range []struct {
		name    string
		key     string // its algorithm
		allowed []string
		want    string
		ok      bool
	}{
		{"its own", "RS256", []string{"RS256"}, "RS256", true},
		{"its own among others", "ES256", []string{"RS256", "PS256", "ES256"}, "ES256", true},
		{"its own among others of its type", "PS256", []string{"RS256", "PS256"}, "PS256", true},
		{"not its own", "RS256", []string{"PS256"}, "", false},
		{"of its type, not its own", "RS256", []string{"RS384", "RS512"}, "", false},
		{"another curve", "ES384", []string{"ES256"}, "", false},
		{"nothing allowed", "RS256", nil, "", false},

		{"none named, the only one for RSA", "", []string{"RS256"}, "RS256", true},
		{"none named, the only one for RSA is PSS", "", []string{"PS512"}, "PS512", true},
		{"none named, the only one for RSA among others", "", []string{"ES256", "EdDSA", "PS256", "ES384"}, "PS256", true},
		{"none named, two for RSA", "", []string{"RS256", "PS256"}, "", false},
		{"none named, two hashes for RSA", "", []string{"RS256", "ES256", "RS512"}, "", false},
		{"none named, three for RSA", "", []string{"RS256", "RS384", "RS512"}, "", false},
		{"none named, none for RSA", "", []string{"ES256", "EdDSA"}, "", false},
		{"none named, nothing allowed", "", nil, "", false},
		{"none named, an unknown one allowed", "", []string{"HS256", "none"}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := (&Key{Algorithm: tt.key}).UsableFor(tt.allowed)
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("UsableFor(%q) = %q, %t; want %q, %t", tt.allowed, got, ok, tt.want, tt.ok)
			}
		})
	}
}

// TestKeyAlgorithm checks that a missing "alg" is derived from the curve. An
// RSA key fits several algorithms, so it gets none.
func TestKeyAlgorithm(t *testing.T) {
	for _, tt := range []struct {
		name   string
		public crypto.PublicKey
		want   string
	}{
		{"RSA", rsaKey().Public(), ""},
		{"P-256", p256Key().Public(), "ES256"},
		{"P-384", p384Key().Public(), "ES384"},
		{"P-521", p521Key().Public(), "ES512"},
		{"Ed25519", edKey().Public(), "EdDSA"},
	} {
		if got := load(t, publish(tt.public), Options{}).Algorithm; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestThumbprint checks that the thumbprint depends on all of the key, and
// on nothing else.
func TestThumbprint(t *testing.T) {
	jwk := publish(p256Key().Public())
	canonical := fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, jwk["x"], jwk["y"]) // RFC 7638 §3.2
	want := sha256.Sum256([]byte(canonical))
	for name, same := range map[string]any{
		"as it is": jwk,
		"kid":      with(jwk, "kid", "k"),
		"alg":      with(jwk, "alg", "ES256"),
		"use":      with(jwk, "use", "sig"),
		"x5c":      with(jwk, "x5c", []string{"AA=="}),
		"in another order": json.RawMessage(fmt.Sprintf(` { "y":"%s", "x":"%s", "kty":"EC", "\u0063rv":"P-\u003256" } `,
			jwk["y"], jwk["x"])),
	} {
		if got := load(t, same, Options{}).Thumbprint; got != want {
			t.Errorf("%s: %x, want %x", name, got, want)
		}
	}
	seen := map[[32]byte]string{}
	for alg, private := range signers() {
		if alg == "Ed25519" || strings.HasPrefix(alg, "PS") || alg == "RS384" || alg == "RS512" {
			continue // the key of another
		}
		thumbprint := load(t, publish(private.Public()), Options{}).Thumbprint
		if other, found := seen[thumbprint]; found {
			t.Errorf("the keys of %s and %s have one thumbprint", alg, other)
		}
		seen[thumbprint] = alg
	}
}
