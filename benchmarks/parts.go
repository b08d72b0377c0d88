package main

import (
	"context"
	"strings"

	"github.com/m2mauth/m2mauth/internal/jose"
)

// measureParts measures the parts of a token's first verification.
func measureParts(s *suite, out *section) {
	rows := [][]string{{"", "raw ns", "taking apart", "the claims, the key, the client", "together", "× raw"}}
	for _, algorithm := range algorithms {
		t := s.trusts[algorithm]
		floor, first := must(rawSignature().build(t)), must(m2mauth().build(t))
		token := strings.Clone(t.good())
		headers := knownHeader(t, token)
		check := func(v verify) func() func() {
			return func() func() { return func() { must(v(context.Background(), token)) } }
		}
		all := s.plan.measure(
			probe{"raw", 1, check(floor)},
			probe{"taking apart", 1, func() func() {
				return func() {
					var buf jose.Buffers
					if _, _, err := jose.ParseToken(token, 512, headers, &buf); err != nil {
						panic(err)
					}
				}
			}},
			probe{"together", 1, check(first)},
		)
		rows = append(rows, []string{algorithm, nanos(all[0].time()), nanos(all[1].time()),
			nanos(all[2].added(all[0]) - all[1].time()), nanos(all[2].time()), ratio(all[2].over(all[0]))})
	}
	out.text(`"Taking apart" is base64 and strict JSON: every segment decoded once, the header found by its text, the payload read
whole before anything of it counts. It decodes the signature, which raw does as well. What is left goes into the claims, the
times, the key, and what is allocated for the client; some of it is memory that the signature check has pushed out of the
processor's nearest cache, which the two together wait for and neither alone. To get below that, a check would have to be
left out, or made with less than the standard library: in a profile of RS256 (go test ./verifier -run xxx -bench
FirstSight/RS256 -cpuprofile cpu.out) a third of crypto/rsa's time is the preparation of the modulus, which it makes anew for
each signature and offers no way to keep.`)
	out.table(rows...)
}

// knownHeader returns Headers with the header of a good token, as a Verifier has.
func knownHeader(t trust, token string) *jose.Headers {
	headers := new(jose.Headers)
	parsed, _, err := jose.ParseToken(token, 512, nil, nil)
	if err != nil {
		panic(err)
	}
	headers.Admit(parsed)
	return headers
}
