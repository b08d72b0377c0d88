package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The private keys of this package's tests. RSA keys are slow to make, so
// there is one.
var (
	rsaKey  = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p256Key = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	p384Key = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	p521Key = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) })
	edKey   = sync.OnceValue(func() ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return must(key, err)
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// signers has every algorithm, EdDSA by both its names, with a key for it.
func signers() map[string]crypto.Signer {
	return map[string]crypto.Signer{
		"RS256": rsaKey(), "RS384": rsaKey(), "RS512": rsaKey(),
		"PS256": rsaKey(), "PS384": rsaKey(), "PS512": rsaKey(),
		"ES256": p256Key(), "ES384": p384Key(), "ES512": p521Key(),
		"EdDSA": edKey(), "Ed25519": edKey(),
	}
}

func hashOf(alg string) crypto.Hash {
	switch alg[2:] {
	case "256":
		return crypto.SHA256
	case "384":
		return crypto.SHA384
	default:
		return crypto.SHA512
	}
}

func digest(hash crypto.Hash, signed string) []byte {
	h := hash.New()
	h.Write([]byte(signed))
	return h.Sum(nil)
}

// sign makes a signature by RFC 7518 §3 and RFC 8037 with the standard library
// alone: the code under test must not be checked against its own library.
func sign(key crypto.Signer, alg, signed string) []byte {
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, []byte(signed))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest(hashOf(alg), signed))
		return halves(key, must(r, err), s)
	case *rsa.PrivateKey:
		hash := hashOf(alg)
		if strings.HasPrefix(alg, "PS") {
			opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return must(rsa.SignPSS(rand.Reader, key, hash, digest(hash, signed), opts))
		}
		return must(rsa.SignPKCS1v15(nil, key, hash, digest(hash, signed)))
	}
	panic("unknown key type")
}

// halves is the form that a JWS has an ECDSA signature in (RFC 7518 §3.4).
func halves(key *ecdsa.PrivateKey, r, s *big.Int) []byte {
	size := (key.Params().BitSize + 7) / 8
	b := make([]byte, 2*size)
	r.FillBytes(b[:size])
	s.FillBytes(b[size:])
	return b
}

// parts is a token that a test takes apart and spoils.
type parts struct {
	header, payload string
	signature       []byte
}

func (p parts) signed() string  { return encode([]byte(p.header)) + "." + encode([]byte(p.payload)) }
func (p parts) compact() string { return p.signed() + "." + encode(p.signature) }

func signedBy(key crypto.Signer, alg string) parts {
	p := parts{header: `{"alg":"` + alg + `","kid":"k"}`, payload: `{"sub":"m2m-client"}`}
	p.signature = sign(key, alg, p.signed())
	return p
}

// publish returns the JWK of a public key.
func publish(public crypto.PublicKey) map[string]any {
	switch p := public.(type) {
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "n": encode(p.N.Bytes()), "e": encode(big.NewInt(int64(p.E)).Bytes())}
	case *ecdsa.PublicKey:
		point := must(p.Bytes())[1:]
		x, y := point[:len(point)/2], point[len(point)/2:]
		return map[string]any{"kty": "EC", "crv": p.Params().Name, "x": encode(x), "y": encode(y)}
	case ed25519.PublicKey:
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": encode(p)}
	}
	panic("unknown key type")
}

// with returns a copy of a JWK with one member set.
func with(jwk map[string]any, name string, value any) map[string]any {
	jwk = maps.Clone(jwk)
	jwk[name] = value
	return jwk
}

func without(jwk map[string]any, name string) map[string]any {
	jwk = maps.Clone(jwk)
	delete(jwk, name)
	return jwk
}

func keySetOf(entries ...any) []byte {
	return must(json.Marshal(map[string]any{"keys": entries}))
}

