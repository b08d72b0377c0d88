package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"slices"
	"strings"
	"testing"
)

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

// TestVerifyECDSAShort refuses s without its leading zero byte. It is the
// same number, but a second spelling of the signature.
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

// TestVerifyEd25519Malleability adds the order of the group to S. Anyone who
// has a signature can compute this second one (RFC 8032 §8.4).
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
