package doortest

import (
	"fmt"
	"github.com/m2mauth/m2mauth/verifier"
	"slices"
	"strings"
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
	for i := range 257 {
		fmt.Fprintf(&many, `"%d":0,`, i)
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
			Case{Name: "non-zero trailing bits", Spec: payload(`{"a":1}`), Mangle: part(1, func(s string) string {
				return s[:len(s)-1] + string(s[len(s)-1]+1)
			})},
			Case{Name: "a payload that is no object", Spec: payload(`[]`)},
			Case{Name: "a payload that is no JSON", Spec: payload(`hello`)},
			Case{Name: "a payload with trailing bytes", Spec: payload(`{}x`)},
			Case{Name: "a header that is no object", Spec: spec{RawHeader: `"RS256"`}},
			Case{Name: "byte order mark", Spec: payload("\ufeff{}")},
			Case{Name: "invalid UTF-8", Spec: payload("{\"a\":\"\xff\"}")},
			Case{Name: "lone surrogate", Spec: payload(`{"a":"\ud800"}`)},
			Case{Name: "duplicate claim", Spec: payload(`{"iss":"a","iss":"a"}`)},
			Case{Name: "duplicate claim, escaped", Spec: payload(`{"iss":"a","\u0069ss":"a"}`)},
			Case{Name: "duplicate claim, nested", Spec: payload(`{"x":[{"a":1,"a":1}]}`)},
			Case{Name: "duplicate header member", Spec: spec{RawHeader: `{"alg":"RS256","alg":"none"}`}},
			Case{Name: "duplicate header member, escaped", Spec: spec{RawHeader: `{"alg":"RS256","\u0061lg":"none"}`}},
			Case{Name: "payload nested 17 deep", Spec: payload("%s", nested(17))},
			Case{Name: "header nested 5 deep", Spec: spec{RawHeader: nested(5)}},
			Case{Name: "257 members", Spec: payload("{%s}", strings.TrimSuffix(many.String(), ","))},
			Case{Name: "typ is no string", Spec: head("typ", 1)},
		),
		invalid(verifier.HeaderExtension,
			Case{Name: "nested JWT", Spec: head("cty", "JWT")},
			Case{Name: "crit", Spec: head("crit", []string{"exp"})},
			Case{Name: "empty crit", Spec: head("crit", []string{})},
			Case{Name: "b64", Spec: head("b64", true)},
			Case{Name: "zip", Spec: head("zip", "DEF")},
			Case{Name: "enc", Spec: head("enc", "A256GCM")},
		),
	)
}
