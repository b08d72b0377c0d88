package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Why a key is dropped.
const (
	noObject  = `it is not an object`
	badKeyID  = `its "kid" is not a string of 1 to 256 bytes`
	noType    = `"kty" is missing`
	badType   = `its "kty" is unknown`
	secret    = `it is published with its secret part, so it is compromised`
	shared    = `its "kty" is "oct": it is a shared secret`
	badUse    = `its "use" is not "sig"`
	badOps    = `its "key_ops" do not include "verify"`
	badAlg    = `its "alg" is not an asymmetric signature algorithm`
	notForKty = `its "alg" does not fit its "kty"`
	notForCrv = `its "alg" does not fit its "crv"`
	noNumbers = `"n" or "e" is missing or not base64url`
	badSize   = `its modulus is not of 2048 to 8192 bits`
	evenN     = `its modulus is even`
	badE      = `its exponent is even or not below 2^31`
	smallE    = `its exponent is below 65537`
	roca      = `its modulus has the ROCA weakness (CVE-2017-15361)`
	badCurve  = `its "crv" is unknown`
	badCoords = `"x" or "y" is missing, not base64url or not as long as its curve demands`
	offCurve  = `its point is not on its curve`
	lowOrder  = `its point has a small order`
	badX      = `"x" is missing, not base64url or not of 32 bytes`
)

var null = json.RawMessage("null")

// judge says why a JWK is dropped, or "" if it is kept.
func judge(t *testing.T, jwk any, opts Options) (d Dropped) {
	t.Helper()
	set, err := ParseKeySet(keySetOf(jwk), opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Keys)+len(set.Dropped) != 1 {
		t.Fatalf("%d keys, %d dropped of one", len(set.Keys), len(set.Dropped))
	}
	if len(set.Dropped) == 1 {
		d = set.Dropped[0]
		if d.Reason == "" {
			t.Error("dropped without a reason")
		}
	}
	return d
}

type keyRow struct {
	name string
	jwk  any
	want string // the reason to drop it, or "" to keep it
}

func judgeAll(t *testing.T, opts Options, rows []keyRow) {
	t.Helper()
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			d := judge(t, tt.jwk, opts)
			if d.Reason != tt.want {
				t.Errorf("reason %q, want %q", d.Reason, tt.want)
			}
			if d.Secret != (tt.want == secret) {
				t.Errorf("Secret = %t", d.Secret)
			}
			if len(d.ID) > maxKeyID {
				t.Errorf("an ID of %d bytes is told", len(d.ID))
			}
		})
	}
}

