package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// measureOpaque measures opaque tokens whose answers are remembered.
func measureOpaque(s *suite, out *section) {
	out.text(`Verify of an opaque token, about which its authority was asked before (RFC 7662), beside a JWT that is seen again. The
first sight of an opaque token takes as long as the authority's answer does.`)
	t := s.trusts["EdDSA"]
	const token = "ory_at_JsWzx3lTBpGmK0c7R2uNfA9qEwYd8h.4iVbXtOe6LkZ1sPyHr5DgMjQnUaFvCo"
	v := must(verifier.New(verifier.Config{Issuers: []verifier.Issuer{{
		Name:      "https://opaque.example.com",
		Audiences: []string{audience},
		Introspect: func(context.Context, string) ([]byte, error) {
			return []byte(`{"active":true,"aud":"` + audience + `","client_id":"c","sub":"c","scope":"` + scope + `"}`), nil
		},
		IntrospectTTL: 5 * time.Minute,
	}}}))
	defer v.Close()
	op := func() func() {
		token := strings.Clone(token)
		return func() { must(v.Verify(context.Background(), token)) }
	}
	op()() // asks
	all := s.plan.measure(
		verifyProbe(t, "JWT", ownVerify(must(t.filled(t.config(fewTokens))))),
		probe{"opaque", 1, op},
		probe{"opaque, on all cores", cores(), op},
	)
	rows := [][]string{{"seen again", "ns", "allocs"}}
	for i, name := range []string{"a JWT", "an opaque token", fmt.Sprintf("an opaque token, on %d cores", cores())} {
		rows = append(rows, []string{name, nanos(all[i].time()), allocations(all[i].allocations())})
	}
	out.table(rows...)
	s.aim(all[1].time() <= 300 && all[1].allocations() == 0, "opaque token, seen again", "≤ 300 ns, 0 allocations",
		fmt.Sprintf("%s ns, %s", nanos(all[1].time()), allocations(all[1].allocations())), "the machine was busy, or slow.")

	const callers = 1_000
	questions := questionsOf(callers)
	out.text("%s callers that present one new opaque token at the same time cause %d question(s) to its authority.", count(callers), questions)
	s.aim(questions == 1, count(callers)+" callers with one new opaque token", "1 question to the authority", fmt.Sprint(questions),
		"callers that come while the question is open wait for its answer.")
}

// questionsOf returns how often the authority is asked about a token that so many
// callers present at the same time. It answers once all of them are there.
func questionsOf(callers int) int {
	var asked atomic.Int32
	var present, done sync.WaitGroup
	present.Add(callers)
	v := must(verifier.New(verifier.Config{Issuers: []verifier.Issuer{{
		Name:      "https://opaque.example.com",
		Audiences: []string{audience},
		Introspect: func(context.Context, string) ([]byte, error) {
			asked.Add(1)
			present.Wait()
			return []byte(`{"active":true,"aud":"` + audience + `","client_id":"c","sub":"c","scope":"` + scope + `"}`), nil
		},
		IntrospectTTL: 5 * time.Minute,
	}}}))
	defer v.Close()
	for range callers {
		done.Go(func() {
			present.Done()
			must(v.Verify(context.Background(), "ory_at_one-new-token"))
		})
	}
	done.Wait()
	return int(asked.Load())
}
