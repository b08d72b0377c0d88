package jose

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"runtime"
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

func withHeader(header string) string   { return join(header, goodPayload, goodSignature) }
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

func TestParseTokenStructure(t *testing.T) {
	good := withHeader(goodHeader)
	header, payload, signature := encode([]byte(goodHeader)), encode([]byte(goodPayload)), encode([]byte(goodSignature))
	for _, tt := range []struct{ name, token string }{
		{"empty", ""},
		{"one segment", header},
		{"two segments: stripped of the signature and its dot", header + "." + payload},
		{"four segments", good + "." + signature},
		{"five segments", good + "." + signature + "." + signature},
		{"trailing dot", good + "."},
		{"leading dot", "." + good},
		{"only dots", ".."},
		{"empty header", "." + payload + "." + signature},
		{"empty payload: detached content (RFC 7515 appendix F)", header + ".." + signature},
		{"empty signature", header + "." + payload + "."},
		{"nothing but a signature", ".." + signature},
		{"JSON serialization, flattened", `{"protected":"` + header + `","payload":"` + payload + `","signature":"` + signature + `"}`},
		{"JSON serialization, general", `{"payload":"` + payload + `","signatures":[{"protected":"` + header + `","signature":"` + signature + `"}]}`},
		{"JSON serialization with two dots in it", `{"protected":"a.b.c"}`},
		{"JWE", encode([]byte(`{"alg":"RSA-OAEP","enc":"A256GCM"}`)) + ".a2V5." + "aXY." + "dGV4dA." + "dGFn"},
		{"JWE with a direct key", encode([]byte(`{"alg":"dir","enc":"A256GCM"}`)) + ".." + "aXY." + "dGV4dA." + "dGFn"},
	} {
		t.Run(tt.name, func(t *testing.T) { checkRefused(t, tt.token, ErrMalformed) })
	}
	if _, _, err := ParseToken(good, 512, nil, nil); err != nil {
		t.Errorf("the token that all of these were made of: %v", err)
	}
}

// TestParseTokenAlphabet puts everything that some base64 decoder skips or
// reads alike into each segment. A token must have one spelling: it is the key
// of the cache, and what the signature covers.
func TestParseTokenAlphabet(t *testing.T) {
	inserted := []struct{ name, text string }{
		{"LF", "\n"}, {"CR", "\r"}, {"CRLF", "\r\n"}, // Go's decoder skips these
		{"space", " "}, {"tab", "\t"}, {"NUL", "\x00"}, {"DEL", "\x7f"},
		{"padding", "="}, {"double padding", "=="}, {"four of padding", "===="},
		{"plus", "+"}, {"slash", "/"}, {"four of the other alphabet", "+/+/"},
		{"percent", "%"}, {"percent-encoded", "%41"}, {"comma", ","}, {"tilde", "~"},
		{"byte order mark", "\ufeff"}, {"zero-width space", "\u200b"}, {"full-width A", "\uff21"}, {"byte 0xff", "\xff"},
	}
	for i, segment := range []string{"header", "payload", "signature"} {
		edit := func(f func(string) string) string {
			segments := strings.Split(withHeader(goodHeader), ".")
			segments[i] = f(segments[i])
			return strings.Join(segments, ".")
		}
		for _, in := range inserted {
			t.Run(segment+"/"+in.name, func(t *testing.T) {
				checkRefused(t, edit(func(s string) string { return in.text + s }), ErrMalformed)
				checkRefused(t, edit(func(s string) string { return s[:4] + in.text + s[4:] }), ErrMalformed)
				checkRefused(t, edit(func(s string) string { return s[:5] + in.text + s[5:] }), ErrMalformed)
				checkRefused(t, edit(func(s string) string { return s + in.text }), ErrMalformed)
			})
		}
		for _, tt := range []struct{ name, from, to string }{{"minus as plus", "-", "+"}, {"underscore as slash", "_", "/"}} {
			t.Run(segment+"/"+tt.name, func(t *testing.T) {
				token := edit(func(s string) string { return strings.ReplaceAll(s, tt.from, tt.to) })
				if token == edit(func(s string) string { return s }) {
					t.Fatal("the row changes nothing")
				}
				checkRefused(t, token, ErrMalformed)
			})
		}
		t.Run(segment+"/a character too many", func(t *testing.T) {
			checkRefused(t, edit(func(s string) string { return s + "A" }), ErrMalformed)
		})
		t.Run(segment+"/one character", func(t *testing.T) {
			checkRefused(t, edit(func(string) string { return "A" }), ErrMalformed)
		})
	}
}

