package doortest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func header(f *Fixture) []Case {
	p384 := m2mtest.NewKey("ES384")
	var rows []Case
	for _, alg := range []any{"none", "None", "NONE", "nOnE", "", nil, 1, []string{"RS256"}, m2mtest.Absent,
		"HS256", "HS384", "HS512", "hs256", "HS256 ", " RS256", "rs256", "RS1", "ES256K", "dir", "A128KW", "RSA-OAEP", "PBES2-HS256+A128KW"} {
		rows = append(rows, Case{Name: fmt.Sprintf("alg %v", alg), Spec: head("alg", alg)})
	}
	return slices.Concat(
		invalid(verifier.Algorithm, rows...),
		invalid(verifier.Algorithm,
			Case{Name: "known, and not the issuer's", Spec: head("alg", "PS256")},
			Case{Name: "another's algorithm with this key's ID", Spec: head("alg", "ES256")},
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
		invalid(verifier.Algorithm, confusions(f)...),
		invalid(verifier.Malformed,
			Case{Name: "alg none, as it is meant", Spec: spec{Header: map[string]any{"alg": "none"}, Signature: []byte{}}},
		),
		invalid(verifier.KeyID,
			Case{Name: "kid is a number", Spec: head("kid", 1)},
			Case{Name: "kid is null", Spec: head("kid", nil)},
			Case{Name: "kid is empty", Spec: head("kid", "")},
			Case{Name: "kid of 257 bytes", Spec: head("kid", strings.Repeat("k", 257))},
			Case{Name: "no kid, and no key that fits", Spec: spec{Header: map[string]any{"kid": m2mtest.Absent, "alg": "EdDSA"}}},
			Case{Name: "no kid, and two keys that fit", Spec: head("kid", m2mtest.Absent),
				Issuer: func(i *verifier.Issuer) {
					i.FetchJWKS = keySet(f.Foreign.JWK(), rsaKeys()[2].JWK())
				}},
		),
		invalid(verifier.TokenType,
			Case{Name: "no typ", Spec: head("typ", m2mtest.Absent)},
			Case{Name: "empty typ", Spec: head("typ", "")},
			Case{Name: "ID token's typ", Spec: head("typ", "id+jwt")},
			Case{Name: "logout token's typ", Spec: head("typ", "logout+jwt")},
			Case{Name: "another media type", Spec: head("typ", "application/x/JWT")},
			Case{Name: "a media type of another tree", Spec: head("typ", "xpplication/JWT")},
			Case{Name: "no slash behind application", Spec: head("typ", "application-JWT")},
			Case{Name: "application/ alone", Spec: head("typ", "application/")},
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

// confusions are tokens that are signed by HMAC with what is public: what a
// verifier accepts that lets the token choose what its key is.
func confusions(f *Fixture) []Case {
	kid := f.Keys()[0]
	public := f.Base().FetchJWKS
	doc, err := public(context.Background())
	if err != nil {
		panic(err)
	}
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(doc, &set); err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKIXPublicKey(rsaKeys()[0].Private.Public())
	if err != nil {
		panic(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	var rows []Case
	for name, secret := range map[string][]byte{
		"nothing": {}, "the key's ID": []byte(kid), "the public key, DER": der, "the public key, PEM": text,
		"the public key, PEM behind white space":         append([]byte(" \n"), text...),
		"the public key, PEM without its last line feed": text[:len(text)-1],
		"the JWK": set.Keys[0], "the key set": doc,
	} {
		rows = append(rows, Case{Name: "HMAC with " + name, Spec: spec{Header: map[string]any{"alg": "HS256"}, Sign: func(in []byte) []byte {
			mac := hmac.New(sha256.New, secret)
			mac.Write(in)
			return mac.Sum(nil)
		}}})
	}
	slices.SortFunc(rows, func(a, b Case) int { return strings.Compare(a.Name, b.Name) })
	return rows
}