func TestKeyMembers(t *testing.T) {
	rsa, ec, okp := publish(rsaKey().Public()), publish(p256Key().Public()), publish(edKey().Public())
	judgeAll(t, Options{}, []keyRow{
		{"RSA", rsa, ""},
		{"EC", ec, ""},
		{"OKP", okp, ""},

		{"not an object: null", null, noObject},
		{"not an object: string", "key", noObject},
		{"not an object: number", 1, noObject},
		{"not an object: array", []any{rsa}, noObject},
		{"empty object", map[string]any{}, noType},

		{"kid", with(rsa, "kid", "k"), ""},
		{"kid of 256 bytes", with(rsa, "kid", strings.Repeat("k", 256)), ""},
		{"kid of 257 bytes", with(rsa, "kid", strings.Repeat("k", 257)), badKeyID},
		{"kid of 257 bytes, 129 characters", with(rsa, "kid", "k"+strings.Repeat("é", 128)), badKeyID},
		{"kid empty", with(rsa, "kid", ""), ""}, // a key without an ID
		{"kid number", with(rsa, "kid", 1), badKeyID},
		{"kid null", with(rsa, "kid", null), ""},
		{"kid empty array", with(rsa, "kid", []string{}), ""},
		{"kid array", with(rsa, "kid", []string{"k"}), badKeyID},
		{"KID is not kid", with(rsa, "KID", 1), ""},

		{"kty missing", without(rsa, "kty"), noType},
		{"kty null", with(rsa, "kty", null), noType},
		{"kty number", with(rsa, "kty", 1), noType},
		{"KTY is not kty", with(without(rsa, "kty"), "KTY", "RSA"), noType},
		{"kty empty", with(rsa, "kty", ""), noType},
		{"kty in lower case", with(rsa, "kty", "rsa"), badType},
		{"kty unknown", with(rsa, "kty", "AKP"), badType}, // RFC 9964
		{"kty of another key", with(ec, "kty", "RSA"), noNumbers},
		{"kty of another key with a curve", with(ec, "kty", "OKP"), badCurve},

		{"use sig", with(rsa, "use", "sig"), ""},
		{"use enc", with(rsa, "use", "enc"), badUse},
		{"use in upper case", with(rsa, "use", "SIG"), badUse},
		{"use empty", with(rsa, "use", ""), ""},
		{"use a space", with(rsa, "use", " "), badUse},
		{"use null", with(rsa, "use", null), ""},
		{"use false", with(rsa, "use", false), badUse},
		{"use an empty object", with(rsa, "use", map[string]any{}), badUse},
		{"use number", with(rsa, "use", 1), badUse},
		{"use array", with(rsa, "use", []string{"sig"}), badUse},

		{"key_ops verify", with(rsa, "key_ops", []string{"verify"}), ""},
		{"key_ops verify among others", with(rsa, "key_ops", []string{"encrypt", "verify", "x"}), ""},
		// RFC 7517 §4.3 forbids the publisher to repeat one, but both readings
		// are the same.
		{"key_ops verify twice", with(rsa, "key_ops", []string{"verify", "verify"}), ""},
		{"key_ops sign", with(rsa, "key_ops", []string{"sign"}), badOps},
		{"key_ops sign twice", with(rsa, "key_ops", []string{"sign", "sign"}), badOps},
		{"key_ops in upper case", with(rsa, "key_ops", []string{"Verify"}), badOps},
		{"key_ops empty", with(rsa, "key_ops", []string{}), ""},
		{"key_ops empty, with a space", with(rsa, "key_ops", json.RawMessage("[ ]")), ""},
		{"key_ops of an empty string", with(rsa, "key_ops", []string{""}), badOps},
		{"key_ops of null", with(rsa, "key_ops", []any{nil}), badOps},
		{"key_ops with null", with(rsa, "key_ops", []any{"verify", nil}), badOps},
		{"key_ops null", with(rsa, "key_ops", null), ""},
		{"key_ops string", with(rsa, "key_ops", "verify"), badOps},
		{"key_ops object", with(rsa, "key_ops", map[string]any{"verify": true}), badOps},
		{"key_ops with a number", with(rsa, "key_ops", []any{"verify", 1}), badOps},
		{"use and key_ops agree", with(with(rsa, "use", "sig"), "key_ops", []string{"verify"}), ""},
		{"use sig, key_ops encrypt", with(with(rsa, "use", "sig"), "key_ops", []string{"encrypt"}), badOps},
		{"use enc, key_ops verify", with(with(rsa, "use", "enc"), "key_ops", []string{"verify"}), badUse},

		{"alg null", with(rsa, "alg", null), ""},
		{"alg empty array", with(rsa, "alg", []string{}), ""},
		{"alg empty", with(rsa, "alg", ""), ""},
		{"alg number", with(rsa, "alg", 256), badAlg},
		{"alg array", with(rsa, "alg", []string{"RS256"}), badAlg},
		{"alg none", with(rsa, "alg", "none"), badAlg},
		{"alg HS256", with(rsa, "alg", "HS256"), badAlg},
		{"alg of encryption", with(rsa, "alg", "RSA-OAEP"), badAlg},
		{"alg in lower case", with(rsa, "alg", "rs256"), badAlg},
		{"alg ES256K", with(ec, "alg", "ES256K"), badAlg},
		{"alg Ed448", with(okp, "alg", "Ed448"), badAlg},
		{"ALG is not alg", with(rsa, "ALG", "none"), ""},
		{"RSA for RS256", with(rsa, "alg", "RS256"), ""},
		{"RSA for PS512", with(rsa, "alg", "PS512"), ""},
		{"RSA for ES256", with(rsa, "alg", "ES256"), notForKty},
		{"RSA for EdDSA", with(rsa, "alg", "EdDSA"), notForKty},
		{"P-256 for ES256", with(ec, "alg", "ES256"), ""},
		{"P-256 for ES384", with(ec, "alg", "ES384"), notForCrv},
		{"P-256 for RS256", with(ec, "alg", "RS256"), notForCrv},
		{"P-384 for ES256", with(publish(p384Key().Public()), "alg", "ES256"), notForCrv},
		{"P-521 for ES512", with(publish(p521Key().Public()), "alg", "ES512"), ""},
		{"Ed25519 for EdDSA", with(okp, "alg", "EdDSA"), ""},
		{"Ed25519 for Ed25519", with(okp, "alg", "Ed25519"), ""},
		{"Ed25519 for ES256", with(okp, "alg", "ES256"), notForCrv},

		// What else a JWK holds says nothing about whether its key is good.
		{"x5c garbage", with(rsa, "x5c", []string{"garbage", ""}), ""},
		{"x5c of a wrong type", with(rsa, "x5c", 1), ""},
		{"x5t garbage", with(rsa, "x5t", "!"), ""},
		{"x5t#S256 garbage", with(rsa, "x5t#S256", 1), ""},
		{"x5tS256, Stytch's own", with(rsa, "x5tS256", "AAAA"), ""},
		{"x5u, never fetched", with(rsa, "x5u", "http://127.0.0.1:1/"), ""},
		{"a member of its own", with(rsa, "x", map[string]any{"a": []any{nil}}), ""},
	})
}

