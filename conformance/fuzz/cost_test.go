package fuzz

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/strictjson"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// until repeats a text until it is n bytes long.
func until(n int, something func(i int) string) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(something(i))
	}
	return b.String()
}

func same(s string) func(int) string { return func(int) string { return s } }

// parse parses a document without limits. The cost must be linear with any limits.
func parse(doc string) func() {
	return func() {
		// The result does not matter here.
		_, _ = strictjson.Parse(doc, strictjson.Limits{Depth: math.MaxInt, Members: math.MaxInt}, nil)
	}
}

func keySet(doc string) func() {
	return func() { _, _ = jose.ParseKeySet([]byte(doc), jose.Options{}) }
}

// verify verifies a signed token with more text in its payload.
func verify(tb testing.TB, more string) func() {
	v := roomy(tb)
	token := sign(goodHeader, strings.TrimSuffix(goodClaims, "}")+","+more+"}")
	return func() { _, _ = v.Verify(context.Background(), token) }
}

// roomy returns a Verifier with the highest limit for tokens.
func roomy(tb testing.TB) *verifier.Verifier {
	jwk := fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed","x":%q}]}`, key.JWK()["x"])
	v := must(verifier.New(verifier.Config{
		CacheSize:     -1,
		MaxTokenBytes: 64 << 10,
		Now:           func() time.Time { return now },
		Issuers: []verifier.Issuer{{
			Name:           issuer,
			Audiences:      []string{audience},
			AudienceClaims: []string{"many", "aud"},
			ScopeClaims:    []string{"roles", "scope"},
			FetchJWKS:      func(context.Context) ([]byte, error) { return []byte(jwk), nil },
		}},
	}))
	tb.Cleanup(func() { v.Close() })
	if err := v.Ready(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return v
}

func authorize(value string) func() {
	return func() {
		_, _ = guard().Authorize(context.Background(), verifier.Request{Authorization: []string{value}}, scopes.All("a"))
	}
}

// TestCost checks hostile inputs: sixteen times the input costs about sixteen times
// the work. Allocated bytes are exact, and are bounded closely. Other work shows
// only in the time, so the best of some runs is bounded loosely: quadratic work
// would take 256 times as long.
func TestCost(t *testing.T) {
	const small, times = 2500, 16
	for _, tt := range []struct {
		name string
		of   func(n int) func()
	}{
		{"JSON: members", func(n int) func() {
			return parse("{" + until(n, func(i int) string { return fmt.Sprintf(`"%d":0,`, i) }) + `"x":0}`)
		}},
		{"JSON: escaped names", func(n int) func() {
			return parse("{" + until(n, func(i int) string { return fmt.Sprintf(`"\u%04x":0,`, i) }) + `"x":0}`)
		}},
		{"JSON: objects in an array", func(n int) func() { return parse(`{"a":[` + until(n, same(`{"a":0,"b":1},`)) + "0]}") }},
		{"JSON: objects with an escaped name", func(n int) func() { return parse(`{"a":[` + until(n, same(`{"\n":0},`)) + "0]}") }},
		{"JSON: objects of 33 members", func(n int) func() {
			object := "{" + until(33*7, func(i int) string { return fmt.Sprintf(`"%02d":0,`, i) }) + `"x":0},`
			return parse(`{"a":[` + until(n, same(object)) + "0]}")
		}},
		{"JSON: nesting", func(n int) func() {
			return parse(strings.Repeat(`{"a":`, n/6) + "0" + strings.Repeat("}", n/6))
		}},
		{"JSON: nesting, not closed", func(n int) func() { return parse(strings.Repeat(`{"a":`, n/5)) }},
		{"JSON: one string of escapes", func(n int) func() { return parse(`{"a":"` + until(n, same(`\ud83d\ude00`)) + `"}`) }},
		{"JSON: one number", func(n int) func() { return parse(`{"a":` + until(n, same("7")) + "}") }},
		{"JSON: white space", func(n int) func() { return parse("{" + until(n, same(" \n")) + "}") }},

		{"key set: keys", func(n int) func() { return keySet(`{"keys":[` + until(n, same(`{"kty":"x"},`)) + "{}]}") }},
		{"key set: members of a key", func(n int) func() {
			return keySet(`{"keys":[{` + until(n, func(i int) string { return fmt.Sprintf(`"%d":0,`, i) }) + `"kty":"x"}]}`)
		}},
		{"key set: one long modulus", func(n int) func() {
			return keySet(`{"keys":[{"kty":"RSA","e":"AQAB","n":"` + until(n/4*4, same("_-8x")) + `"}]}`)
		}},
		{"key set: one long exponent", func(n int) func() {
			return keySet(`{"keys":[{"kty":"RSA","n":"AQAB","e":"` + until(n/4*4, same("_-8x")) + `"}]}`)
		}},
		{"key set: operations", func(n int) func() {
			return keySet(`{"keys":[{"kty":"RSA","key_ops":[` + until(n, same(`"x",`)) + `""]}]}`)
		}},

		{"token: audiences", func(n int) func() { return verify(t, `"many":[`+until(n, same(`"a",`))+`"`+audience+`"]`) }},
		{"token: scopes", func(n int) func() { return verify(t, `"roles":"`+until(n, same("a "))+`"`) }},
		{"token: roles", func(n int) func() { return verify(t, `"roles":[`+until(n, same(`"a",`))+`"a"]`) }},
		{"token: a long fraction", func(n int) func() { return verify(t, `"x":{},"y":0.`+until(n, same("3"))) }},
		{"token: a long array", func(n int) func() { return verify(t, `"x":[`+until(n, same("0,"))+"0]") }},
		{"token: a long string", func(n int) func() { return verify(t, `"x":"`+until(n, same("\u00e9"))+`"`) }},
		{"token: objects with an escaped name", func(n int) func() {
			return verify(t, `"x":[`+until(min(n, 2000), same(`{"\n":0},`))+"0]") // within the limit of members
		}},
		{"token: a long header", func(n int) func() {
			token := sign(`{"alg":"EdDSA","x":"`+until(n, same(`\"`))+`"}`, goodClaims)
			return func() { _, _, _ = jose.ParseToken(token, 512, nil, nil) }
		}},
		{"token: dots", func(n int) func() {
			token := until(n, same("."))
			return func() { _, _, _ = jose.ParseToken(token, 512, nil, nil) }
		}},

		{"credential: spaces", func(n int) func() { return authorize("Bearer" + until(n, same(" ")) + "x") }},
		{"credential: dots", func(n int) func() { return authorize("Bearer " + until(n, same("."))) }},
		{"credential: a long scheme", func(n int) func() { return authorize(until(n, same("Bearer"))) }},

		{"scopes: spaces", func(n int) func() {
			claim := until(n, same(" "))
			return func() { _, _ = scopes.Parse(claim) }
		}},
		{"scopes: items", func(n int) func() {
			claim := until(n, func(i int) string { return fmt.Sprintf("%d ", n-i) })
			return func() { _, _ = scopes.Parse(claim) }
		}},
		{"scopes: long items", func(n int) func() {
			claim := strings.TrimSpace(strings.Repeat(strings.Repeat("a", n/256)+" ", 256))
			return func() { _, _ = scopes.Parse(claim) }
		}},
		{"policy: a long name", func(n int) func() {
			p := grpcmw.Policy{"/a" + until(n, same(".a")) + "/M": scopes.All("a")}
			return func() { _, _ = grpcmw.New(guard(), p, nil) }
		}},
		{"Cache-Control: directives", func(n int) func() {
			value := until(n, same("max-age=7 ,"))
			return func() { freshFor(t, value) }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			less, more := tt.of(small), tt.of(times*small)
			before, after := allocated(less), allocated(more)
			if limit := 2*times*before + 16<<10; after > limit {
				t.Errorf("%d bytes allocated, but %d for %d times the input", before, after, times)
			}
			// An input must not cost many times its own size either. Members of
			// six bytes cost the most, because each is kept and looked up.
			if limit := uint64(80*times*small + 64<<10); after > limit {
				t.Errorf("%d bytes allocated for an input of some %d", after, times*small)
			}
			// A shorter time can't be measured, and counts as 2 µs.
			short, long := max(quickest(less), 2*time.Microsecond), quickest(more)
			if long > 5*times*short {
				t.Errorf("%v, but %v for %d times the input", short, long, times)
			}
		})
	}
}

// allocated returns how many bytes f allocates: the least of some runs, because other
// goroutines may allocate as well.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 4 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

func quickest(f func()) time.Duration {
	least := time.Duration(math.MaxInt64)
	for range 15 {
		began := time.Now()
		f()
		least = min(least, time.Since(began))
	}
	return least
}