// TestParseTokenTrailingBits sets bits behind the last byte of each segment,
// of which there are four if one byte is left over and two if two are.
func TestParseTokenTrailingBits(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i, segment := range []string{"header", "payload", "signature"} {
		for spare, filler := range map[int]string{4: " ", 2: "  "} {
			texts := []string{goodHeader, goodPayload, goodSignature}
			texts[i] += filler
			segments := strings.Split(join(texts[0], texts[1], texts[2]), ".")
			if _, _, err := ParseToken(strings.Join(segments, "."), 512, nil, nil); err != nil {
				t.Fatalf("%s without trailing bits: %v", segment, err)
			}
			last := len(segments[i]) - 1
			value := strings.IndexByte(alphabet, segments[i][last])
			for bits := 1; bits < 1<<spare; bits++ {
				t.Run(fmt.Sprintf("%s/%d of %d bits", segment, bits, spare), func(t *testing.T) {
					changed := append([]string(nil), segments...)
					changed[i] = changed[i][:last] + alphabet[value|bits:][:1]
					checkRefused(t, strings.Join(changed, "."), ErrMalformed)
				})
			}
		}
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

func TestParseTokenHeader(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		want         error
	}{
		{"no alg", `{"kid":"k","typ":"JWT"}`, ErrAlgorithm},
		{"no members", `{}`, ErrAlgorithm},
		{"only ALG", `{"ALG":"RS256"}`, ErrAlgorithm},
		{"only Alg", `{"Alg":"RS256"}`, ErrAlgorithm},
		{"alg in another object", `{"a":{"alg":"RS256"}}`, ErrAlgorithm},
		{"alg null", `{"alg":null}`, ErrAlgorithm},
		{"alg empty", `{"alg":""}`, ErrAlgorithm},
		{"alg array", `{"alg":["RS256"]}`, ErrAlgorithm},
		{"alg object", `{"alg":{"RS256":1}}`, ErrAlgorithm},
		{"alg number", `{"alg":256}`, ErrAlgorithm},
		{"alg true", `{"alg":true}`, ErrAlgorithm},
		{"none", `{"alg":"none"}`, ErrAlgorithm},
		{"None", `{"alg":"None"}`, ErrAlgorithm},
		{"NONE", `{"alg":"NONE"}`, ErrAlgorithm},
		{"nOnE", `{"alg":"nOnE"}`, ErrAlgorithm},
		{"none with a space", `{"alg":"none "}`, ErrAlgorithm},
		{"none with a NUL", `{"alg":"none\u0000"}`, ErrAlgorithm},
		{"HS256", `{"alg":"HS256"}`, ErrAlgorithm},
		{"HS384", `{"alg":"HS384"}`, ErrAlgorithm},
		{"HS512", `{"alg":"HS512"}`, ErrAlgorithm},
		{"hs256", `{"alg":"hs256"}`, ErrAlgorithm},
		{"RS256 in lower case", `{"alg":"rs256"}`, ErrAlgorithm},
		{"RS256 with a space", `{"alg":" RS256"}`, ErrAlgorithm},
		{"RS1", `{"alg":"RS1"}`, ErrAlgorithm},
		{"ES256K", `{"alg":"ES256K"}`, ErrAlgorithm},
		{"Ed448", `{"alg":"Ed448"}`, ErrAlgorithm},
		{"of a JWE", `{"alg":"RSA-OAEP"}`, ErrAlgorithm},
		{"of a MAC of another kind", `{"alg":"PBES2-HS256+A128KW"}`, ErrAlgorithm},

		{"kid number", `{"alg":"RS256","kid":1234567890}`, ErrKeyID},
		{"kid null", `{"alg":"RS256","kid":null}`, ErrKeyID},
		{"kid array", `{"alg":"RS256","kid":["k"]}`, ErrKeyID},
		{"kid object", `{"alg":"RS256","kid":{"k":"k"}}`, ErrKeyID},
		{"kid empty", `{"alg":"RS256","kid":""}`, ErrKeyID},
		{"kid of 257 bytes", `{"alg":"RS256","kid":"` + strings.Repeat("k", 257) + `"}`, ErrKeyID},
		{"kid of 257 bytes, 129 characters", `{"alg":"RS256","kid":"k` + strings.Repeat("é", 128) + `"}`, ErrKeyID},

		{"typ null", `{"alg":"RS256","typ":null}`, ErrMalformed},
		{"typ number", `{"alg":"RS256","typ":1}`, ErrMalformed},
		{"typ array", `{"alg":"RS256","typ":["JWT"]}`, ErrMalformed},

		{"cty JWT", `{"alg":"RS256","cty":"JWT"}`, ErrExtension},
		{"cty jwt", `{"alg":"RS256","cty":"jwt"}`, ErrExtension},
		{"cty application/jwt", `{"alg":"RS256","cty":"application/JWT"}`, ErrExtension},
		{"cty null", `{"alg":"RS256","cty":null}`, ErrExtension},
		{"cty array", `{"alg":"RS256","cty":["JWT"]}`, ErrExtension},

		// With crit, not even an empty or malformed one may be skipped (RFC
		// 7515 §4.1.11), and b64 changes what was signed (RFC 7797).
		{"crit", `{"alg":"RS256","crit":["exp"],"exp":1}`, ErrExtension},
		{"crit of what is understood", `{"alg":"RS256","crit":["alg"]}`, ErrExtension},
		{"crit empty", `{"alg":"RS256","crit":[]}`, ErrExtension},
		{"crit null", `{"alg":"RS256","crit":null}`, ErrExtension},
		{"crit by another spelling", `{"alg":"RS256","cr\u0069t":["exp"]}`, ErrExtension},
		{"crit before alg", `{"crit":["exp"],"alg":"RS256"}`, ErrExtension},
		{"b64 false", `{"alg":"RS256","b64":false,"crit":["b64"]}`, ErrExtension},
		{"b64 false without crit", `{"alg":"RS256","b64":false}`, ErrExtension},
		{"b64 true", `{"alg":"RS256","b64":true}`, ErrExtension},
		{"zip", `{"alg":"RS256","zip":"DEF"}`, ErrExtension},
		{"zip null", `{"alg":"RS256","zip":null}`, ErrExtension},
		{"enc", `{"alg":"RS256","enc":"A256GCM"}`, ErrExtension},
		{"enc null", `{"alg":"RS256","enc":null}`, ErrExtension},
	} {
		t.Run(tt.name, func(t *testing.T) { checkRefused(t, withHeader(tt.header), tt.want) })
	}
}

// TestErrorsQuoteNothing puts a canary wherever the sender has a say: values
// that are shorter than what checkQuotesNothing looks for would slip past it.
func TestErrorsQuoteNothing(t *testing.T) {
	const canary = "c4n4ry"
	for _, token := range []string{
		canary,
		canary + "." + canary,
		canary + "!." + canary + "." + canary,
		canary + "." + canary + "." + canary,
		withHeader(canary),
		withHeader(`{"` + canary + `"`),
		withHeader(`{"alg":"` + canary + `"}`),
		withHeader(`{"` + canary + `":1}`),
		withHeader(`{"` + canary + `":1,"` + canary + `":2}`),
		withHeader(`{"alg":"RS256","kid":["` + canary + `"]}`),
		withHeader(`{"alg":"RS256","kid":"` + strings.Repeat(canary, 50) + `"}`),
		withHeader(`{"alg":"RS256","typ":["` + canary + `"]}`),
		withHeader(`{"alg":"RS256","cty":["` + canary + `"]}`),
		withHeader(`{"alg":"RS256","crit":["` + canary + `"]}`),
		withHeader(`{"alg":"RS256","zip":"` + canary + `"}`),
		withPayload(canary),
		withPayload(`"` + canary + `"`),
		withPayload(`{"` + canary + `":` + canary + `}`),
		withPayload(`{"` + canary + `":1,"` + canary + `":2}`),
	} {
		_, _, err := ParseToken(token, 512, nil, nil)
		if err == nil {
			t.Fatalf("%s is accepted", token)
		}
		for ; err != nil; err = errors.Unwrap(err) {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("%q quotes the token", err)
			}
			checkQuotesNothing(t, err, token)
		}
	}
}

