package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestVerify(t *testing.T) {
	for alg, private := range signers() {
		canonical, _ := CanonicalAlgorithm(alg)
		for _, tt := range []struct {
			name string
			edit func(p *parts)
			want error
		}{
			{"as signed", func(p *parts) {}, nil},
			{"signed again", func(p *parts) { p.signature = sign(private, alg, p.signed()) }, nil},

			{"stripped", func(p *parts) { p.signature = nil }, ErrMalformed},
			{"last byte cut off", func(p *parts) { p.signature = p.signature[:len(p.signature)-1] }, ErrSignature},
			{"first byte cut off", func(p *parts) { p.signature = p.signature[1:] }, ErrSignature},
			{"one byte left", func(p *parts) { p.signature = p.signature[:1] }, ErrSignature},
			{"half left", func(p *parts) { p.signature = p.signature[:len(p.signature)/2] }, ErrSignature},
			{"a byte after it", func(p *parts) { p.signature = append(p.signature, 0) }, ErrSignature},
			{"a byte before it", func(p *parts) { p.signature = append([]byte{0}, p.signature...) }, ErrSignature},
			{"twice", func(p *parts) { p.signature = append(p.signature, p.signature...) }, ErrSignature},
			{"all zero", func(p *parts) { clear(p.signature) }, ErrSignature},
			{"its first bit flipped", func(p *parts) { p.signature = flip(p.signature, 7) }, ErrSignature},
			{"its last bit flipped", func(p *parts) { p.signature = flip(p.signature, 8*len(p.signature)-8) }, ErrSignature},
			{"a bit in its middle flipped", func(p *parts) { p.signature = flip(p.signature, 4*len(p.signature)) }, ErrSignature},

			{"a bit of the header flipped", func(p *parts) { p.header = strings.Replace(p.header, `"k"`, `"j"`, 1) }, ErrSignature},
			{"a bit of the payload flipped", func(p *parts) { p.payload = strings.Replace(p.payload, "m2m", "m3m", 1) }, ErrSignature},
			{"the same header, spelled otherwise", func(p *parts) { p.header += " " }, ErrSignature},
			{"the same payload, spelled otherwise", func(p *parts) { p.payload += " " }, ErrSignature},
			{"the decoded text was signed", func(p *parts) { p.signature = sign(private, alg, p.header+"."+p.payload) }, ErrSignature},
			{"only the payload was signed", func(p *parts) { p.signature = sign(private, alg, encode([]byte(p.payload))) }, ErrSignature},
		} {
			t.Run(alg+"/"+tt.name, func(t *testing.T) {
				p := signedBy(private, alg)
				tt.edit(&p)
				key := load(t, publish(private.Public()), Options{})
				checkKind(t, check(t, p.compact(), key, canonical), tt.want)
			})
		}
	}
}

// TestVerifyEveryBit flips each bit of one token in turn, and cuts it at
// each byte. If the result is still well-formed, its signature must be
// refused. The token is short, and its signature cheap to check.
func TestVerifyEveryBit(t *testing.T) {
	p := signedBy(edKey(), "EdDSA")
	key := load(t, publish(edKey().Public()), Options{})
	verified := 0
	refused := func(token, what string, i int) {
		t.Helper()
		tok, parts, err := ParseToken(token, 512, nil, nil)
		if err != nil {
			return
		}
		verified++
		if err := tok.Verify(parts, key, "EdDSA"); err != ErrSignature {
			t.Errorf("%s %d: %v", what, i, err)
		}
	}
	for bit := range 8 * len(p.signature) {
		q := p
		q.signature = flip(p.signature, bit)
		refused(q.compact(), "bit of the signature", bit)
	}
	for bit := range 8 * len(p.header) {
		q := p
		q.header = string(flip([]byte(p.header), bit))
		refused(q.compact(), "bit of the header", bit)
	}
	for bit := range 8 * len(p.payload) {
		q := p
		q.payload = string(flip([]byte(p.payload), bit))
		refused(q.compact(), "bit of the payload", bit)
	}
	token := p.compact()
	for i := range token {
		refused(token[:i], "cut to", i)
	}
	// All bits of the signature, and some of the rest.
	if least := 8*len(p.signature) + 100; verified < least {
		t.Errorf("only %d signatures were checked, want %d", verified, least)
	}
}

func TestVerifyOtherKey(t *testing.T) {
	otherRSA := rfc7638JWK // nobody's token here is signed with it
	otherEC := func(c elliptic.Curve) any { return publish(must(ecdsa.GenerateKey(c, rand.Reader)).Public()) }
	others := map[string]any{
		"RS256": otherRSA, "RS384": otherRSA, "RS512": otherRSA,
		"PS256": otherRSA, "PS384": otherRSA, "PS512": otherRSA,
		"ES256": otherEC(elliptic.P256()), "ES384": otherEC(elliptic.P384()), "ES512": otherEC(elliptic.P521()),
		"EdDSA": rfc8037JWK,
	}
	for alg, other := range others {
		t.Run(alg, func(t *testing.T) {
			key := load(t, other, Options{})
			checkKind(t, check(t, signedBy(signers()[alg], alg).compact(), key, alg), ErrSignature)
		})
	}
}

