package doortest

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func signature(f *Fixture) []Case {
	old := func(kid string) spec {
		return spec{IssuedAt: time.Now().Add(-longAgo), Header: map[string]any{"kid": kid}}
	}
	kid := f.Keys()[0]
	flip := func(token string) string {
		at := len(token) - 10
		return token[:at] + swap(token[at:at+1]) + token[at+1:]
	}
	pss := &m2mtest.Key{ID: "pss", Algorithm: "PS256", Private: f.Foreign.Private}
	salted := func(length int) Case {
		return Case{Name: fmt.Sprintf("PSS with a salt of %d bytes", length), Spec: spec{Key: pss, Sign: func(in []byte) []byte {
			digest := sha256.Sum256(in)
			s, err := pss.Private.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: length, Hash: crypto.SHA256})
			if err != nil {
				panic(err)
			}
			return s
		}}, Issuer: func(i *verifier.Issuer) { i.Algorithms, i.FetchJWKS = []string{"PS256"}, keySet(pss.JWK()) }}
	}
	// ecdsa makes rows of a signature by its two numbers, of 32 bytes each.
	ecdsa := func(name string, change func(r, s []byte) []byte) Case {
		return Case{Name: "ECDSA " + name, Spec: spec{Key: f.Weak, Sign: func(in []byte) []byte {
			rs := f.Weak.Sign(in)
			return change(rs[:32], rs[32:])
		}}}
	}
	order := elliptic.P256().Params().N.Bytes()
	both := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	brought := func(kid any) spec {
		return spec{Key: f.Foreign, IssuedAt: time.Now().Add(-longAgo), Header: map[string]any{"kid": kid,
			"jwk": f.Foreign.JWK(), "x5c": f.Foreign.JWK()["x5c"], "jku": f.Trap, "x5u": f.Trap}}
	}
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
			Case{Name: "longer", Spec: spec{Sign: func(in []byte) []byte { return append(f.Foreign.Sign(in), 0) }}},
			Case{Name: "by another hash", Spec: spec{Sign: (&m2mtest.Key{Algorithm: "RS512", Private: rsaKeys()[0].Private}).Sign}},
			Case{Name: "PSS under PKCS #1", Spec: spec{Sign: (&m2mtest.Key{Algorithm: "PS256", Private: rsaKeys()[0].Private}).Sign}},
			Case{Name: "of another key, which the header brings", Spec: brought(kid)},
			Case{Name: "of a key under another one's ID", Spec: spec{Key: f.Weak, Header: map[string]any{"kid": kid, "alg": "RS256"}}},
			salted(1), salted(20), salted(31), salted(64), // 0 would let crypto/rsa choose, and FIPS 140-3 mode chooses the right one
			ecdsa("with r zero", func(_, s []byte) []byte { return both(make([]byte, 32), s) }),
			ecdsa("with s zero", func(r, _ []byte) []byte { return both(r, make([]byte, 32)) }),
			ecdsa("with r of the order", func(_, s []byte) []byte { return both(order, s) }),
			ecdsa("with s of the order", func(r, _ []byte) []byte { return both(r, order) }),
			ecdsa("with both of ones", func(_, _ []byte) []byte { return slices.Repeat([]byte{0xff}, 64) }),
			ecdsa("with r and s exchanged", func(r, s []byte) []byte { return both(s, r) }),
			ecdsa("cut", func(r, s []byte) []byte { return both(r, s[:31]) }),
			ecdsa("with padded numbers", func(r, s []byte) []byte { return both([]byte{0}, r, []byte{0}, s) }),
			ecdsa("in DER", func(r, s []byte) []byte {
				der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
				if err != nil {
					panic(err)
				}
				return der
			}),
			Case{Name: "ECDSA of zeros", Spec: spec{Key: f.Weak, Signature: make([]byte, 64)}},
			Case{Name: "ECDSA too long", Spec: spec{Key: f.Weak, Sign: func(in []byte) []byte { return append(f.Weak.Sign(in), 0) }}},
			Case{Name: "HMAC over the public key", Spec: spec{Sign: func(in []byte) []byte {
				sum := sha256.Sum256(append([]byte(kid), in...))
				return sum[:]
			}}},
		),
		invalid(verifier.KeyUnknown,
			Case{Name: "a key that nobody publishes", Spec: spec{Key: f.Foreign, IssuedAt: time.Now().Add(-longAgo)}},
			Case{Name: "a key that the header brings", Spec: brought(f.Foreign.ID)},
			Case{Name: "kid is a path", Spec: old("../../../../dev/null")},
			Case{Name: "kid is a URL", Spec: old(f.Trap)},
			Case{Name: "kid is a query", Spec: old("x' UNION SELECT 'x")},
			Case{Name: "kid is a template", Spec: old("%s%n{{.}}\x00")},
			Case{Name: "kid in another case", Spec: old(strings.ToUpper(kid))},
			Case{Name: "kid with a space", Spec: old(kid + " ")},
			Case{Name: "a key that nobody publishes, no iat", Spec: spec{Key: f.Foreign, Claims: map[string]any{"iat": m2mtest.Absent}}},
		),
		refused(verifier.Unavailable, verifier.KeysUnavailable,
			Case{Name: "a key that may be newer than what is known", Spec: spec{Key: f.Foreign}},
			Case{Name: "the same, dated back by 5 minutes", Spec: spec{Key: f.Foreign, IssuedAt: time.Now().Add(-5 * time.Minute)}},
			Case{Name: "the same, of an authority that dates back by more", Spec: spec{Key: f.Foreign, IssuedAt: time.Now().Add(-longAgo)},
				Issuer: func(i *verifier.Issuer) { i.Backdating = time.Hour }},
		),
		[]Case{{
			Name: "a key that may be newer, in a flood of such keys", Spec: spec{Key: f.Foreign},
			Code: verifier.Unavailable, Reason: verifier.KeysUnavailable,
			LaterCode: verifier.TooManyRequests, LaterReason: verifier.UnknownKeysFlood,
			Then: func(t *testing.T, v *verifier.Verifier) {
				token := f.Token(spec{Key: f.Foreign})
				for range 100 {
					v.Verify(t.Context(), token)
				}
			},
		}},
	)
}

// longAgo is longer ago than authorities date tokens back.
const longAgo = 11 * time.Minute

// swap is another character than the given one.
func swap(c string) string {
	if c == "A" {
		return "B"
	}
	return "A"
}
