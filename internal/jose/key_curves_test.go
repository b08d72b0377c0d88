package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"
	"testing"
)

func TestKeyEC(t *testing.T) {
	p256, p384, p521 := publish(p256Key().Public()), publish(p384Key().Public()), publish(p521Key().Public())
	bytesOf := func(jwk map[string]any, name string) []byte {
		return must(base64.RawURLEncoding.DecodeString(jwk[name].(string)))
	}
	edit := func(jwk map[string]any, name string, f func([]byte) []byte) any {
		return with(jwk, name, encode(f(bytesOf(jwk, name))))
	}
	longer := func(b []byte) []byte { return append([]byte{0}, b...) }
	otherBit := func(b []byte) []byte { return flip(b, 8*len(b)-8) }
	zero := func(b []byte) []byte { return make([]byte, len(b)) }
	field := func(curve elliptic.Curve) []byte { return curve.Params().P.Bytes() }
	// P-521's coordinates have seven bits to spare: room for the same number
	// modulo the prime.
	unreduced := func(b []byte) []byte {
		return new(big.Int).Add(new(big.Int).SetBytes(b), elliptic.P521().Params().P).FillBytes(make([]byte, len(b)))
	}
	// A key whose x begins with a zero byte, which has to be there.
	short, scalar := p256, make([]byte, 32)
	for i := uint16(1); bytesOf(short, "x")[0] != 0; i++ {
		binary.BigEndian.PutUint16(scalar[30:], i)
		short = publish(must(ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)).Public())
	}
	judgeAll(t, Options{}, []keyRow{
		{"P-256", p256, ""},
		{"P-384", p384, ""},
		{"P-521", p521, ""},
		{"RFC 7515 A.3", rfc7515P256, ""},

		{"crv missing", without(p256, "crv"), badCurve},
		{"crv null", with(p256, "crv", null), badCurve},
		{"crv empty", with(p256, "crv", ""), badCurve},
		{"crv number", with(p256, "crv", 256), badCurve},
		{"crv in lower case", with(p256, "crv", "p-256"), badCurve},
		{"P-224", with(p256, "crv", "P-224"), badCurve},
		{"secp256k1", with(p256, "crv", "secp256k1"), badCurve},
		{"P-256K", with(p256, "crv", "P-256K"), badCurve},
		{"secp256r1, another name of P-256", with(p256, "crv", "secp256r1"), badCurve},
		{"brainpoolP256r1", with(p256, "crv", "brainpoolP256r1"), badCurve},
		{"Ed25519", with(p256, "crv", "Ed25519"), badCurve},

		{"x missing", without(p256, "x"), badCoords},
		{"y missing", without(p256, "y"), badCoords}, // a compressed point
		{"x null", with(p256, "x", null), badCoords},
		{"y number", with(p256, "y", 1), badCoords},
		{"x empty", with(p256, "x", ""), badCoords},
		{"y padded", with(p256, "y", p256["y"].(string)+"="), badCoords},
		{"x with a line break", with(p256, "x", p256["x"].(string)+"\n"), badCoords},
		{"x a byte longer", edit(p256, "x", longer), badCoords},
		{"y a byte longer", edit(p521, "y", longer), badCoords},
		{"x begins with a zero byte", short, ""},
		{"x without the zero byte that it begins with", edit(short, "x", func(b []byte) []byte { return b[1:] }), badCoords},
		{"y a byte shorter", edit(p384, "y", func(b []byte) []byte { return b[1:] }), badCoords},
		{"P-256 called P-384", with(p256, "crv", "P-384"), badCoords},
		{"P-521 called P-256", with(p521, "crv", "P-256"), badCoords},

		{"P-256, another x", edit(p256, "x", otherBit), offCurve},
		{"P-256, another y", edit(p256, "y", otherBit), offCurve},
		{"P-384, another y", edit(p384, "y", otherBit), offCurve},
		{"P-521, another y", edit(p521, "y", otherBit), offCurve},
		{"x and y exchanged", with(with(p256, "x", p256["y"]), "y", p256["x"]), offCurve},
		{"zero", with(with(p256, "x", encode(make([]byte, 32))), "y", encode(make([]byte, 32))), offCurve},
		{"x zero", edit(p256, "x", zero), offCurve},
		{"y zero", edit(p256, "y", zero), offCurve},
		{"x the prime of the field", with(p256, "x", encode(field(elliptic.P256()))), offCurve},
		{"y the prime of the field", with(p384, "y", encode(field(elliptic.P384()))), offCurve},
		{"all ones", with(with(p256, "x", encode([]byte(strings.Repeat("\xff", 32)))), "y", encode([]byte(strings.Repeat("\xff", 32)))), offCurve},
		{"x plus the prime of the field", edit(p521, "x", unreduced), offCurve},
		{"y plus the prime of the field", edit(p521, "y", unreduced), offCurve},
	})
}

