package doortest

import (
	"slices"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func header(f *Fixture) []Case {
	p384 := m2mtest.NewKey("ES384")
	return slices.Concat(
		invalid(verifier.Algorithm,
			Case{Name: "EC key, RSA algorithm", Spec: spec{Key: f.Weak, Header: map[string]any{"alg": "RS256"}}},
			Case{Name: "EdDSA with an EC key", Spec: spec{Key: f.Weak, Header: map[string]any{"alg": "EdDSA"}}},
			Case{Name: "ES384 with a P-256 key", Spec: spec{Key: f.Weak, Header: map[string]any{"alg": "ES384"}},
				Issuer: func(i *verifier.Issuer) { i.Algorithms = []string{"RS256", "ES256", "ES384"} }},
			Case{Name: "ES256 with a P-384 key", Spec: spec{Key: p384, Header: map[string]any{"alg": "ES256"}},
				Issuer: func(i *verifier.Issuer) {
					i.Algorithms, i.FetchJWKS = []string{"ES256", "ES384"}, keySet(p384.JWK())
				}},
			Case{Name: "RS512 with a key of RS256", Spec: spec{Key: &m2mtest.Key{ID: f.Keys()[0], Algorithm: "RS512", Private: f.Foreign.Private}},
				Issuer: func(i *verifier.Issuer) { i.Algorithms = []string{"RS256", "RS512"} }},
			Case{Name: "PS256 under an RS256 key", Spec: head("alg", "PS256"),
				Issuer: func(i *verifier.Issuer) { i.Algorithms = []string{"RS256", "PS256"} }},
		),
		invalid(verifier.KeyID,
			Case{Name: "no kid, and no key that fits", Spec: spec{Header: map[string]any{"kid": m2mtest.Absent, "alg": "EdDSA"}}},
			Case{Name: "no kid, and two keys that fit", Spec: head("kid", m2mtest.Absent),
				Issuer: func(i *verifier.Issuer) {
					i.FetchJWKS = keySet(f.Foreign.JWK(), rsaKeys()[2].JWK())
				}},
		),
		invalid(verifier.TokenType,
			Case{Name: "no typ", Spec: head("typ", m2mtest.Absent)},
			Case{Name: "application/ before what has a slash itself", Spec: head("typ", "application/x/JWT"),
				Issuer: func(i *verifier.Issuer) { i.TokenTypes = []string{"x/JWT"} }},
			Case{Name: "type in another alphabet's case", Spec: head("typ", "ta\u017f\u212a+jwt"),
				Issuer: func(i *verifier.Issuer) { i.TokenTypes = []string{"task+jwt"} }},
			Case{Name: "empty typ is not an absent one", Spec: head("typ", ""),
				Issuer: func(i *verifier.Issuer) { i.TokenTypes = []string{""} }},
			Case{Name: "typ where only an absent one is admitted",
				Issuer: func(i *verifier.Issuer) { i.TokenTypes = []string{""} }},
		),
	)
}
