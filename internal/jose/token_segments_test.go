package jose

import (
	"fmt"
	"strings"
	"testing"
)

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