func TestKeyOKP(t *testing.T) {
	okp := publish(edKey().Public())
	x := []byte(edKey().Public().(ed25519.PublicKey))
	judgeAll(t, Options{}, []keyRow{
		{"Ed25519", okp, ""},
		{"RFC 8037 A.2", rfc8037JWK, ""},
		{"crv missing", without(okp, "crv"), badCurve},
		{"crv null", with(okp, "crv", null), badCurve},
		{"crv in lower case", with(okp, "crv", "ed25519"), badCurve},
		{"X25519", with(okp, "crv", "X25519"), badCurve},
		{"Ed448", with(okp, "crv", "Ed448"), badCurve},
		{"P-256", with(okp, "crv", "P-256"), badCurve},
		{"x missing", without(okp, "x"), badX},
		{"x null", with(okp, "x", null), badX},
		{"x empty", with(okp, "x", ""), badX},
		{"x padded", with(okp, "x", okp["x"].(string)+"="), badX},
		{"x of 31 bytes", with(okp, "x", encode(x[:31])), badX},
		{"x of 33 bytes", with(okp, "x", encode(append([]byte{0}, x...))), badX},
		{"y, which it has no use for", with(okp, "y", 1), ""},
	})
}

// TestKeyOKPOffCurve uses values of x that belong to no point. Half of all x
// do (RFC 8032 §5.1.3).
func TestKeyOKPOffCurve(t *testing.T) {
	judgeAll(t, Options{}, []keyRow{
		{"y = 2", publish(ed25519.PublicKey(append([]byte{2}, make([]byte, 31)...))), offCurve},
		{"y = 7", publish(ed25519.PublicKey(append([]byte{7}, make([]byte, 31)...))), offCurve},
		{"y = 3, on the curve", publish(ed25519.PublicKey(append([]byte{3}, make([]byte, 31)...))), ""},
		// Another spelling would have another thumbprint.
		{"y = 3 plus the prime of the field", publish(ed25519.PublicKey("\xf0" + strings.Repeat("\xff", 30) + "\x7f")), offCurve},
	})
}

// TestKeyOKPSmallOrder checks points of small order. Under such a point A
// anyone can sign, with S = 0 and R = -[k]A, which is one of eight points.
// All zero bytes are such a key, and may be published by mistake.
func TestKeyOKPSmallOrder(t *testing.T) {
	smallOrder := []string{
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	}
	otherSpellings := []string{ // y = p, y = p + 1 and a sign for x = 0
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	}
	forge := func(t *testing.T, key *Key) (token string) {
		for i := range 20 {
			p := parts{header: `{"alg":"EdDSA"}`, payload: `{"sub":"admin","jti":"` + strconv.Itoa(i) + `"}`}
			for _, r := range smallOrder {
				p.signature = append(must(hex.DecodeString(r)), make([]byte, 32)...)
				if check(t, p.compact(), key, "EdDSA") == nil {
					return p.compact()
				}
			}
		}
		return ""
	}
	for want, list := range map[string][]string{lowOrder: smallOrder, offCurve: otherSpellings} {
		for _, x := range list {
			t.Run(x, func(t *testing.T) {
				set := must(ParseKeySet(keySetOf(publish(ed25519.PublicKey(must(hex.DecodeString(x))))), Options{}))
				for _, key := range set.Keys {
					t.Errorf("kept; a token made without a private key verifies: %q", forge(t, key))
				}
				for _, d := range set.Dropped {
					if d.Reason != want {
						t.Errorf("reason %q, want %q", d.Reason, want)
					}
				}
			})
		}
	}
}