func TestKeyRSA(t *testing.T) {
	rsa := publish(rsaKey().Public())
	n := func(n *big.Int) any { return with(rsa, "n", encode(n.Bytes())) }
	e := func(e int64) any { return with(rsa, "e", encode(big.NewInt(e).Bytes())) }
	// The size is what is asked for: nobody has to know the factors.
	ofBits := func(bits int) *big.Int {
		n := new(big.Int).SetBit(new(big.Int), bits-1, 1)
		return n.SetBit(n, 0, 1)
	}
	judgeAll(t, Options{}, []keyRow{
		{"512 bits", n(ofBits(512)), badSize},
		{"1024 bits", n(ofBits(1024)), badSize},
		{"2047 bits", n(ofBits(2047)), badSize},
		{"2048 bits", n(ofBits(2048)), ""},
		{"2049 bits", n(ofBits(2049)), ""},
		{"8192 bits", n(ofBits(8192)), ""},
		{"8193 bits", n(ofBits(8193)), badSize},
		{"16384 bits", n(ofBits(16384)), badSize},
		{"1024 bits and as many leading zeros", with(rsa, "n", encode(ofBits(1024).FillBytes(make([]byte, 256)))), badSize},
		{"n zero", with(rsa, "n", encode(make([]byte, 256))), badSize},
		{"n even", n(new(big.Int).Sub(ofBits(2049), big.NewInt(1))), evenN},

		{"n missing", without(rsa, "n"), noNumbers},
		{"n null", with(rsa, "n", null), noNumbers},
		{"n number", with(rsa, "n", 65537), noNumbers},
		{"n empty", with(rsa, "n", ""), noNumbers},
		{"n padded", with(rsa, "n", rsa["n"].(string)+"=="), noNumbers},
		{"n in the other alphabet", with(rsa, "n", "+/+/"), noNumbers},
		{"n with a line break", with(rsa, "n", "\n"+rsa["n"].(string)), noNumbers}, // as the RFCs print it
		{"n with trailing bits", with(rsa, "n", "AB"), noNumbers},
		{"N is not n", with(without(rsa, "n"), "N", rsa["n"]), noNumbers},
		{"e missing", without(rsa, "e"), noNumbers},
		{"e null", with(rsa, "e", null), noNumbers},
		{"e number", with(rsa, "e", 65537), noNumbers},
		{"e empty", with(rsa, "e", ""), noNumbers},
		{"e padded", with(rsa, "e", "AQAB===="), noNumbers},

		{"e = 0", with(rsa, "e", "AA"), badE},
		{"e = 1", e(1), smallE},
		{"e = 2", e(2), badE},
		{"e = 3", e(3), smallE},
		{"e = 5", e(5), smallE},
		{"e = 17", e(17), smallE},
		{"e = 65535", e(65535), smallE},
		{"e = 65536", e(65536), badE},
		{"e = 65537", e(65537), ""},
		{"e = 65538", e(65538), badE},
		{"e = 2^31 - 1", e(1<<31 - 1), ""},
		{"e = 2^31", e(1 << 31), badE},
		{"e = 2^31 + 1", e(1<<31 + 1), badE},
		{"e = 2^32 - 1", e(1<<32 - 1), badE},
		{"e = 2^32", e(1 << 32), badE},
		{"e = 2^32 + 1", e(1<<32 + 1), badE},
		{"e = 2^32 + 65537", e(1<<32 + 65537), badE}, // 65537 in 32 bits
		{"e = 2^63 + 1", with(rsa, "e", encode(ofBits(64).Bytes())), badE},
		{"e = 2^64 + 65537", with(rsa, "e", encode([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1})), badE}, // 65537 in 64 bits
		{"e as large as n", with(rsa, "e", rsa["n"]), badE},
	})
	judgeAll(t, Options{AllowExponent3: true}, []keyRow{
		{"AllowExponent3/e = 1", e(1), smallE},
		{"AllowExponent3/e = 2", e(2), badE},
		{"AllowExponent3/e = 3", e(3), ""},
		{"AllowExponent3/e = 5", e(5), smallE},
		{"AllowExponent3/e = 17", e(17), smallE},
		{"AllowExponent3/e = 65537", e(65537), ""},
	})
}

