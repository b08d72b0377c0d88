package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/m2mauth/m2mauth/internal/jose"
)

// judgeSignatures handles signatures over any bytes. It loads the group's key as one
// of a JWK Set, and verifies each signature as a token's.
func judgeSignatures(s suite, g group) (func(vector) bool, string, error) {
	doc, err := signatureKey(g)
	if err != nil {
		return nil, "", err
	}
	return checkBy(doc, s.algorithm, jose.Options{})
}

// judgePSS handles files that mix parameters. RFC 7518 §3.5 allows one hash for both
// purposes, and a salt as long as the hash.
func judgePSS(_ suite, g group) (func(vector) bool, string, error) {
	doc, err := signatureKey(g)
	if err != nil {
		return nil, "", err
	}
	size := map[string]int{"SHA-256": 32, "SHA-384": 48, "SHA-512": 64}[g.Hash]
	if size == 0 || g.MaskHash != g.Hash || g.SaltLen != size {
		// With any algorithm.
		var all []func(vector) bool
		for _, name := range []string{"PS256", "PS384", "PS512", "RS256"} {
			accepts, _, err := checkBy(doc, name, jose.Options{})
			if err != nil {
				return nil, "", err
			}
			all = append(all, accepts)
		}
		return func(v vector) bool {
			for _, accepts := range all {
				if accepts(v) {
					return true
				}
			}
			return false
		}, "hash, mask or salt length that is no JOSE algorithm's", nil
	}
	return checkBy(doc, "PS"+strings.TrimPrefix(g.Hash, "SHA-"), jose.Options{})
}

func checkBy(doc []byte, algorithm string, opts jose.Options) (func(vector) bool, string, error) {
	set, err := jose.ParseKeySet(doc, opts)
	if err != nil {
		return nil, "", err
	}
	if len(set.Keys)+len(set.Dropped) != 1 {
		return nil, "", fmt.Errorf("%d keys", len(set.Keys)+len(set.Dropped))
	}
	if len(set.Keys) == 0 {
		return func(vector) bool { return false }, "", nil
	}
	key := set.Keys[0]
	use, ok := key.UsableFor([]string{algorithm})
	return func(v vector) bool {
		return ok && key.VerifyBytes(use, v.Message, v.Sig) == nil
	}, "", nil
}

// signatureKey returns a JWK Set with the group's key, made from the file's JWK or
// from its numbers.
func signatureKey(g group) ([]byte, error) {
	for _, jwk := range []json.RawMessage{g.PublicKeyJWK, g.KeyJWK} {
		if jwk != nil {
			return asKeySet(jwk)
		}
	}
	var jwk map[string]string
	p := g.PublicKey
	switch {
	case p.Modulus != nil:
		jwk = map[string]string{"kty": "RSA", "n": encode(unsigned(p.Modulus)), "e": encode(unsigned(p.Exponent))}
	case p.Uncompressed != nil:
		half := (len(p.Uncompressed) - 1) / 2
		curve := map[string]string{"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}[p.Curve]
		x, y := p.Uncompressed[1:1+half], p.Uncompressed[1+half:]
		jwk = map[string]string{"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)}
	default:
		return nil, errors.New("a group without a key that is known how to read")
	}
	doc, err := json.Marshal(jwk)
	if err != nil {
		return nil, err
	}
	return asKeySet(doc)
}

// unsigned returns a number without the leading zeros of ASN.1.
func unsigned(b []byte) []byte { return bytes.TrimLeft(b, "\x00") }

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