// load gets the only key of a key set.
func load(t *testing.T, jwk any, opts Options) *Key {
	t.Helper()
	set, err := ParseKeySet(keySetOf(jwk), opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 1 || len(set.Dropped) != 0 {
		t.Fatalf("%d keys, dropped %q", len(set.Keys), set.Dropped)
	}
	return set.Keys[0]
}

// check goes the whole way: it parses the token and verifies it under the
// algorithm that the key serves.
func check(t *testing.T, token string, key *Key, allowed ...string) error {
	t.Helper()
	algorithm, ok := key.UsableFor(allowed)
	if !ok {
		t.Fatalf("a key for %q is not usable for %q", key.Algorithm, allowed)
	}
	tok, parts, err := ParseToken(token, 512, nil, nil)
	if err == nil {
		err = tok.Verify(parts, key, algorithm)
	}
	if err != nil {
		checkQuotesNothing(t, err, token)
	}
	return err
}

// flip returns b with one bit changed.
func flip(b []byte, bit int) []byte {
	b = slices.Clone(b)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}

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

// TestVerifyEveryBit flips each bit of one token in turn, and cuts it at each
// byte. What is still a token then must fail by its signature. The token is of
// the shortest kind, and its signature the cheapest to check.
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

// TestVerifyAlgorithm: the key decides on the algorithm, never the token.
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

// TestVerifyBytesAlgorithm: no caller can talk a key into an algorithm that is
// not its own, not even into one by which the signature is good. A key that is
// for no certain one is still of one type.
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

// TestVerifyEdDSANames: one algorithm by two names, so that a key of either is
// good for a token of either.
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

func TestVerifyECDSA(t *testing.T) {
	zero := new(big.Int)
	for alg, private := range map[string]*ecdsa.PrivateKey{"ES256": p256Key(), "ES384": p384Key(), "ES512": p521Key()} {
		n := private.Params().N
		key := load(t, publish(private.Public()), Options{})
		for _, tt := range []struct {
			name string
			make func(r, s *big.Int) []byte
			want error
		}{
			{"as signed", func(r, s *big.Int) []byte { return halves(private, r, s) }, nil},
			{"DER", func(r, s *big.Int) []byte { return must(asn1.Marshal(struct{ R, S *big.Int }{r, s})) }, ErrSignature},
			{"r zero", func(r, s *big.Int) []byte { return halves(private, zero, s) }, ErrSignature},
			{"s zero", func(r, s *big.Int) []byte { return halves(private, r, zero) }, ErrSignature},
			{"both zero", func(r, s *big.Int) []byte { return halves(private, zero, zero) }, ErrSignature}, // CVE-2022-21449
			{"r = n", func(r, s *big.Int) []byte { return halves(private, n, s) }, ErrSignature},
			{"s = n", func(r, s *big.Int) []byte { return halves(private, r, n) }, ErrSignature},
			{"both n", func(r, s *big.Int) []byte { return halves(private, n, n) }, ErrSignature},
			{"both one", func(r, s *big.Int) []byte { return halves(private, big.NewInt(1), big.NewInt(1)) }, ErrSignature},
			{"exchanged", func(r, s *big.Int) []byte { return halves(private, s, r) }, ErrSignature},
			{"all ones", func(r, s *big.Int) []byte {
				return []byte(strings.Repeat("\xff", len(halves(private, r, s))))
			}, ErrSignature},
			{"a byte longer each", func(r, s *big.Int) []byte {
				b := halves(private, r, s)
				return slices.Concat([]byte{0}, b[:len(b)/2], []byte{0}, b[len(b)/2:])
			}, ErrSignature},
			{"s a byte longer", func(r, s *big.Int) []byte { // the same numbers
				b := halves(private, r, s)
				return slices.Concat(b[:len(b)/2], []byte{0}, b[len(b)/2:])
			}, ErrSignature},
			{"a byte after s", func(r, s *big.Int) []byte { return append(halves(private, r, s), 0) }, ErrSignature},
			{"no s", func(r, s *big.Int) []byte { b := halves(private, r, s); return b[:len(b)/2] }, ErrSignature},
			{"one byte", func(r, s *big.Int) []byte { return []byte{1} }, ErrSignature},
		} {
			t.Run(alg+"/"+tt.name, func(t *testing.T) {
				p := signedBy(private, alg)
				half := len(p.signature) / 2
				p.signature = tt.make(new(big.Int).SetBytes(p.signature[:half]), new(big.Int).SetBytes(p.signature[half:]))
				checkKind(t, check(t, p.compact(), key, alg), tt.want)
			})
		}
	}
	// The seven bits to spare in P-521's halves have room for r + n and s + n,
	// which are the same as r and s modulo n.
	p := signedBy(p521Key(), "ES512")
	key := load(t, publish(p521Key().Public()), Options{})
	r, s := new(big.Int).SetBytes(p.signature[:66]), new(big.Int).SetBytes(p.signature[66:])
	n := p521Key().Params().N
	for name, signature := range map[string][]byte{
		"r + n": halves(p521Key(), new(big.Int).Add(r, n), s),
		"s + n": halves(p521Key(), r, new(big.Int).Add(s, n)),
	} {
		p.signature = signature
		if err := check(t, p.compact(), key, "ES512"); err != ErrSignature {
			t.Errorf("ES512 with %s: %v", name, err)
		}
	}
}

// TestVerifyECDSAShort: s without the zero byte that it begins with is the same
// number, and another spelling of the same signature.
func TestVerifyECDSAShort(t *testing.T) {
	for alg, private := range map[string]*ecdsa.PrivateKey{"ES256": p256Key(), "ES512": p521Key()} {
		p := signedBy(private, alg)
		for half := len(p.signature) / 2; p.signature[half] != 0; {
			p.signature = sign(private, alg, p.signed())
		}
		key := load(t, publish(private.Public()), Options{})
		if err := check(t, p.compact(), key, alg); err != nil {
			t.Fatalf("%s as signed: %v, want nil", alg, err)
		}
		half := len(p.signature) / 2
		p.signature = slices.Concat(p.signature[:half], p.signature[half+1:])
		if err := check(t, p.compact(), key, alg); err != ErrSignature {
			t.Errorf("%s without the zero byte: %v, want %v", alg, err, ErrSignature)
		}
	}
}

// TestVerifyEd25519Malleability adds the order of the group to S, which gives
// a second signature of the same text to who has the first (RFC 8032 §8.4).
func TestVerifyEd25519Malleability(t *testing.T) {
	p := signedBy(edKey(), "EdDSA")
	order, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	order.SetBit(order, 252, 1)
	s := slices.Clone(p.signature[32:])
	slices.Reverse(s) // S is little-endian
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	p.signature = slices.Concat(p.signature[:32], sum)
	checkKind(t, check(t, p.compact(), load(t, publish(edKey().Public()), Options{}), "EdDSA"), ErrSignature)
}

func TestVerifyPSS(t *testing.T) {
	for _, alg := range []string{"PS256", "PS384", "PS512"} {
		hash := hashOf(alg)
		for _, tt := range []struct {
			name string
			salt int
			mgf  crypto.Hash
			want error
		}{
			{"salt as long as the hash", hash.Size(), hash, nil}, // so emsaPSS is right
			{"no salt", 0, hash, ErrSignature},
			{"20 bytes of salt", 20, hash, ErrSignature}, // the default of RFC 8017
			{"a byte less", hash.Size() - 1, hash, ErrSignature},
			{"a byte more", hash.Size() + 1, hash, ErrSignature},
			{"as much as there is room for", 256 - 2 - hash.Size(), hash, ErrSignature},
			{"mask by another hash", hash.Size(), crypto.SHA512_256, ErrSignature},
		} {
			t.Run(alg+"/"+tt.name, func(t *testing.T) {
				p := parts{header: `{"alg":"` + alg + `"}`, payload: `{}`}
				em := emsaPSS(hash, tt.mgf, digest(hash, p.signed()), tt.salt, rsaKey().N.BitLen()-1)
				p.signature = rawRSA(em, rsaKey().N, rsaKey().D)
				checkKind(t, check(t, p.compact(), load(t, publish(rsaKey().Public()), Options{}), alg), tt.want)
			})
		}
	}
}

// emsaPSS is the encoding of RFC 8017 §9.1.1. crypto/rsa can't make all that
// has to be refused: it takes a salt length of 0 for "choose one".
func emsaPSS(hash, mgf crypto.Hash, digest []byte, salt, bits int) []byte {
	random := make([]byte, salt)
	_, _ = rand.Read(random)
	h := hash.New()
	h.Write(make([]byte, 8))
	h.Write(digest)
	h.Write(random)
	sum := h.Sum(nil)

	db := make([]byte, (bits+7)/8-len(sum)-1)
	db[len(db)-salt-1] = 1
	copy(db[len(db)-salt:], random)
	var mask []byte
	for counter := uint32(0); len(mask) < len(db); counter++ { // MGF1, appendix B.2.1
		m := mgf.New()
		m.Write(binary.BigEndian.AppendUint32(slices.Clone(sum), counter))
		mask = m.Sum(mask)
	}
	for i := range db {
		db[i] ^= mask[i]
	}
	db[0] &= 0xff >> (8*((bits+7)/8) - bits)
	return slices.Concat(db, sum, []byte{0xbc})
}

func rawRSA(em []byte, n, d *big.Int) []byte {
	return new(big.Int).Exp(new(big.Int).SetBytes(em), d, n).FillBytes(make([]byte, (n.BitLen()+7)/8))
}

// TestKeptExponentsVerify: a key that is kept can be used. One that is kept
// and never verifies anything would look well in every status page.
func TestKeptExponentsVerify(t *testing.T) {
	for _, tt := range []struct {
		name string
		e    int64
		opts Options
		kept bool
	}{
		{"3", 3, Options{}, false},
		{"3, allowed", 3, Options{AllowExponent3: true}, true},
		{"65537", 65537, Options{}, true},
		{"65537 with 3 allowed", 65537, Options{AllowExponent3: true}, true},
		{"65539", 65539, Options{}, true},
		{"2^31 - 1", 1<<31 - 1, Options{}, true},
		// crypto/rsa refuses to work with larger ones.
		{"2^31 + 11", 1<<31 + 11, Options{}, false},
		{"2^32 - 5", 1<<32 - 5, Options{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, d := rsaWithExponent(big.NewInt(tt.e))
			jwk := map[string]any{"kty": "RSA", "n": encode(n.Bytes()), "e": encode(big.NewInt(tt.e).Bytes())}
			set := must(ParseKeySet(keySetOf(jwk), tt.opts))
			if kept := len(set.Keys) == 1; kept != tt.kept {
				t.Errorf("kept %t, want %t", kept, tt.kept)
			}
			for _, key := range set.Keys {
				p := parts{header: `{"alg":"RS256"}`, payload: `{}`}
				p.signature = rawRSA(emsaPKCS1(digest(crypto.SHA256, p.signed()), (n.BitLen()+7)/8), n, d)
				if err := check(t, p.compact(), key, "RS256"); err != nil {
					t.Errorf("kept, but a good signature: %v", err)
				}
			}
		})
	}
}

// rsaWithExponent makes a key pair with a public exponent that crypto/rsa has
// no way to ask for. Four small primes are found sooner than two large ones;
// of 513 bits each, their product has 2048 at least.
func rsaWithExponent(e *big.Int) (n, d *big.Int) {
	n, phi := big.NewInt(1), big.NewInt(1)
	for i := 0; i < 4; {
		p := must(rand.Prime(rand.Reader, 513))
		less := new(big.Int).Sub(p, big.NewInt(1))
		if new(big.Int).GCD(nil, nil, e, less).Cmp(big.NewInt(1)) == 0 {
			n.Mul(n, p)
			phi.Mul(phi, less)
			i++
		}
	}
	return n, new(big.Int).ModInverse(e, phi)
}

// emsaPKCS1 is the encoding of RFC 8017 §9.2 for SHA-256.
func emsaPKCS1(digest []byte, size int) []byte {
	info := append([]byte("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"), digest...)
	padding := strings.Repeat("\xff", size-len(info)-3)
	return slices.Concat([]byte{0, 1}, []byte(padding), []byte{0}, info)
}

func TestUsableFor(t *testing.T) {
	for _, tt := range []struct {
		name    string
		key     string // its algorithm
		allowed []string
		want    string
		ok      bool
	}{
		{"its own", "RS256", []string{"RS256"}, "RS256", true},
		{"its own among others", "ES256", []string{"RS256", "PS256", "ES256"}, "ES256", true},
		{"its own among others of its type", "PS256", []string{"RS256", "PS256"}, "PS256", true},
		{"not its own", "RS256", []string{"PS256"}, "", false},
		{"of its type, not its own", "RS256", []string{"RS384", "RS512"}, "", false},
		{"another curve", "ES384", []string{"ES256"}, "", false},
		{"nothing allowed", "RS256", nil, "", false},

		{"none named, the only one for RSA", "", []string{"RS256"}, "RS256", true},
		{"none named, the only one for RSA is PSS", "", []string{"PS512"}, "PS512", true},
		{"none named, the only one for RSA among others", "", []string{"ES256", "EdDSA", "PS256", "ES384"}, "PS256", true},
		{"none named, two for RSA", "", []string{"RS256", "PS256"}, "", false},
		{"none named, two hashes for RSA", "", []string{"RS256", "ES256", "RS512"}, "", false},
		{"none named, three for RSA", "", []string{"RS256", "RS384", "RS512"}, "", false},
		{"none named, none for RSA", "", []string{"ES256", "EdDSA"}, "", false},
		{"none named, nothing allowed", "", nil, "", false},
		{"none named, an unknown one allowed", "", []string{"HS256", "none"}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := (&Key{Algorithm: tt.key}).UsableFor(tt.allowed)
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("UsableFor(%q) = %q, %t; want %q, %t", tt.allowed, got, ok, tt.want, tt.ok)
			}
		})
	}
}