// TestKeyRSALeadingZeros: RFC 7518 §6.3.1.1 forbids them in "n", and notes
// that publishers add one. It is the same key.
func TestKeyRSALeadingZeros(t *testing.T) {
	jwk := publish(rsaKey().Public())
	plain := load(t, jwk, Options{})
	padded := load(t, map[string]any{
		"kty": "RSA",
		"n":   encode(append([]byte{0}, rsaKey().N.Bytes()...)),
		"e":   encode([]byte{0, 0, 1, 0, 1}),
	}, Options{})
	if padded.Thumbprint != plain.Thumbprint {
		t.Error("another thumbprint")
	}
	if err := check(t, signedBy(rsaKey(), "RS256").compact(), padded, "RS256"); err != nil {
		t.Errorf("Verify: %v", err)
	}
}

func TestKeyROCA(t *testing.T) {
	// From Wycheproof (json_web_key_test.json, tcId 7): a modulus of the form
	// that the library of Infineon made.
	const wycheproof = "AanFpofbj7KjD4Lf-N2hVMKR7yewSyXhhbirIMTGpfYEhZ_lnt5UoK98DnKIgArXGTu3MaW_HhFw16HGaTDUHqPrId7fe4r11CqRw09yBFuW79V8sYIwHdzCaWflUI6auImYbVfoN9_nD5n8N8SY9DwXw7mwZM9wREPXoDPgOoIWl6q_MPsp7n0zs3Z5ZaiQWOOzl1S9OhwAfSiiOwz6efnXEaxuTEtPd7BjSx7NaFka8Dx9U7YqXy2RFj1O9PjyaDGuRh7YXsX3iMUSP_wSyHQg_c_qHRtKUsNSGCT7OZg0hzm2KphtjnayKJvC64vAbROBR4Ubg6Bxg9IQVZ-QYyE"

	// n = k·m + (65537^a mod m), where m is the product of the primes, is a
	// power of 65537 modulo each.
	m := big.NewInt(1)
	for _, p := range rocaPrimes {
		m.Mul(m, big.NewInt(p))
	}
	k := new(big.Int).Div(new(big.Int).Lsh(big.NewInt(3), 2046), m) // 3·2^2046 has 2048 bits
	made := new(big.Int).Exp(big.NewInt(65537), big.NewInt(123456789), m)
	made.Add(made, k.Mul(k, m))
	if made.Bit(0) == 0 {
		made.Add(made, m)
	}
	if made.BitLen() != 2048 {
		t.Fatalf("%d bits", made.BitLen())
	}
	jwk := func(n string) any { return map[string]any{"kty": "RSA", "n": n, "e": "AQAB"} }
	rows := []keyRow{
		{"Wycheproof", jwk(wycheproof), roca},
		{"made", jwk(encode(made.Bytes())), roca},
		{"RFC 7515 A.2", rfc7515RSA, ""},
		{"RFC 7520 3.3", rfc7520RSA, ""},
		{"RFC 7638 3.1", rfc7638JWK, ""},
	}
	// One prime that tells the modulus from an affected one is enough.
	for _, p := range rocaPrimes {
		powers := map[int64]bool{}
		for x := int64(1); !powers[x]; x = x * 65537 % p {
			powers[x] = true
		}
		step := new(big.Int).Div(m, big.NewInt(p)) // changes the residue modulo p alone
		step.Lsh(step, 1)                          // and not whether n is odd
		n := new(big.Int).Set(made)
		for powers[new(big.Int).Mod(n, big.NewInt(p)).Int64()] {
			n.Add(n, step)
		}
		rows = append(rows, keyRow{fmt.Sprintf("made, but no power of 65537 modulo %d", p), jwk(encode(n.Bytes())), ""})
	}
	judgeAll(t, Options{}, rows)
}

