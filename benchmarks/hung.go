package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// fetchTakes is how long the key set of a healthy issuer takes to fetch.
const fetchTakes = 10 * time.Millisecond

// measureHung measures how long the first call with a new key waits, alone and beside
// issuers that never answer.
func measureHung(s *suite, out *section) {
	healthy, hung := s.pick(50, 2), s.pick(450, 18)
	out.text(`ES256. Each of %d issuers, whose key set takes %v to fetch, begins to sign with a new key, one after the other. The times are by
the wall clock, from the first call with the new key until it is accepted. Beside them, %d issuers accept a connection and never
answer: their fetches end by the timeout (250 ms here), and begin again. Each issuer's first fetch has ended before.`, healthy, fetchTakes, hung)
	alone := rotations(s.trusts["ES256"], healthy, 0)
	beside := rotations(s.trusts["ES256"], healthy, hung)
	rows := [][]string{{"issuers", "hung", "p50", "longest"}}
	for i, all := range [][]float64{alone, beside} {
		rows = append(rows, []string{count(healthy + i*hung), count(i * hung), millis(median(all)), millis(slices.Max(all))})
	}
	out.table(rows...)
	alike := median(beside) <= 1.10*median(alone)
	s.aim(alike, fmt.Sprintf("%s issuers, %s of them hung: a rotation is learnt", count(healthy+hung), count(hung)), "as fast as alone (1.10)",
		fmt.Sprintf("p50 %s, alone %s", millis(median(beside)), millis(median(alone))),
		"the machine was busy: the fetches of healthy issuers have slots that hung ones can't take.")
}

// rotations returns how long each healthy issuer's rotation takes to be learnt, in ns.
func rotations(t trust, healthy, hung int) []float64 {
	documents := make([]atomic.Pointer[[]byte], healthy)
	cfg := t.config(defaultCache)
	one := cfg.Issuers[0]
	one.JWKS.FetchTimeout = 250 * time.Millisecond
	cfg.Issuers = nil
	name := func(i int) string { return fmt.Sprintf("https://%d.example.com", i) }
	for i := range healthy + hung {
		one.Name = name(i)
		one.FetchJWKS = func(ctx context.Context) ([]byte, error) {
			if i >= healthy {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			time.Sleep(fetchTakes)
			return *documents[i].Load(), nil
		}
		cfg.Issuers = append(cfg.Issuers, one)
		if i < healthy {
			documents[i].Store(&t.keySet)
		}
	}
	v := must(verifier.New(cfg))
	defer v.Close()
	accepted := func(token string) bool {
		_, err := v.Verify(context.Background(), token)
		return err == nil
	}
	unsettled := func(s verifier.IssuerStatus) bool { return s.Confirmed.IsZero() && s.LastError == nil }
	for slices.ContainsFunc(v.Status(), unsettled) { // until the first fetch of each has ended
		time.Sleep(fetchTakes)
	}
	var all []float64
	for i := range healthy {
		key := m2mtest.NewKey(t.algorithm)
		document := keySet(t.key, key)
		documents[i].Store(&document)
		token := t.token(m2mtest.TokenSpec{Issuer: name(i), Key: key, IssuedAt: time.Now()})
		began := time.Now()
		for !accepted(token) {
			time.Sleep(time.Millisecond)
		}
		all = append(all, float64(time.Since(began)))
	}
	return all
}
