package doortest

import (
	"encoding/base64"
	"maps"
	"slices"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// keys returns rows whose key set has a key that must not be used. The verifier
// drops it and keeps the others.
func keys(f *Fixture) []Case {
	b64 := base64.RawURLEncoding.EncodeToString
	// changed returns a row with a token of a key whose JWK change has modified,
	// in a set with another key.
	changed := func(k *m2mtest.Key, name string, change func(jwk map[string]any)) Case {
		jwk := k.JWK()
		change(jwk)
		return Case{Name: "a key " + name, Spec: spec{Key: k}, Issuer: func(i *verifier.Issuer) {
			i.FetchJWKS = keySet(jwk, rsaKeys()[2].JWK())
		}}
	}
	member := func(k *m2mtest.Key, name, member string, value any) Case {
		return changed(k, name, func(jwk map[string]any) {
			if jwk[member] = value; value == nil {
				delete(jwk, member)
			}
		})
	}
	rsa := func(name, m string, value any) Case { return member(f.Foreign, name, m, value) }
	ec := func(name, m string, value any) Case { return member(f.Weak, name, m, value) }
	ones := func(n int) string { return b64(slices.Repeat([]byte{0xff}, n)) }
	withoutAlg := f.Foreign.JWK()
	delete(withoutAlg, "alg")
	empty := f.Foreign.JWK()
	maps.Copy(empty, map[string]any{
		"use": nil, "alg": nil, "crv": nil, "d": nil, "k": "", "p": nil, "q": nil, "dp": nil, "dq": nil, "qi": nil,
		"key_ops": []string{}, "oth": []string{}, "x5c": []string{}, "x5t": nil, "x5t#S256": nil, "x5u": nil, "x": nil, "y": nil,
	})
	bad := f.Weak.JWK()
	bad["use"] = "enc"
	same := *rsaKeys()[2]
	same.ID = f.Foreign.ID
	p384 := m2mtest.NewKey("ES384")
	return slices.Concat(
		[]Case{
			{Name: "a good key beside a bad one", Spec: spec{Key: f.Foreign}, Issuer: func(i *verifier.Issuer) {
				i.FetchJWKS = keySet(bad, f.Foreign.JWK())
			}},
			{Name: "a key with every optional member null or empty", Spec: spec{Key: f.Foreign}, Issuer: func(i *verifier.Issuer) {
				i.FetchJWKS = keySet(empty)
			}},
			{Name: "a key without alg, and one RSA algorithm", Spec: spec{Key: f.Foreign}, Issuer: func(i *verifier.Issuer) {
				i.FetchJWKS = keySet(withoutAlg)
			}},
			{Name: "two keys of one ID, by their algorithms", Spec: spec{Key: f.Foreign}, Issuer: func(i *verifier.Issuer) {
				other := f.Weak.JWK()
				other["kid"] = f.Foreign.ID
				i.FetchJWKS = keySet(other, f.Foreign.JWK())
			}},
		},
		invalid(verifier.KeyUnusable,
			ec("that is for encryption", "use", "enc"),
			ec("that may not verify", "key_ops", []string{"sign"}),
			ec("that may do an unnamed thing", "key_ops", []string{""}),
			rsa("with its private part", "d", "AQ"),
			rsa("with a prime of its private part", "p", "AQ"),
			ec("of another type", "kty", "XX"),
			ec("without a type", "kty", nil),
			changed(f.Foreign, "that is symmetric", func(jwk map[string]any) {
				clear(jwk)
				jwk["kid"], jwk["kty"], jwk["alg"], jwk["k"] = f.Foreign.ID, "oct", "HS256", "AAAA"
			}),
			rsa("of 1,024 bits", "n", ones(128)),
			rsa("of 8,200 bits", "n", ones(1025)),
			rsa("with the exponent 1", "e", "AQ"),
			rsa("with the exponent 3", "e", "Aw"),
			rsa("with an even exponent", "e", "AQAA"),
			rsa("with an exponent of 33 bits", "e", "AQAAAAE"),
			rsa("with an even modulus", "n", b64(append(slices.Repeat([]byte{0xff}, 255), 0xfe))),
			rsa("with no modulus", "n", nil),
			rsa("with a modulus in another alphabet", "n", "+/"+ones(256)[2:]),
			ec("off its curve", "y", f.Weak.JWK()["x"]),
			ec("at infinity", "x", b64(make([]byte, 32))),
			ec("with a short coordinate", "x", ones(31)),
			ec("of another curve", "crv", "P-384"),
			ec("of a curve without an algorithm", "crv", "secp256k1"),
			ec("of another algorithm than its curve's", "alg", "ES512"),
			Case{Name: "a key of P-384 that says ES256", Spec: spec{Key: p384, Header: map[string]any{"alg": "ES256"}}, Issuer: func(i *verifier.Issuer) {
				jwk := p384.JWK()
				jwk["alg"] = "ES256"
				i.FetchJWKS = keySet(jwk, f.Weak.JWK())
			}},
			rsa("of no signature algorithm", "alg", "RSA-OAEP"),
			rsa("of HMAC, by its alg", "alg", "HS256"),
			rsa("of no algorithm, by its alg", "alg", "none"),
			Case{Name: "a key without alg, and two RSA algorithms", Spec: spec{Key: f.Foreign}, Issuer: func(i *verifier.Issuer) {
				i.Algorithms, i.FetchJWKS = []string{"RS256", "PS256", "ES256"}, keySet(withoutAlg, f.Weak.JWK())
			}},
			Case{Name: "a key whose private part stands in another entry", Spec: spec{Key: f.Foreign}, Issuer: func(i *verifier.Issuer) {
				private := f.Foreign.JWK()
				private["kid"], private["d"] = "private", "AQ"
				i.FetchJWKS = keySet(f.Foreign.JWK(), private, f.Weak.JWK())
			}},
			Case{Name: "two keys of one ID and algorithm", Spec: spec{Key: f.Foreign}, Issuer: func(i *verifier.Issuer) {
				i.FetchJWKS = keySet(f.Foreign.JWK(), same.JWK(), f.Weak.JWK())
			}},
			Case{Name: "a key of an algorithm that is not accepted", Spec: spec{Key: f.Weak, Header: map[string]any{"alg": "RS256"}},
				Issuer: func(i *verifier.Issuer) { i.Algorithms = []string{"RS256"} }},
		),
	)
}