// TestROCAPrimes: the list holds just those odd primes up to 167, the largest
// that the affected library used, that can tell a modulus; and two in a
// thousand million innocent ones are dropped at most.
func TestROCAPrimes(t *testing.T) {
	var want []int64
	probability := 1.0
	for p := int64(3); p <= 167; p++ {
		if !big.NewInt(p).ProbablyPrime(20) {
			continue
		}
		order := int64(1)
		for x := 65537 % p; x != 1; x = x * 65537 % p {
			order++
		}
		if order < p-1 {
			want = append(want, p)
			probability *= float64(order) / float64(p-1)
		}
	}
	if !slices.Equal(rocaPrimes, want) {
		t.Errorf("rocaPrimes = %v, want %v", rocaPrimes, want)
	}
	if probability > 1.0/(1<<27) {
		t.Errorf("an unaffected modulus is dropped with a probability of %g", probability)
	}
}

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

// TestKeyOKPOffCurve: half of all x are the y of no point (RFC 8032 §5.1.3).
func TestKeyOKPOffCurve(t *testing.T) {
	judgeAll(t, Options{}, []keyRow{
		{"y = 2", publish(ed25519.PublicKey(append([]byte{2}, make([]byte, 31)...))), offCurve},
		{"y = 7", publish(ed25519.PublicKey(append([]byte{7}, make([]byte, 31)...))), offCurve},
		{"y = 3, on the curve", publish(ed25519.PublicKey(append([]byte{3}, make([]byte, 31)...))), ""},
		// Another spelling would have another thumbprint.
		{"y = 3 plus the prime of the field", publish(ed25519.PublicKey("\xf0" + strings.Repeat("\xff", 30) + "\x7f")), offCurve},
	})
}

