package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// junk is a token that must be refused, with the reason and the response.
type junk struct {
	name   string
	token  string
	reason verifier.Reason
	status int
}

// junkOf lists tokens that t must refuse without a signature check.
func junkOf(t trust) []junk {
	stranger := m2mtest.NewKey(t.algorithm)
	scopes := []string{scope}
	good := t.good()
	return []junk{
		{"a word", "junk", verifier.Malformed, 401},
		{"letters, as many as in a token", strings.Repeat("A", tokenBytes), verifier.Malformed, 401},
		{"a token cut short", good[:len(good)/4], verifier.Malformed, 401},
		{"a header that is no JSON", strings.Repeat("A", 100) + good[strings.IndexByte(good, '.'):], verifier.Malformed, 401},
		{"a payload that is no JSON", t.token(m2mtest.TokenSpec{RawPayload: strings.Repeat("[", 400)}), verifier.Malformed, 401},
		{"unsigned, alg none", t.token(m2mtest.TokenSpec{Header: map[string]any{"alg": "none"}, Signature: []byte{}}), verifier.Malformed, 401},
		{"signed by HS256, it says", t.token(m2mtest.TokenSpec{Header: map[string]any{"alg": "HS256"}}), verifier.Algorithm, 401},
		{"of another issuer", t.token(m2mtest.TokenSpec{Scopes: scopes, Issuer: issuer + "0"}), verifier.UnknownIssuer, 401},
		{"for another audience", t.token(m2mtest.TokenSpec{Scopes: scopes, Audience: []string{"project-test-other"}}), verifier.Audience, 401},
		{"expired", t.token(m2mtest.TokenSpec{Scopes: scopes, IssuedAt: time.Now().Add(-2 * time.Hour)}), verifier.Expired, 401},
		{"of an unknown key, the budget spent", t.token(m2mtest.TokenSpec{Scopes: scopes, Key: stranger, IssuedAt: time.Now().Add(-11 * time.Minute)}), verifier.KeyUnknown, 401},
	}
}

// spent returns a Verifier that has spent its budget of fetches for unknown keys,
// and does not fetch for another reason during the measurement.
func spent(t trust, cacheSize int) *verifier.Verifier {
	cfg := t.config(cacheSize)
	cfg.Issuers[0].JWKS.RefreshInterval = time.Hour
	for {
		v := must(ready(cfg))
		if time.Until(v.Status()[0].NextAttempt) < 15*time.Minute {
			v.Close() // its first interval is chosen by chance
			continue
		}
		for range 4 {
			unknown := t.token(m2mtest.TokenSpec{Key: m2mtest.NewKey("EdDSA"), Header: map[string]any{"alg": t.algorithm}})
			if _, err := v.Verify(context.Background(), unknown); err == nil {
				panic("a token of an unknown key is accepted")
			}
		}
		return v
	}
}

// measureJunk measures refusals. Their reasons show that no signature was verified,
// since each is decided before that. The fetches are counted.
func measureJunk(s *suite, out *section) {
	t := s.trusts["RS256"]
	v := spent(t, defaultCache)
	defer v.Close()
	guard := must(httpmw.New(v, nil)).Require(need)(noop)
	kinds := junkOf(t)
	fetches, began := v.Status()[0].Fetches, time.Now()

	probes := []probe{{"unguarded", 1, requests(noop, t.good(), 0)}}
	for _, j := range kinds {
		probes = append(probes,
			probe{j.name, 1, func() func() { return func() { mustRefuse(v, j) } }},
			probe{j.name, 1, requests(guard, j.token, j.status)})
	}
	measured := s.plan.measure(probes...)
	rows := [][]string{{"token", "reason ", "Verify ns", "allocs", "HTTP, added ns", "added allocs"}}
	worst := 0
	for i, j := range kinds {
		alone, request := measured[1+2*i], measured[2+2*i]
		rows = append(rows, []string{j.name, string(j.reason), nanos(alone.time()), allocations(alone.allocations()),
			nanos(request.added(measured[0])), allocations(request.allocations() - measured[0].allocations())})
		if alone.time() > measured[1+2*worst].time() {
			worst = i
		}
	}
	fetched := v.Status()[0].Fetches - fetches
	out.text(`Tokens that must be refused before their signature is looked at (RS256), by Verify and by the HTTP guard with its whole
answer: headers and a problem document. The key set was fetched %d times meanwhile.`, fetched)
	out.table(rows...)
	if budget := 1 + int(time.Since(began)/(15*time.Second)); fetched > budget {
		panic(fmt.Sprintf("junk made the verifier fetch the keys %d times", fetched))
	}
	slowest := measured[1+2*worst].time()
	s.aim(slowest <= 2000, "junk, the slowest", "≤ 2,000 ns, no signature check, no fetch beyond the budget",
		fmt.Sprintf("%s ns (%s), none, none", nanos(slowest), kinds[worst].name),
		"header and payload are decoded and read to the end before anything is decided, and the refusal is allocated.")
}

func mustRefuse(v *verifier.Verifier, j junk) {
	if _, err := v.Verify(context.Background(), j.token); !errors.Is(err, j.reason) {
		panic(fmt.Sprintf("a token %s: %v, want %s", j.name, err, j.reason))
	}
}
