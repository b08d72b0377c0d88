package hostile

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// signatures are tokens whose signature is not one of the named key.
func (m *maker) signatures() []Credential {
	parts := strings.Split(m.token(nil), ".")
	signature := []byte(decode(parts[2]))
	by := func(name string, signature []byte) Credential {
		return bearer(name, parts[0]+"."+parts[1]+"."+encode(signature))
	}
	flipped := slices.Clone(signature)
	flipped[len(flipped)/2] ^= 1
	stolen := strings.Split(m.token(func(s *spec) { s.Claims["jti"] = "another" }), ".")[2]
	rows := invalid(verifier.BadSignature,
		by("cut", signature[:len(signature)-1]),
		by("longer", append(slices.Clone(signature), 0)),
		by("one bit changed", flipped),
		by("of zeros", make([]byte, len(signature))),
		by("of ones", slices.Repeat([]byte{0xff}, len(signature))),
		by("of one byte", signature[:1]),
		bearer("of another payload", parts[0]+"."+parts[1]+"."+stolen),
		m.changed("of a forger's key", func(s *spec) { s.Key, s.Header["kid"] = m.Foreign, m.key.ID }),
	)
	switch public := m.key.Private.Public().(type) {
	case *rsa.PublicKey:
		rows = append(rows, m.rsaSignatures()...)
	case *ecdsa.PublicKey:
		rows = append(rows, m.ecdsaSignatures(public)...)
	}
	return slices.Concat(
		rows,
		invalid(verifier.KeyUnknown,
			m.changed("of a key that nobody publishes", func(s *spec) { s.Key = m.Foreign; m.old(s) }),
			m.changed("of a key that nobody publishes, no iat", func(s *spec) { s.Key, s.Claims["iat"] = m.Foreign, m2mtest.Absent }),
		),
		refused(verifier.Unavailable, verifier.KeysUnavailable,
			m.changed("of a key that may be newer than the known ones", func(s *spec) { s.Key = m.Foreign }),
			m.changed("of a key that may be newer, dated back", func(s *spec) { s.Key, s.IssuedAt = m.Foreign, m.now.Add(-longAgo/2) }),
		),
	)
}

// rsaSignatures are those of the right key, made by another algorithm.
func (m *maker) rsaSignatures() []Credential {
	var rows []Credential
	for _, alg := range []string{"RS256", "RS512", "PS256", "PS512"} {
		if alg != m.key.Algorithm {
			other := &m2mtest.Key{ID: m.key.ID, Algorithm: alg, Private: m.key.Private}
			rows = append(rows, m.changed("by "+alg+" under the key's own alg", func(s *spec) { s.Sign = other.Sign }))
		}
	}
	return invalid(verifier.BadSignature, rows...)
}

// ecdsaSignatures are pairs of numbers that ECDSA excludes, and other forms of
// a good pair (RFC 7518 §3.4).
func (m *maker) ecdsaSignatures(public *ecdsa.PublicKey) []Credential {
	order := public.Curve.Params().N
	size := (order.BitLen() + 7) / 8
	zero, ones := make([]byte, size), slices.Repeat([]byte{0xff}, size)
	n := order.FillBytes(make([]byte, size))
	ecdsa := func(name string, change func(r, s []byte) []byte) Credential {
		return m.changed("ECDSA "+name, func(s *spec) {
			s.Sign = func(input []byte) []byte {
				pair := m.key.Sign(input)
				return change(pair[:size], pair[size:])
			}
		})
	}
	both := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	return invalid(verifier.BadSignature,
		ecdsa("with r zero", func(_, s []byte) []byte { return both(zero, s) }),
		ecdsa("with s zero", func(r, _ []byte) []byte { return both(r, zero) }),
		ecdsa("with r of the order", func(_, s []byte) []byte { return both(n, s) }),
		ecdsa("with s of the order", func(r, _ []byte) []byte { return both(r, n) }),
		ecdsa("with both of ones", func(_, _ []byte) []byte { return both(ones, ones) }),
		ecdsa("with both zero", func(_, _ []byte) []byte { return both(zero, zero) }),
		ecdsa("with r and s exchanged", func(r, s []byte) []byte { return both(s, r) }),
		ecdsa("cut", func(r, s []byte) []byte { return both(r, s[:size-1]) }),
		ecdsa("longer", func(r, s []byte) []byte { return both(r, s, []byte{0}) }),
		ecdsa("with padded numbers", func(r, s []byte) []byte { return both([]byte{0}, r, []byte{0}, s) }),
		ecdsa("in DER", func(r, s []byte) []byte {
			der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
			if err != nil {
				panic("hostile: " + err.Error())
			}
			return der
		}),
	)
}
