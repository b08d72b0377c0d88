package jose

import (
	"encoding/json"
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
				t.Errorf("ID has %d bytes", len(d.ID))
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

// TestKeySecret checks that a published secret part is reported even if the
// key has other mistakes.
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