// TestKeyOKPSmallOrder: under a point A of small order anybody can sign, with
// S = 0 and R = -[k]A, which is one of eight points. All zero bytes are such a
// key: an authority publishes that by mistake, not by malice.
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

// TestKeySecret: whatever else is wrong with a key, that its secret part was
// published has to be said.
func TestKeySecret(t *testing.T) {
	rsa, ec, okp := publish(rsaKey().Public()), publish(p256Key().Public()), publish(edKey().Public())
	rows := []keyRow{
		{"EC d", with(ec, "d", "AQAB"), secret},
		{"OKP d", with(okp, "d", "AQAB"), secret},
		{"oct", map[string]any{"kty": "oct", "k": "AQAB"}, secret},
		{"oct for HS256", map[string]any{"kty": "oct", "k": "AQAB", "alg": "HS256", "use": "sig"}, secret},
		{"oct with k empty", map[string]any{"kty": "oct", "k": ""}, secret},
		{"oct without k", map[string]any{"kty": "oct"}, shared},
		{"k in another kind of key", with(rsa, "k", "AQAB"), secret},
		{"priv of an AKP key (RFC 9964)", map[string]any{"kty": "AKP", "alg": "ML-DSA-44", "priv": "AQAB"}, secret},
		{"d a single zero byte", with(rsa, "d", "AA"), secret},
		{"d not base64url", with(rsa, "d", "!"), secret},
		{"d a number", with(rsa, "d", 0), secret},
		{"d an object", with(rsa, "d", map[string]any{}), secret},
		{"d false", with(rsa, "d", false), secret},
		{"d empty", with(rsa, "d", ""), ""}, // nothing is published
		{"d null", with(rsa, "d", null), ""},
		{"d empty array", with(rsa, "d", []any{}), ""},
		{"oct with k null", map[string]any{"kty": "oct", "k": nil}, shared},
		{"D is not d", with(rsa, "D", "AQAB"), ""},

		{"and use is enc", with(with(rsa, "d", "AQAB"), "use", "enc"), secret},
		{"and key_ops is sign", with(with(rsa, "d", "AQAB"), "key_ops", []string{"sign"}), secret},
		{"and alg is for encryption", with(with(rsa, "d", "AQAB"), "alg", "RSA-OAEP"), secret},
		{"and n is missing", with(without(rsa, "n"), "d", "AQAB"), secret},
		{"and e is 1", with(with(rsa, "d", "AQAB"), "e", "AQ"), secret},
		{"and the point is off the curve", with(with(ec, "d", "AQAB"), "y", ec["x"]), secret},
		{"and crv is unknown", with(with(okp, "d", "AQAB"), "crv", "X25519"), secret},
		{"and kty is unknown", with(with(okp, "d", "AQAB"), "kty", "AKP"), secret},
		{"and kty is missing", with(without(rsa, "kty"), "d", "AQAB"), secret},
		{"and kid is empty", with(with(rsa, "d", "AQAB"), "kid", ""), secret},
		{"and kid is a number", with(with(rsa, "d", "AQAB"), "kid", 1), secret},
		{"and kid is too long", map[string]any{"kty": "oct", "k": "AQAB", "kid": strings.Repeat("k", 257)}, secret},
	}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi"} {
		rows = append(rows,
			keyRow{"RSA " + name, with(rsa, name, "AQAB"), secret},
			keyRow{"RSA " + name + " null", with(rsa, name, null), ""},
			keyRow{"RSA " + name + " empty", with(rsa, name, ""), ""})
	}
	rows = append(rows,
		keyRow{"RSA oth", with(rsa, "oth", []any{map[string]any{"r": "AQAB"}}), secret},
		keyRow{"RSA oth of null", with(rsa, "oth", []any{nil}), secret},
		keyRow{"RSA oth empty", with(rsa, "oth", []any{}), ""},
		keyRow{"RSA oth null", with(rsa, "oth", null), ""})
	judgeAll(t, Options{}, rows)
}

