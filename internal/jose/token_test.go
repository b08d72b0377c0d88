package jose

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// The parts of a good token. Each segment has both '-' and '_' in it, so that
// a row can spell them in the other base64 alphabet, and is a whole number of
// three-byte groups, so that a row can add to it.
const (
	goodHeader    = `{"alg":"RS256","kid":"k~<~~~~~???>"}`
	goodPayload   = `{"sub":"m","x":"~~~~~~~~~???>>>"}`
	goodSignature = "~~~~???>>><<<~~~??"
)

func join(header, payload, signature string) string {
	return encode([]byte(header)) + "." + encode([]byte(payload)) + "." + encode([]byte(signature))
}

func withHeader(header string) string { return join(header, goodPayload, goodSignature) }

func withPayload(payload string) string { return join(goodHeader, payload, goodSignature) }

var kinds = []error{ErrMalformed, ErrAlgorithm, ErrKeyID, ErrExtension, ErrSignature}

// checkKind demands that err is of the kind want and of no other.
func checkKind(t *testing.T, err, want error) {
	t.Helper()
	for _, kind := range kinds {
		if errors.Is(err, kind) != (kind == want) {
			t.Fatalf("error %v, want %v", err, want)
		}
	}
}

// checkQuotesNothing demands that the error shares no run of eight bytes with
// the token, encoded or decoded: errors are logged, tokens must not be.
func checkQuotesNothing(t *testing.T, err error, token string) {
	t.Helper()
	const run, most = 8, 200
	if n := len(err.Error()); n > most {
		t.Fatalf("an error of %d bytes", n)
	}
	sources := []string{token}
	for segment := range strings.SplitSeq(token, ".") {
		if b, err := base64.RawURLEncoding.DecodeString(segment); err == nil {
			sources = append(sources, string(b))
		}
	}
	for text := err.Error(); len(text) >= run; text = text[1:] {
		for _, source := range sources {
			if strings.Contains(source, text[:run]) {
				t.Errorf("error %q quotes %q of the token", err, text[:run])
			}
		}
	}
}

// checkRefused demands that ParseToken returns an error of the kind want that
// quotes nothing, and no part of a Token beside it.
func checkRefused(t *testing.T, token string, want error) {
	t.Helper()
	got, _, err := ParseToken(token, 512, nil, nil)
	checkKind(t, err, want)
	checkQuotesNothing(t, err, token)
	if !reflect.DeepEqual(got, Token{}) {
		t.Errorf("ParseToken = %+v beside the error", got)
	}
}

func TestParseTokenAccepts(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		want         Header
	}{
		{"only alg", `{"alg":"RS256"}`, Header{Algorithm: "RS256"}},
		{"alg, kid and typ", `{"alg":"ES256","kid":" Key/1 ","typ":"JWT"}`, Header{"ES256", " Key/1 ", "JWT", true}},
		{"typ as it stands", `{"alg":"ES256","typ":"application/AT+jwt"}`, Header{"ES256", "", "application/AT+jwt", true}},
		{"an empty typ is one", `{"alg":"ES256","typ":""}`, Header{"ES256", "", "", true}},
		{"white space", " {\r\n\t\"alg\" : \"RS256\" } ", Header{Algorithm: "RS256"}},
		{"escapes decoded", `{"\u0061lg":"\u0052S256","kid":"\u006b\ud83d\ude00"}`, Header{Algorithm: "RS256", KeyID: "k😀"}},
		{"longest kid", `{"alg":"RS256","kid":"` + strings.Repeat("k", 256) + `"}`, Header{Algorithm: "RS256", KeyID: strings.Repeat("k", 256)}},

		{"EdDSA of RFC 8037", `{"alg":"EdDSA"}`, Header{Algorithm: "EdDSA"}},
		{"EdDSA of RFC 9864", `{"alg":"Ed25519"}`, Header{Algorithm: "EdDSA"}},

		// A key that comes with the token is the sender's word on itself.
		{"jwk not read", `{"alg":"RS256","jwk":{"kty":"oct","k":"AA"}}`, Header{Algorithm: "RS256"}},
		{"jku not read", `{"alg":"RS256","jku":"https://evil.example/jwks"}`, Header{Algorithm: "RS256"}},
		{"x5u not read", `{"alg":"RS256","x5u":"https://evil.example/cert"}`, Header{Algorithm: "RS256"}},
		{"x5c not read", `{"alg":"RS256","x5c":["garbage"]}`, Header{Algorithm: "RS256"}},
		{"not even of a wrong type", `{"alg":"RS256","jwk":1,"jku":1,"x5u":{},"x5c":null,"x5t":[]}`, Header{Algorithm: "RS256"}},
		{"cty of something else", `{"alg":"RS256","cty":"json"}`, Header{Algorithm: "RS256"}},

		// encoding/json would read each of these as its lower-case sibling.
		{"ALG is not alg", `{"alg":"RS256","ALG":"none","Alg":null}`, Header{Algorithm: "RS256"}},
		{"KID is not kid", `{"alg":"RS256","kid":"k","KID":"other","Kid":1}`, Header{Algorithm: "RS256", KeyID: "k"}},
		{"TYP is not typ", `{"alg":"RS256","TYP":1}`, Header{Algorithm: "RS256"}},
		{"CRIT, B64, ZIP, ENC and CTY", `{"alg":"RS256","CRIT":["x"],"B64":false,"ZIP":"DEF","Enc":"A256GCM","CTY":"JWT"}`, Header{Algorithm: "RS256"}},

		{"deepest header", `{"alg":"RS256","a":` + nested(3) + `}`, Header{Algorithm: "RS256"}},
		{"most members", `{"alg":"RS256",` + members(255) + `}`, Header{Algorithm: "RS256"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tok, _, err := ParseToken(withHeader(tt.header), 512, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tok.Header != tt.want {
				t.Errorf("Header = %+v, want %+v", tok.Header, tt.want)
			}
		})
	}
	for name := range algorithms {
		tok, _, err := ParseToken(withHeader(`{"alg":"`+name+`"}`), 512, nil, nil)
		if err != nil || tok.Header.Algorithm != name {
			t.Errorf("%s: %+v, %v", name, tok.Header, err)
		}
	}
}

