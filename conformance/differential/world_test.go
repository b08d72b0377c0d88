package differential

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// The policy of every library.
const (
	issuer   = "https://issuer.example"
	audience = "https://api.example"
	leeway   = 30 * time.Second
)

var algorithms = []string{"RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"}

// keys are the same in every run, so that a fuzzer's findings can be reproduced.
var keys = []*m2mtest.Key{
	{ID: "rs", Algorithm: "RS256", Private: rsaKey("rs")},
	{ID: "ps", Algorithm: "PS256", Private: rsaKey("ps")},
	{ID: "es", Algorithm: "ES256", Private: ecKey(elliptic.P256())},
	{ID: "es3", Algorithm: "ES384", Private: ecKey(elliptic.P384())},
	{ID: "es5", Algorithm: "ES512", Private: ecKey(elliptic.P521())},
	{ID: "ed", Algorithm: "EdDSA", Private: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))},
}

// published returns the key set document of keys.
var published = keySet(keys...)

func keySet(keys ...*m2mtest.Key) string {
	list := []map[string]any{}
	for _, k := range keys {
		jwk := k.JWK()
		delete(jwk, "x5c") // made anew every time
		delete(jwk, "x5tS256")
		list = append(list, jwk)
	}
	return string(must(json.Marshal(map[string]any{"keys": list})))
}

// rsaKey returns a 2048-bit key derived from seed. It is not secret.
func rsaKey(seed string) *rsa.PrivateKey {
	p, q := prime(seed+"p"), prime(seed+"q")
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	k := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(big.NewInt(65537), phi),
		Primes:    []*big.Int{p, q},
	}
	k.Precompute()
	if err := k.Validate(); err != nil {
		panic(err)
	}
	return k
}

// prime returns the first 1024-bit prime after a number derived from seed.
func prime(seed string) *big.Int {
	a, b := sha512.Sum512([]byte(seed)), sha512.Sum512([]byte(seed+"+"))
	p := new(big.Int).SetBytes(slices.Concat(a[:], b[:]))
	for _, bit := range []int{0, 1022, 1023} {
		p.SetBit(p, bit, 1)
	}
	for !p.ProbablyPrime(10) || new(big.Int).Mod(p, big.NewInt(65537)).Int64() == 1 {
		p.Add(p, big.NewInt(2))
	}
	return p
}

func ecKey(c elliptic.Curve) *ecdsa.PrivateKey {
	scalar := make([]byte, (c.Params().BitSize+7)/8)
	scalar[len(scalar)-1] = 42
	return must(ecdsa.ParseRawPrivateKey(c, scalar))
}

// sign returns a compact JWS of any two texts.
func sign(k *m2mtest.Key, header, payload string) string {
	signed := encode(header) + "." + encode(payload)
	return signed + "." + encode(string(k.Sign([]byte(signed))))
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// us returns a Verifier of the policy with the given key set, or nil if no key can be
// used. It makes no check that only we make: neither the token's type nor whether
// it is a machine's.
func us(doc string) *verifier.Verifier {
	set, err := jose.ParseKeySet([]byte(doc), jose.Options{})
	if err != nil || len(set.Keys) == 0 {
		return nil
	}
	v := must(verifier.New(verifier.Config{
		Leeway:    leeway,
		CacheSize: -1,
		Issuers: []verifier.Issuer{{
			Name:           issuer,
			Audiences:      []string{audience},
			Algorithms:     algorithms,
			TokenTypes:     []string{"at+jwt", "JWT", ""},
			ClientIDClaims: []string{"sub"},
			Accept:         func(verifier.Client) error { return nil },
			FetchJWKS:      func(context.Context) ([]byte, error) { return []byte(doc), nil },
		}},
	}))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if v.Ready(ctx) != nil {
		v.Close()
		return nil
	}
	return v
}
