package jose

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/binary"
	"math/big"
	"slices"
	"testing"
)

// TestKeyLeakedByAnotherEntry checks that all entries of a pair are dropped
// if one publishes its "d": anyone can sign under them.
func TestKeyLeakedByAnotherEntry(t *testing.T) {
	const elsewhere = `its secret part is published in another entry, so it is compromised`
	public := map[string]map[string]any{
		"RSA": publish(rsaKey().Public()), "P-256": publish(p256Key().Public()),
		"P-384": publish(p384Key().Public()), "P-521": publish(p521Key().Public()), "Ed25519": publish(edKey().Public()),
	}
	rsaD := encode(rsaKey().D.Bytes())
	private := map[string]map[string]any{
		"RSA":     with(public["RSA"], "d", rsaD),
		"P-256":   with(public["P-256"], "d", encode(must(p256Key().Bytes()))),
		"P-384":   with(public["P-384"], "d", encode(must(p384Key().Bytes()))),
		"P-521":   with(public["P-521"], "d", encode(must(p521Key().Bytes()))),
		"Ed25519": with(public["Ed25519"], "d", encode(edKey().Seed())),
	}
	ec := public["P-256"]
	octetsOf := func(jwk map[string]any, name string) []byte {
		return must(base64.RawURLEncoding.DecodeString(jwk[name].(string)))
	}
	p := new(big.Int).Set(elliptic.P256().Params().P)
	negative := with(ec, "y", encode(p.Sub(p, new(big.Int).SetBytes(octetsOf(ec, "y"))).FillBytes(make([]byte, 32))))
	factors := map[string]any{"kty": "RSA", "p": encode(rsaKey().Primes[0].Bytes()), "q": encode(rsaKey().Primes[1].Bytes())}
	// A pair whose x begins with a zero byte, and whose d is a small number.
	short, scalar := ec, make([]byte, 32)
	for i := uint16(1); octetsOf(short, "x")[0] != 0; i++ {
		binary.BigEndian.PutUint16(scalar[30:], i)
		short = publish(must(ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)).Public())
	}
	number := func(b []byte) string { return encode(bytes.TrimLeft(b, "\x00")) }

	type row struct {
		name          string
		public, other map[string]any
		want          string // why public is dropped; "" if it is kept
	}
	rows := []row{
		{"RSA, the other for encryption", public["RSA"], with(private["RSA"], "use", "enc"), elsewhere},
		{"RSA, the other under another exponent", public["RSA"], with(private["RSA"], "e", "Aw"), elsewhere},
		{"RSA, the other padded", public["RSA"], with(private["RSA"], "n", base64.URLEncoding.EncodeToString(rsaKey().N.Bytes())), elsewhere},
		{"RSA, the other in standard base64", public["RSA"], with(private["RSA"], "n", base64.StdEncoding.EncodeToString(rsaKey().N.Bytes())), elsewhere},
		{"RSA, the other with a leading zero", public["RSA"], with(private["RSA"], "n", encode(append([]byte{0}, rsaKey().N.Bytes()...))), elsewhere},
		{"RSA, the other with dp alone", public["RSA"], with(public["RSA"], "dp", "AQAB"), elsewhere},
		{"RSA, the other has the primes alone", public["RSA"], factors, elsewhere},
		{"RSA, the other's d is empty", public["RSA"], with(public["RSA"], "d", ""), ""},
		{"RSA, the other is another", public["RSA"], with(with(public["RSA"], "n", encode(bytes.Repeat([]byte{255}, 256))), "d", rsaD), ""},
		{"RSA, the other has no numbers", public["RSA"], map[string]any{"kty": "RSA", "d": rsaD}, ""},
		{"EC, the other's point is the negative", ec, with(negative, "d", "AQAB"), elsewhere},
		{"EC, the other without its point", ec, without(without(private["P-256"], "x"), "y"), elsewhere},
		{"EC, the other without x's zero", short, with(with(short, "d", number(scalar)), "x", number(octetsOf(short, "x"))), elsewhere},
		{"EC, the other has d alone, without its zeros", short, map[string]any{"kty": "EC", "crv": "P-256", "d": number(scalar)}, elsewhere},
		{"EC, the other's d is zero", ec, map[string]any{"kty": "EC", "crv": "P-256", "d": "AA"}, ""},
		{"EC, the other's d is longer than the order", ec, map[string]any{"kty": "EC", "crv": "P-256", "d": encode(bytes.Repeat([]byte{1}, 33))}, ""},
		{"EC, the other is of another curve", ec, private["P-384"], ""},
		{"EC, the other's curve is unknown", ec, with(private["P-256"], "crv", "secp256k1"), ""},
		{"Ed25519, the other without x", public["Ed25519"], without(private["Ed25519"], "x"), elsewhere},
		{"Ed25519, the other's d is short", public["Ed25519"], with(without(private["Ed25519"], "x"), "d", "AQAB"), ""},
		{"Ed25519, the other is oct", public["Ed25519"], map[string]any{"kty": "oct", "k": encode(edKey().Seed())}, ""},
	}
	for name := range public {
		rows = append(rows, row{name, public[name], private[name], elsewhere})
	}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			named, other := with(tt.public, "kid", "public"), with(tt.other, "kid", "other")
			for _, entries := range [][]any{{named, other}, {other, named}, {named, other, with(tt.public, "kid", "public")}} {
				set := must(ParseKeySet(keySetOf(entries...), Options{}))
				i := slices.IndexFunc(set.Dropped, func(d Dropped) bool { return d.ID == "public" })
				switch {
				case tt.want == "" && i >= 0:
					t.Errorf("dropped: %v", set.Dropped[i])
				case tt.want != "" && (i < 0 || set.Dropped[i].Reason != tt.want || !set.Dropped[i].Secret):
					t.Errorf("dropped = %v, want %q", set.Dropped, tt.want)
				}
				for _, k := range set.Keys {
					if tt.want != "" && k.ID == "public" {
						t.Error("the key is kept")
					}
				}
				// What another document says of the same pair counts, too.
				if leaks := set.Leaks(load(t, tt.public, Options{})); leaks != (tt.want != "") {
					t.Errorf("Leaks = %t, want %t", leaks, tt.want != "")
				}
			}
		})
	}
}