func TestParseKeySetRefuses(t *testing.T) {
	key := string(must(json.Marshal(publish(p256Key().Public()))))
	many := func(n int) string { return `{"keys":[` + strings.Repeat(",{}", n)[1:] + `]}` }
	const (
		noKeys    = `key set: no array "keys"`
		noObject  = `key set: not a JSON object`
		syntax    = `key set: malformed JSON`
		duplicate = `key set: duplicate member in a JSON object`
		deep      = `key set: JSON nested too deeply`
	)
	for _, tt := range []struct{ name, doc, want string }{
		{"empty", ``, noObject},
		{"HTML", `<!DOCTYPE html><html></html>`, noObject},
		{"array", `[` + key + `]`, noObject},
		{"null", `null`, noObject},
		{"string", `"keys"`, noObject},
		{"byte order mark", "\ufeff" + `{"keys":[]}`, noObject},
		{"gzip", "\x1f\x8b\x08\x00", `key set: JSON text is not valid UTF-8`},
		{"truncated", `{"keys":[` + key, syntax},
		{"trailing bytes", `{"keys":[` + key + `]}x`, syntax},
		{"trailing comma", `{"keys":[` + key + `,]}`, syntax},
		{"two documents", `{"keys":[]}{"keys":[]}`, syntax},
		{"invalid UTF-8", `{"keys":["` + "\xff" + `"]}`, `key set: JSON text is not valid UTF-8`},
		{"lone surrogate", `{"keys":["\ud800"]}`, `key set: unpaired surrogate in a JSON string`},

		{"no keys", `{}`, noKeys},
		{"an error document", `{"status_code":500,"error_type":"internal_server_error"}`, noKeys},
		{"a JWK, not a set", key, noKeys},
		{"keys null", `{"keys":null}`, noKeys},
		{"keys object", `{"keys":{"0":` + key + `}}`, noKeys},
		{"keys string", `{"keys":"` + encode([]byte(key)) + `"}`, noKeys},
		{"KEYS is not keys", `{"KEYS":[` + key + `]}`, noKeys},
		{"keys further in", `{"data":{"keys":[` + key + `]}}`, noKeys},

		{"duplicate keys", `{"keys":[` + key + `],"keys":[]}`, duplicate},
		{"duplicate keys, escaped", `{"keys":[` + key + `],"k\u0065ys":[]}`, duplicate},
		{"duplicate member of a key", `{"keys":[{"kty":"RSA","kty":"oct"}]}`, duplicate},
		{"nested 9 deep", `{"keys":[` + nested(7) + `]}`, deep},
		{"nested 9 deep beside keys", `{"keys":[],"a":` + nested(8) + `}`, deep},
		{"a million deep", `{"keys":` + strings.Repeat("[", 1_000_000), deep},
		{"513 keys", many(513), `key set: more than 512 keys`},
		{"16385 members", `{"keys":[],` + members(16384) + `}`, `key set: too many members in JSON`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := ParseKeySet([]byte(tt.doc), Options{})
			if set != nil || err == nil || err.Error() != tt.want {
				t.Errorf("ParseKeySet = %v, %v; want %s", set, err, tt.want)
			}
		})
	}
	for _, tt := range []struct {
		name, doc     string
		keys, dropped int
	}{
		{"empty", `{"keys":[]}`, 0, 0},
		{"other members", `{"a":[{}],"keys":[` + key + `],"Keys":1}`, 1, 0},
		{"512 keys", many(512), 0, 512},
		{"512 good keys", `{"keys":[` + strings.Repeat(","+key, 512)[1:] + `]}`, 512, 0},
		{"nested 8 deep", `{"keys":[` + nested(6) + `]}`, 0, 1},
		{"16384 members", `{"keys":[],` + members(16383) + `}`, 0, 0},
	} {
		t.Run("accepted: "+tt.name, func(t *testing.T) {
			set, err := ParseKeySet([]byte(tt.doc), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(set.Keys) != tt.keys || len(set.Dropped) != tt.dropped {
				t.Errorf("%d keys, %d dropped; want %d, %d", len(set.Keys), len(set.Dropped), tt.keys, tt.dropped)
			}
		})
	}
}

