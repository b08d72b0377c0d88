package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"testing"

	"github.com/m2mauth/m2mauth/internal/jose"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type jwk map[string]any

// with returns the key with a member changed.
func (k jwk) with(name string, value any) jwk {
	k = maps.Clone(k)
	k[name] = value
	return k
}

// under returns the key with another ID, or without ID if that is "".
func (k jwk) under(kid string) jwk {
	k = k.with("kid", kid)
	if kid == "" {
		delete(k, "kid")
	}
	return k
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// ed returns an Ed25519 key derived from name, with name as ID.
func ed(name string) jwk {
	seed := sha256.Sum256([]byte(name))
	public := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	return jwk{"kty": "OKP", "crv": "Ed25519", "x": encode(public), "kid": name}
}

// ec returns a P-256 key: n times the base point.
func ec(name string, n byte) jwk {
	private := must(ecdsa.ParseRawPrivateKey(elliptic.P256(), append(make([]byte, 31), n)))
	point := must(private.PublicKey.Bytes()) // 4, x, y
	return jwk{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:]), "kid": name}
}

// p521 returns a P-521 key: the base point.
func p521() jwk {
	private := must(ecdsa.ParseRawPrivateKey(elliptic.P521(), append(make([]byte, 65), 1)))
	point := must(private.PublicKey.Bytes())[1:]
	return jwk{"kty": "EC", "crv": "P-521", "x": encode(point[:66]), "y": encode(point[66:])}
}

// rsa returns a number that passes for an RSA key, without an algorithm.
func rsa(name string, n int64) jwk {
	modulus := new(big.Int).Lsh(big.NewInt(1), 2047)
	modulus.Add(modulus, big.NewInt(2*n+1))
	return jwk{"kty": "RSA", "n": encode(modulus.Bytes()), "e": "AQAB", "kid": name}
}

// document returns a JWK Set of keys.
func document(keys ...jwk) []byte {
	if keys == nil {
		keys = []jwk{}
	}
	return must(json.Marshal(map[string]any{"keys": keys}))
}

// everything lists one algorithm for each type of key.
var everything = []string{"RS256", "ES256", "EdDSA"}

// compile returns the Set of keys for an issuer that signs with everything.
func compile(prev *Set, keys ...jwk) *Set { return compileFor(everything, prev, keys...) }

func compileFor(algorithms []string, prev *Set, keys ...jwk) *Set {
	return newSet(must(jose.ParseKeySet(document(keys...), jose.Options{})), algorithms, prev)
}
