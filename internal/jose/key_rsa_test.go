package jose

import (
	"fmt"
	"math/big"
	"slices"
	"testing"
)

func TestKeyRSA(t *testing.T) {
	rsa := publish(rsaKey().Public())
	n := func(n *big.Int) any { return with(rsa, "n", encode(n.Bytes())) }
	e := func(e int64) any { return with(rsa, "e", encode(big.NewInt(e).Bytes())) }
	// Only the size matters here: the factors can be unknown.
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

// TestKeyRSALeadingZeros accepts a leading zero in "n". RFC 7518 §6.3.1.1
// forbids it, and notes that publishers add one. It is the same key.
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

// TestROCAPrimes checks that the list holds exactly those odd primes up to
// 167, the largest one of the affected library, that can reveal a modulus.
// They must drop at most two in a thousand million unaffected moduli.
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
