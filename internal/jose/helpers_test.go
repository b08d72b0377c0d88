package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The private keys of this package's tests. There is one RSA key, because they are
// slow to make.
var (
	rsaKey  = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p256Key = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	p384Key = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	p521Key = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) })
	edKey   = sync.OnceValue(func() ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return must(key, err)
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// signers returns a key for every algorithm, and for both names of EdDSA.
func signers() map[string]crypto.Signer {
	return map[string]crypto.Signer{
		"RS256": rsaKey(), "RS384": rsaKey(), "RS512": rsaKey(),
		"PS256": rsaKey(), "PS384": rsaKey(), "PS512": rsaKey(),
		"ES256": p256Key(), "ES384": p384Key(), "ES512": p521Key(),
		"EdDSA": edKey(), "Ed25519": edKey(),
	}
}

func hashOf(alg string) crypto.Hash {
	switch alg[2:] {
	case "256":
		return crypto.SHA256
	case "384":
		return crypto.SHA384
	default:
		return crypto.SHA512
	}
}

func digest(hash crypto.Hash, signed string) []byte {
	h := hash.New()
	h.Write([]byte(signed))
	return h.Sum(nil)
}

// sign returns a signature by RFC 7518 §3 and RFC 8037. It uses only the standard
// library, so that the code is not tested against its own library.
func sign(key crypto.Signer, alg, signed string) []byte {
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, []byte(signed))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest(hashOf(alg), signed))
		return halves(key, must(r, err), s)
	case *rsa.PrivateKey:
		hash := hashOf(alg)
		if strings.HasPrefix(alg, "PS") {
			opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return must(rsa.SignPSS(rand.Reader, key, hash, digest(hash, signed), opts))
		}
		return must(rsa.SignPKCS1v15(nil, key, hash, digest(hash, signed)))
	}
	panic("unknown key type")
}

// halves returns an ECDSA signature in the form of a JWS (RFC 7518 §3.4).
func halves(key *ecdsa.PrivateKey, r, s *big.Int) []byte {
	size := (key.Params().BitSize + 7) / 8
	b := make([]byte, 2*size)
	r.FillBytes(b[:size])
	s.FillBytes(b[size:])
	return b
}

// parts holds the parts of a token, which tests change.
type parts struct {
	header, payload string
	signature       []byte
}

func (p parts) signed() string { return encode([]byte(p.header)) + "." + encode([]byte(p.payload)) }

func (p parts) compact() string { return p.signed() + "." + encode(p.signature) }

func signedBy(key crypto.Signer, alg string) parts {
	p := parts{header: `{"alg":"` + alg + `","kid":"k"}`, payload: `{"sub":"m2m-client"}`}
	p.signature = sign(key, alg, p.signed())
	return p
}

// publish returns the JWK of a public key.
func publish(public crypto.PublicKey) map[string]any {
	switch p := public.(type) {
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "n": encode(p.N.Bytes()), "e": encode(big.NewInt(int64(p.E)).Bytes())}
	case *ecdsa.PublicKey:
		point := must(p.Bytes())[1:]
		x, y := point[:len(point)/2], point[len(point)/2:]
		return map[string]any{"kty": "EC", "crv": p.Params().Name, "x": encode(x), "y": encode(y)}
	case ed25519.PublicKey:
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": encode(p)}
	}
	panic("unknown key type")
}

// with returns a copy of a JWK with one member set.
func with(jwk map[string]any, name string, value any) map[string]any {
	jwk = maps.Clone(jwk)
	jwk[name] = value
	return jwk
}

func without(jwk map[string]any, name string) map[string]any {
	jwk = maps.Clone(jwk)
	delete(jwk, name)
	return jwk
}

func keySetOf(entries ...any) []byte {
	return must(json.Marshal(map[string]any{"keys": entries}))
}

// load returns the only key of a key set.
func load(t *testing.T, jwk any, opts Options) *Key {
	t.Helper()
	set, err := ParseKeySet(keySetOf(jwk), opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 1 || len(set.Dropped) != 0 {
		t.Fatalf("%d keys, dropped %q", len(set.Keys), set.Dropped)
	}
	return set.Keys[0]
}

// check parses the token, and verifies it under the algorithm that the key
// serves.
func check(t *testing.T, token string, key *Key, allowed ...string) error {
	t.Helper()
	algorithm, ok := key.UsableFor(allowed)
	if !ok {
		t.Fatalf("a key for %q is not usable for %q", key.Algorithm, allowed)
	}
	tok, parts, err := ParseToken(token, 512, nil, nil)
	if err == nil {
		err = tok.Verify(parts, key, algorithm)
	}
	if err != nil {
		checkQuotesNothing(t, err, token)
	}
	return err
}

// flip returns b with one bit changed.
func flip(b []byte, bit int) []byte {
	b = slices.Clone(b)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}
