package doortest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func signature(f *Fixture) []Case {
	kid := f.Keys()[0]
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
	return slices.Concat(
		invalid(verifier.BadSignature,
			Case{Name: "of a key under another one's ID", Spec: spec{Key: f.Weak, Header: map[string]any{"kid": kid, "alg": "RS256"}}},
			salted(1), salted(20), salted(31), salted(64), // 0 would let crypto/rsa choose, and FIPS 140-3 mode chooses the right one
		),
		refused(verifier.Unavailable, verifier.KeysUnavailable,
			Case{Name: "a key that may be newer, of an authority that dates back by an hour", Spec: spec{Key: f.Foreign, IssuedAt: time.Now().Add(-longAgo)},
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

// longAgo exceeds the time by which authorities date tokens back.
const longAgo = 11 * time.Minute