// TestFound: the value that an error is about, for texts that quote and cut it.
func TestFound(t *testing.T) {
	for header, want := range map[string]string{
		`{"alg":"HS256"}`:              `"HS256"`,
		`{"alg":null}`:                 `null`,
		`{"alg":"RS256","kid":[1]}`:    `[1]`,
		`{"alg":"RS256","typ":{}}`:     `{}`,
		`{"alg":"RS256","zip":"DEF"}`:  ``,
		`{"typ":"JWT"}`:                ``,
		`{"alg":"RS256","kid":"a"}bad`: ``,
	} {
		_, _, err := ParseToken(withHeader(header), 512, nil, nil)
		if got := Found(err).JSON(); err == nil || got != want {
			t.Errorf("Found(%s) = %s, %v; want %s", header, got, err, want)
		}
	}
}

// TestJunkIsCheap: what can be refused at a glance costs no memory to speak of,
// however long it is and wherever the junk stands.
func TestJunkIsCheap(t *testing.T) {
	const n, most = 1 << 20, 16 << 10 // bytes
	header, payload := encode([]byte(goodHeader)), encode([]byte(goodPayload))
	long := strings.Repeat("A", n)
	for _, tt := range []struct{ name, token string }{
		{"dots", strings.Repeat(".", n)},
		{"one segment", long},
		{"long segments and a fourth", long + "." + long + ".A.A"},
		{"an empty signature", long + "." + long + "."},
		{"a long header with LF at its end", long + "\n." + payload + ".AA"},
		{"a long payload with LF at its end", header + "." + long + "\n.AA"},
		{"a long payload after a bad header", "AA." + long + ".AA"},
		{"a long signature with LF at its end", header + "." + payload + "." + long + "\n"},
		{"a long signature after a bad payload", header + ".AA." + long},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err := ParseToken(tt.token, 512, nil, nil)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > most {
				t.Errorf("%d bytes of memory for a token of %d, want at most %d", n, len(tt.token), most)
			}
			checkKind(t, err, ErrMalformed)
		})
	}
}

func TestCanonicalAlgorithm(t *testing.T) {
	for name, want := range map[string]string{
		"RS256": "RS256", "PS512": "PS512", "ES384": "ES384", "EdDSA": "EdDSA", "Ed25519": "EdDSA",
	} {
		if got, ok := CanonicalAlgorithm(name); !ok || got != want {
			t.Errorf("CanonicalAlgorithm(%q) = %q, %t; want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "none", "HS256", "rs256", "RS1", "ES256K", "eddsa", "ed25519", "ED25519", "Ed448"} {
		if _, ok := CanonicalAlgorithm(name); ok {
			t.Errorf("CanonicalAlgorithm(%q) accepts it", name)
		}
	}
}

func TestIsSymmetricOrNone(t *testing.T) {
	for name, want := range map[string]bool{
		"none": true, "None": true, "nOnE": true, "HS256": true, "hs384": true, "Hs512": true, "HS1": true,
		"": false, "RS256": false, "PS256": false, "ES256": false, "EdDSA": false, "nones": false, "AHS256": false,
	} {
		if got := IsSymmetricOrNone(name); got != want {
			t.Errorf("IsSymmetricOrNone(%q) = %t", name, got)
		}
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