// TestKeyAlgorithm: what a JWK leaves out is derived from its curve; an RSA
// key fits more than one, so none.
func TestKeyAlgorithm(t *testing.T) {
	for _, tt := range []struct {
		name   string
		public crypto.PublicKey
		want   string
	}{
		{"RSA", rsaKey().Public(), ""},
		{"P-256", p256Key().Public(), "ES256"},
		{"P-384", p384Key().Public(), "ES384"},
		{"P-521", p521Key().Public(), "ES512"},
		{"Ed25519", edKey().Public(), "EdDSA"},
	} {
		if got := load(t, publish(tt.public), Options{}).Algorithm; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestThumbprint: it depends on the key alone, and on all of it.
func TestThumbprint(t *testing.T) {
	jwk := publish(p256Key().Public())
	canonical := fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, jwk["x"], jwk["y"]) // RFC 7638 §3.2
	want := sha256.Sum256([]byte(canonical))
	for name, same := range map[string]any{
		"as it is": jwk,
		"kid":      with(jwk, "kid", "k"),
		"alg":      with(jwk, "alg", "ES256"),
		"use":      with(jwk, "use", "sig"),
		"x5c":      with(jwk, "x5c", []string{"AA=="}),
		"in another order": json.RawMessage(fmt.Sprintf(` { "y":"%s", "x":"%s", "kty":"EC", "\u0063rv":"P-\u003256" } `,
			jwk["y"], jwk["x"])),
	} {
		if got := load(t, same, Options{}).Thumbprint; got != want {
			t.Errorf("%s: %x, want %x", name, got, want)
		}
	}
	seen := map[[32]byte]string{}
	for alg, private := range signers() {
		if alg == "Ed25519" || strings.HasPrefix(alg, "PS") || alg == "RS384" || alg == "RS512" {
			continue // the key of another
		}
		thumbprint := load(t, publish(private.Public()), Options{}).Thumbprint
		if other, found := seen[thumbprint]; found {
			t.Errorf("the keys of %s and %s have one thumbprint", alg, other)
		}
		seen[thumbprint] = alg
	}
}
