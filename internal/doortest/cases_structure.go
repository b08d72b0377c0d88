package doortest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func structure() []Case {
	replace := func(old, new string) func(string) string {
		return func(token string) string { return strings.Replace(token, old, new, 1) }
	}
	suffix := func(s string) func(string) string { return func(token string) string { return token + s } }
	part := func(i int, change func(string) string) func(string) string {
		return func(token string) string {
			parts := strings.Split(token, ".")
			parts[i] = change(parts[i])
			return strings.Join(parts, ".")
		}
	}
	payload := func(format string, args ...any) spec { return spec{RawPayload: fmt.Sprintf(format, args...)} }
	nested := func(n int) string { return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1) }
	var many strings.Builder
	for i := range 513 { // one per 16 of 8,192 bytes, and one more
		fmt.Fprintf(&many, `"%d":0,`, i)
	}
	encrypted := func(header string) func(string) string {
		return func(string) string { return base64.RawURLEncoding.EncodeToString([]byte(header)) + ".AA.AA.AA.AA" }
	}
	loose := func(s string) string { return s[:len(s)-1] + string(s[len(s)-1]+1) }
	renamed := func(from, to string, value any) spec {
		return spec{Claims: map[string]any{from: m2mtest.Absent, to: value}}
	}
	return slices.Concat(
		invalid(verifier.Malformed,
			Case{Name: "one segment", Mangle: func(string) string { return "abc" }},
			Case{Name: "two segments", Mangle: func(s string) string { return s[:strings.LastIndex(s, ".")] }},
			Case{Name: "four segments", Mangle: suffix(".AA")},
			Case{Name: "five segments, as in JWE", Mangle: suffix(".AA.AA")},
			Case{Name: "only dots", Mangle: func(string) string { return ".." }},
			Case{Name: "JSON serialization", Mangle: func(string) string { return `{"payload":"e30"}` }},
			Case{Name: "empty header", Mangle: part(0, func(string) string { return "" })},
			Case{Name: "empty payload", Mangle: part(1, func(string) string { return "" })},
			Case{Name: "signature stripped", Mangle: part(2, func(string) string { return "" })},
			Case{Name: "padding", Mangle: suffix("=")},
			Case{Name: "plus", Mangle: replace("ey", "+y")},
			Case{Name: "slash", Mangle: replace("ey", "/y")},
			Case{Name: "non-zero trailing bits", Spec: payload(`{"a":1}`), Mangle: part(1, loose)},
			Case{Name: "non-zero trailing bits in the header", Spec: spec{RawHeader: `{"alg":"RS256" }`}, Mangle: part(0, loose)},
			Case{Name: "non-zero trailing bits in the signature", Mangle: part(2, loose)},
			Case{Name: "padding in the header", Mangle: part(0, func(s string) string { return s + "=" })},
			Case{Name: "padding in the payload", Mangle: part(1, func(s string) string { return s + "==" })},
			Case{Name: "percent-encoded", Mangle: replace(".", "%2e")},
			Case{Name: "a JWE", Mangle: encrypted(`{"alg":"RSA-OAEP","enc":"A256GCM"}`)},
			Case{Name: "a JWE, compressed", Mangle: encrypted(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`)},
			Case{Name: "a JWE with two thousand million rounds", Mangle: encrypted(`{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":2000000000,"p2s":"AA"}`)},
			Case{Name: "a JWE with an empty key", Mangle: func(string) string {
				return strings.Replace(encrypted(`{"alg":"A128KW","enc":"A256GCM"}`)(""), ".AA", ".", 1)
			}},
			Case{Name: "a payload that is no object", Spec: payload(`[]`)},
			Case{Name: "a payload that is no JSON", Spec: payload(`hello`)},
			Case{Name: "a payload with trailing bytes", Spec: payload(`{}x`)},
			Case{Name: "a header that is no object", Spec: spec{RawHeader: `"RS256"`}},
			Case{Name: "a header with trailing bytes", Spec: spec{RawHeader: `{"alg":"RS256"}x`}},
			Case{Name: "two headers", Spec: spec{RawHeader: `{"alg":"RS256"}{"alg":"none"}`}},
			Case{Name: "a header that is null", Spec: spec{RawHeader: `null`}},
			Case{Name: "a payload that is null", Spec: payload(`null`)},
			Case{Name: "byte order mark in the header", Spec: spec{RawHeader: "\ufeff{}"}},
			Case{Name: "invalid UTF-8 in the header", Spec: spec{RawHeader: "{\"alg\":\"RS256\",\"a\":\"\xff\"}"}},
			Case{Name: "lone surrogate in the header", Spec: spec{RawHeader: `{"alg":"RS256","a":"\udc00"}`}},
			Case{Name: "byte order mark in the payload", Spec: payload("\ufeff{}")},
			Case{Name: "invalid UTF-8 in the payload", Spec: payload("{\"a\":\"\xff\"}")},
			Case{Name: "lone surrogate", Spec: payload(`{"a":"\ud800"}`)},
			Case{Name: "duplicate claim", Spec: payload(`{"iss":"a","iss":"a"}`)},
			Case{Name: "duplicate claim, escaped", Spec: payload(`{"iss":"a","\u0069ss":"a"}`)},
			Case{Name: "duplicate claim, nested", Spec: payload(`{"x":[{"a":1,"a":1}]}`)},
			Case{Name: "duplicate header member", Spec: spec{RawHeader: `{"alg":"RS256","alg":"none"}`}},
			Case{Name: "duplicate header member, escaped", Spec: spec{RawHeader: `{"alg":"RS256","\u0061lg":"none"}`}},
			Case{Name: "payload nested 17 deep", Spec: payload("%s", nested(17))},
			Case{Name: "header nested 5 deep", Spec: spec{RawHeader: nested(5)}},
			Case{Name: "513 members", Spec: payload("{%s}", strings.TrimSuffix(many.String(), ","))},
			Case{Name: "513 header members", Spec: spec{RawHeader: "{" + strings.TrimSuffix(many.String(), ",") + "}"}},
			Case{Name: "typ is no string", Spec: head("typ", 1)},
		),
		invalid(verifier.HeaderExtension,
			Case{Name: "nested JWT", Spec: head("cty", "JWT")},
			Case{Name: "crit", Spec: head("crit", []string{"exp"})},
			Case{Name: "crit of something unknown", Spec: spec{Header: map[string]any{"crit": []string{"x"}, "x": true}}},
			Case{Name: "crit null", Spec: head("crit", nil)},
			Case{Name: "crit of an unencoded payload", Spec: spec{Header: map[string]any{"crit": []string{"b64"}, "b64": false}}},
			Case{Name: "b64 false", Spec: head("b64", false)},
			Case{Name: "nested JWT, by its media type", Spec: head("cty", "application/jwt")},
			Case{Name: "empty crit", Spec: head("crit", []string{})},
			Case{Name: "b64", Spec: head("b64", true)},
			Case{Name: "zip", Spec: head("zip", "DEF")},
			Case{Name: "enc", Spec: head("enc", "A256GCM")},
		),
		// Names are compared exactly: encoding/json would read these.
		invalid(verifier.Algorithm,
			Case{Name: "ALG for alg", Spec: spec{Header: map[string]any{"alg": m2mtest.Absent, "ALG": "RS256"}}},
		),
		invalid(verifier.UnknownIssuer, Case{Name: "ISS for iss", Spec: renamed("iss", "ISS", "stytch.com/x")}),
		invalid(verifier.Audience, Case{Name: "Aud for aud", Spec: renamed("aud", "Aud", "x")}),
		invalid(verifier.ClaimMalformed,
			Case{Name: "Exp for exp", Spec: renamed("exp", "Exp", int64(4102444800))},
		),
		invalid(verifier.ClientIDMissing, Case{Name: "Sub for sub", Spec: renamed("sub", "Sub", "m2m-client-x")}),
	)
}