// TestVerifyAlgorithm checks that the key decides on the algorithm, never
// the token.
func TestVerifyAlgorithm(t *testing.T) {
	all := slices.Collect(maps.Keys(algorithms))
	for _, tt := range []struct {
		name         string
		header, made string // the algorithm that the header names, and the one that the signature was made by
		signer       crypto.Signer
		key          string // the algorithm that the JWK names
		published    crypto.PublicKey
		want         error
	}{
		{"as it should be", "RS256", "RS256", rsaKey(), "RS256", rsaKey().Public(), nil},
		{"RS256 for a PS256 key", "RS256", "RS256", rsaKey(), "PS256", rsaKey().Public(), ErrAlgorithm},
		{"PS256 for an RS256 key", "PS256", "PS256", rsaKey(), "RS256", rsaKey().Public(), ErrAlgorithm},
		{"RS512 for an RS256 key", "RS512", "RS512", rsaKey(), "RS256", rsaKey().Public(), ErrAlgorithm},
		{"RS256 for an RS512 key", "RS256", "RS256", rsaKey(), "RS512", rsaKey().Public(), ErrAlgorithm},
		{"PS384 for a PS256 key", "PS384", "PS384", rsaKey(), "PS256", rsaKey().Public(), ErrAlgorithm},
		{"ES256 for a P-384 key", "ES256", "ES256", p384Key(), "ES384", p384Key().Public(), ErrAlgorithm},
		{"ES384 for a P-256 key", "ES384", "ES384", p256Key(), "ES256", p256Key().Public(), ErrAlgorithm},
		{"EdDSA for a P-256 key", "EdDSA", "EdDSA", edKey(), "ES256", p256Key().Public(), ErrAlgorithm},
		{"ES256 for an Ed25519 key", "ES256", "ES256", p256Key(), "EdDSA", edKey().Public(), ErrAlgorithm},
		{"RS256 for a P-256 key", "RS256", "RS256", rsaKey(), "ES256", p256Key().Public(), ErrAlgorithm},

		{"a PS256 signature called RS256", "RS256", "PS256", rsaKey(), "RS256", rsaKey().Public(), ErrSignature},
		{"an RS256 signature called PS256", "PS256", "RS256", rsaKey(), "PS256", rsaKey().Public(), ErrSignature},
		{"an RS512 signature called RS256", "RS256", "RS512", rsaKey(), "RS256", rsaKey().Public(), ErrSignature},
		{"a PS512 signature called PS256", "PS256", "PS512", rsaKey(), "PS256", rsaKey().Public(), ErrSignature},
		{"SHA-512 called ES256", "ES256", "ES512", p256Key(), "ES256", p256Key().Public(), ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := parts{header: `{"alg":"` + tt.header + `"}`, payload: `{}`}
			p.signature = sign(tt.signer, tt.made, p.signed())
			key := load(t, with(publish(tt.published), "alg", tt.key), Options{})
			checkKind(t, check(t, p.compact(), key, all...), tt.want)
		})
	}
}

// TestVerifyBytesAlgorithm checks that a key verifies with its own algorithm
// only, even if the signature is good under another. A key without an
// algorithm is still limited to its type.
func TestVerifyBytesAlgorithm(t *testing.T) {
	names := append(slices.Collect(maps.Keys(algorithms)), "", "none", "HS256", "Ed25519")
	const signed = "e30.e30"
	for made, private := range signers() {
		made, _ = CanonicalAlgorithm(made)
		signature := sign(private, made, signed)
		own := load(t, with(publish(private.Public()), "alg", made), Options{})
		open := *own
		open.Algorithm = "" // as of an RSA key that names none
		for _, name := range names {
			good := name == made
			if err := own.VerifyBytes(name, []byte(signed), signature); (err == nil) != good || !good && err != ErrSignature {
				t.Errorf("a key for %s, asked for %q: %v", made, name, err)
			}
			if err := open.VerifyBytes(name, []byte(signed), signature); (err == nil) != good || !good && err != ErrSignature {
				t.Errorf("a signature by %s, checked as of %q: %v", made, name, err)
			}
		}
		for _, other := range names {
			if algorithms[other].keyType != algorithms[made].keyType || other == made {
				continue
			}
			signature := sign(private, other, signed) // a good one, by another hash or padding
			if err := own.VerifyBytes(other, []byte(signed), signature); err != ErrSignature {
				t.Errorf("a key for %s takes a signature by %s: %v", made, other, err)
			}
		}
	}
}

// TestVerifyEdDSANames checks that "EdDSA" and "Ed25519" name one algorithm,
// for keys and tokens.
func TestVerifyEdDSANames(t *testing.T) {
	for _, published := range []string{"EdDSA", "Ed25519"} {
		key := load(t, with(publish(edKey().Public()), "alg", published), Options{})
		if key.Algorithm != "EdDSA" {
			t.Errorf("a key for %s is one for %q", published, key.Algorithm)
		}
		for _, named := range []string{"EdDSA", "Ed25519"} {
			if err := check(t, signedBy(edKey(), named).compact(), key, "EdDSA"); err != nil {
				t.Errorf("%s by a key for %s: %v", named, published, err)
			}
		}
	}
}