// TestParseKeySetKeepsTheGood: a bad key costs nobody but itself, and each
// that is left stands in the order of the document.
func TestParseKeySetKeepsTheGood(t *testing.T) {
	rsa, ec, okp := publish(rsaKey().Public()), publish(p256Key().Public()), publish(edKey().Public())
	set, err := ParseKeySet(keySetOf(
		with(with(rsa, "kid", "rsa"), "alg", "PS256"),
		nil,
		with(with(ec, "kid", "encryption"), "use", "enc"),
		with(ec, "kid", "ec"),
		with(ec, "kid", 7),
		with(with(publish(p384Key().Public()), "kid", "private"), "d", "AQAB"),
		okp,
		map[string]any{"kty": "lattice", "kid": "new\n\x1b[31mé\u202e"},
	), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, k := range set.Keys {
		kept = append(kept, k.ID+"/"+k.Algorithm)
	}
	if want := []string{"rsa/PS256", "ec/ES256", "/EdDSA"}; !slices.Equal(kept, want) {
		t.Errorf("kept %q, want %q", kept, want)
	}
	for i, private := range []struct {
		alg  string
		sign func() string
	}{
		{"PS256", func() string { return signedBy(rsaKey(), "PS256").compact() }},
		{"ES256", func() string { return signedBy(p256Key(), "ES256").compact() }},
		{"EdDSA", func() string { return signedBy(edKey(), "EdDSA").compact() }},
	} {
		if err := check(t, private.sign(), set.Keys[i], private.alg); err != nil {
			t.Errorf("%s: %v", private.alg, err)
		}
	}
	want := []Dropped{
		{"", 1, noObject, false},
		{"encryption", 2, badUse, false},
		{"", 4, badKeyID, false},
		{"private", 5, secret, true},
		{"new\n\x1b[31mé\u202e", 7, badType, false},
	}
	if !slices.Equal(set.Dropped, want) {
		t.Errorf("dropped %+v, want %+v", set.Dropped, want)
	}
	// A kid goes into logs: it must not write there what it likes.
	if got, want := set.Dropped[4].String(), `key 7 (kid "new\n\x1b[31m\u00e9\u202e"): its "kty" is unknown`; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
}

// TestParseKeySetStytch: the document as Stytch publishes it, with members
// that are not of RFC 7517 at the top and in each key.
func TestParseKeySetStytch(t *testing.T) {
	key := func(kid string) map[string]any {
		jwk := publish(rsaKey().Public())
		maps.Copy(jwk, map[string]any{
			"kid": kid, "alg": "RS256", "use": "sig", "key_ops": []string{"verify"},
			"x5c": []string{"not a certificate"}, "x5tS256": "bm90IGEgdGh1bWJwcmludA",
		})
		return jwk
	}
	doc := must(json.Marshal(map[string]any{
		"keys":        []any{key("jwk-test-new"), key("jwk-test-old")},
		"request_id":  "request-id-test-1",
		"status_code": 200,
	}))
	set, err := ParseKeySet(doc, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 || len(set.Dropped) != 0 || set.Keys[0].ID != "jwk-test-new" || set.Keys[1].ID != "jwk-test-old" {
		t.Fatalf("%+v", set)
	}
	if err := check(t, signedBy(rsaKey(), "RS256").compact(), set.Keys[1], "RS256"); err != nil {
		t.Errorf("Verify: %v", err)
	}
}
