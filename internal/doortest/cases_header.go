package doortest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func header(f *Fixture) []Case {
	var rows []Case
	for _, alg := range []any{"none", "None", "NONE", "nOnE", "", nil, 1, []string{"RS256"}, m2mtest.Absent,
		"HS256", "HS512", "hs256", "rs256", "RS1", "ES256K"} {
		rows = append(rows, Case{Name: fmt.Sprintf("alg %v", alg), Spec: head("alg", alg)})
	}
	return slices.Concat(
		invalid(verifier.Algorithm, rows...),
		invalid(verifier.Algorithm,
			Case{Name: "known, and not the issuer's", Spec: head("alg", "PS256")},
			Case{Name: "another's algorithm with this key's ID", Spec: head("alg", "ES256")},
			Case{Name: "EC key, RSA algorithm", Spec: spec{Key: f.Weak, Header: map[string]any{"alg": "RS256"}}},
			Case{Name: "PS256 under an RS256 key", Spec: head("alg", "PS256"),
				Issuer: func(i *verifier.Issuer) { i.Algorithms = []string{"RS256", "PS256"} }},
		),
		invalid(verifier.KeyID,
			Case{Name: "kid is a number", Spec: head("kid", 1)},
			Case{Name: "kid is null", Spec: head("kid", nil)},
			Case{Name: "kid is empty", Spec: head("kid", "")},
			Case{Name: "kid of 257 bytes", Spec: head("kid", strings.Repeat("k", 257))},
			Case{Name: "no kid, and no key that fits", Spec: spec{Header: map[string]any{"kid": m2mtest.Absent, "alg": "EdDSA"}}},
			Case{Name: "no kid, and two keys that fit", Spec: head("kid", m2mtest.Absent),
				Issuer: func(i *verifier.Issuer) {
					i.FetchJWKS = keySet(f.Foreign.JWK(), (&m2mtest.Key{ID: "b", Algorithm: "RS256", Private: m2mtest.NewKey("RS256").Private}).JWK())
				}},
		),
		invalid(verifier.TokenType,
			Case{Name: "no typ", Spec: head("typ", m2mtest.Absent)},
			Case{Name: "empty typ", Spec: head("typ", "")},
			Case{Name: "ID token's typ", Spec: head("typ", "id+jwt")},
			Case{Name: "logout token's typ", Spec: head("typ", "logout+jwt")},
			Case{Name: "another media type", Spec: head("typ", "application/x/JWT")},
			Case{Name: "empty typ is not an absent one", Spec: head("typ", ""),
				Issuer: func(i *verifier.Issuer) { i.TokenTypes = []string{""} }},
			Case{Name: "typ where only an absent one is admitted",
				Issuer: func(i *verifier.Issuer) { i.TokenTypes = []string{""} }},
		),
	)
}

func signature(f *Fixture) []Case {
	kid := f.Keys()[0]
	flip := func(token string) string {
		at := len(token) - 10
		return token[:at] + swap(token[at:at+1]) + token[at+1:]
	}
	weakened := f.Weak.JWK()
	weakened["use"] = "enc"
	return slices.Concat(
		invalid(verifier.BadSignature,
			Case{Name: "of another key", Spec: spec{Key: f.Foreign, Header: map[string]any{"kid": kid}}},
			Case{Name: "changed", Mangle: flip},
			Case{Name: "cut", Spec: spec{Sign: func(in []byte) []byte { return f.Foreign.Sign(in)[:255] }}},
			Case{Name: "of zeros", Spec: spec{Signature: make([]byte, 256)}},
			Case{Name: "of another payload", Mangle: func(token string) string {
				parts := strings.Split(token, ".")
				parts[1] = strings.Split(f.Token(spec{Scopes: []string{"admin"}}), ".")[1]
				return strings.Join(parts, ".")
			}},
			Case{Name: "ECDSA of zeros", Spec: spec{Key: f.Weak, Signature: make([]byte, 64)}},
			Case{Name: "ECDSA too long", Spec: spec{Key: f.Weak, Sign: func(in []byte) []byte { return append(f.Weak.Sign(in), 0) }}},
			Case{Name: "HMAC over the public key", Spec: spec{Sign: func(in []byte) []byte {
				sum := sha256.Sum256(append([]byte(kid), in...))
				return sum[:]
			}}},
		),
		invalid(verifier.KeyUnusable,
			Case{Name: "a key that is for encryption", Spec: spec{Key: f.Weak}, Issuer: func(i *verifier.Issuer) {
				i.FetchJWKS = keySet(f.Foreign.JWK(), weakened)
			}},
			Case{Name: "a key of an algorithm that is not accepted", Spec: spec{Key: f.Weak, Header: map[string]any{"alg": "RS256"}},
				Issuer: func(i *verifier.Issuer) { i.Algorithms = []string{"RS256"} }},
		),
		invalid(verifier.KeyUnknown,
			Case{Name: "a key that nobody publishes", Spec: spec{Key: f.Foreign, IssuedAt: time.Now().Add(-time.Minute)}},
			Case{Name: "a key that nobody publishes, no iat", Spec: spec{Key: f.Foreign, Claims: map[string]any{"iat": m2mtest.Absent}}},
		),
		refused(verifier.Unavailable, verifier.KeysUnavailable,
			Case{Name: "a key that may be newer than what is known", Spec: spec{Key: f.Foreign}},
		),
	)
}

// swap is another character than the given one.
func swap(c string) string {
	if c == "A" {
		return "B"
	}
	return "A"
}