func TestParseTokenPayload(t *testing.T) {
	for _, tt := range []struct{ name, payload string }{
		{"empty object", `{}`},
		{"the bytes that were signed, not a copy made anew", " {\"b\": 1.0e0 ,\r\n\"a\":\"\\u0061\"} "},
		{"deepest", nested(16)},
		{"most members", `{` + members(512) + `}`},
		{"case variants beside each other", `{"exp":1,"Exp":2,"EXP":3}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tok, _, err := ParseToken(withPayload(tt.payload), 512, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tok.Payload != tt.payload {
				t.Errorf("Payload = %q, want %q", tok.Payload, tt.payload)
			}
		})
	}
	_, parts, err := ParseToken(withPayload(`{"exp":1,"Exp":2}`), 512, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if exp, ok := parts.Claims.Get("exp"); !ok || exp.JSON() != "1" || len(parts.Claims) != 2 {
		t.Errorf("Claims = %+v", parts.Claims)
	}
}

func TestParseTokenJSON(t *testing.T) {
	inside := func(member string) func(string) string {
		return func(object string) string { return strings.TrimSuffix(object, "}") + "," + member + "}" }
	}
	for _, tt := range []struct {
		name string
		edit func(object string) string // of a good header or payload
	}{
		{"array", func(o string) string { return "[" + o + "]" }},
		{"string", func(o string) string { return `"` + encode([]byte(o)) + `"` }},
		{"number", func(string) string { return "1" }},
		{"null", func(string) string { return "null" }},
		{"true", func(string) string { return "true" }},
		{"only white space", func(string) string { return "   " }},
		{"NUL", func(string) string { return "\x00" }},
		{"cut", func(o string) string { return o[:len(o)-1] }},
		{"trailing bytes", func(o string) string { return o + "x" }},
		{"trailing NUL", func(o string) string { return o + "\x00" }},
		{"two objects", func(o string) string { return o + o }},
		{"trailing comma", func(o string) string { return strings.TrimSuffix(o, "}") + ",}" }},
		{"comment", func(o string) string { return "/**/" + o }},

		{"byte order mark", func(o string) string { return "\ufeff" + o }},
		{"UTF-16", func(o string) string { return "\xff\xfe" + strings.Join(strings.Split(o, ""), "\x00") + "\x00" }},
		{"invalid UTF-8", inside("\"c\":\"\xff\"")},
		{"overlong UTF-8", inside("\"c\":\"\xc0\xaf\"")},
		{"invalid UTF-8 in a name", inside("\"c\xff\":1")},
		{"lone high surrogate", inside(`"c":"\ud800"`)},
		{"lone low surrogate", inside(`"c":"\udc00"`)},
		{"lone surrogate in a name", inside(`"\udc00":1`)},
		{"control character", inside("\"c\":\"\n\"")},

		{"duplicate", inside(`"c":1,"c":1`)},
		{"duplicate, escaped", inside(`"c":1,"\u0063":1`)},
		{"duplicate alg", inside(`"alg":"RS256","alg":"none"`)},
		{"duplicate alg, escaped", inside(`"alg":"RS256","\u0061lg":"none"`)},
		{"duplicate sub, escaped", inside(`"sub":"m","s\u0075b":"admin"`)},
		{"duplicate in an object", inside(`"c":{"d":1,"d":2}`)},
		{"duplicate in an object in an array", inside(`"c":[{"d":1,"\u0064":2}]`)},

		{"513 members", inside(members(511))}, // and its own two
		{"513 members in all", inside(`"c":{` + members(255) + `},"d":{` + members(254) + `}`)},
		{"very deep", inside(`"c":` + strings.Repeat("[", 100_000))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkRefused(t, withHeader(tt.edit(goodHeader)), ErrMalformed)
			checkRefused(t, withPayload(tt.edit(goodPayload)), ErrMalformed)
		})
	}
	for _, tt := range []struct{ name, token string }{
		{"header nested 5 deep", withHeader(`{"alg":"RS256","a":` + nested(4) + `}`)},
		{"header nested 5 deep in arrays", withHeader(`{"alg":"RS256","a":[[[[]]]]}`)},
		{"payload nested 17 deep", withPayload(nested(17))},
		{"payload nested 17 deep in arrays", withPayload(`{"a":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`)},
	} {
		t.Run(tt.name, func(t *testing.T) { checkRefused(t, tt.token, ErrMalformed) })
	}
}

// nested returns n objects, one in the other.
func nested(n int) string {
	return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1)
}

// members returns n members with names of their own.
func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":0`, i)
	}
	return b.String()[1:]
}
