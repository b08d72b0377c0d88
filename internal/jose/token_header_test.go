package jose

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

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

// TestErrorsQuoteNothing puts a canary into every part that the sender
// writes. A shorter value would not be found by checkQuotesNothing.
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

// TestFound checks that Found returns the value that an error is about.
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

// TestJunkIsCheap checks that junk which is refused early costs no memory in
// proportion to its size, wherever it is.
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
