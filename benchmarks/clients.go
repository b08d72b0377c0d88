package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// zipf is the skew of the clients' calls: the nth most frequent client calls about
// 1/n as often as the first.
const zipf = 1.01

// population holds clients whose tokens are minted when first needed. They are
// signed with EdDSA, which is fast.
type population struct {
	trust  trust
	issued time.Time
	pad    string
}

func newPopulation(t trust) population {
	p := population{trust: t, issued: time.Now().Add(-time.Minute)}
	p.pad = strings.Repeat("t", max(0, (tokenBytes-len(p.token(0)))*3/4))
	return p
}

// token returns client n's token, the same each time.
func (p population) token(n int) string {
	id := fmt.Sprintf("m2m-client-test-%09d", n)
	// Built by hand, because a million tokens are made.
	return p.trust.token(m2mtest.TokenSpec{
		RawHeader: fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"JWT"}`, p.trust.algorithm, p.trust.key.ID),
		RawPayload: fmt.Sprintf(`{"aud":[%q],"exp":%d,"iat":%d,"iss":%q,"nbf":%d,"scope":%q,"sub":%q,"tenant":%q}`,
			audience, p.issued.Add(time.Hour).Unix(), p.issued.Unix(), issuer, p.issued.Unix(), scope, id, p.pad),
	})
}

// measureClients sends a million clients through caches that are smaller.
func measureClients(s *suite, out *section) {
	clients := s.pick(1_000_000, 2_000)
	sizes := []int{s.pick(10_000, 20), s.pick(100_000, 200)}
	p := newPopulation(s.trusts["EdDSA"])

	rows := [][]string{{"CacheSize", "distinct tokens sent", "memory", "per entry", "after as many forged"}}
	for _, size := range sizes {
		distinct := 2 * size
		full, junk := fillCache(p, size, distinct)
		rows = append(rows, []string{count(size), count(distinct), fmt.Sprintf("%.1f MiB", full/(1<<20)),
			kibibytes(full / float64(size)), fmt.Sprintf("%.1f MiB", max(junk, 0)/(1<<20))})
		s.aim(full <= float64(size)*2048 && junk < 1<<20, "memory of a full cache, CacheSize "+count(size),
			"≤ 2 KiB per entry; junk adds nothing",
			fmt.Sprintf("%s per entry, %s", kibibytes(full/float64(size)), rows[len(rows)-1][4]+" by junk"),
			"see the table of clients.")
	}
	out.text(`EdDSA tokens of about %d bytes, each of another client, are verified; then CacheSize forged ones are refused. Memory is the
heap that is in use afterwards, less that of the Verifier before: the token, its payload and what was made of it.`, tokenBytes)
	out.table(rows...)

	requests := s.pick(600_000, 1_000)
	rows = [][]string{{"CacheSize", "hit rate", "of a cache that knows the future"}}
	for i, rate := range hitRates(p, sizes, clients, requests) {
		rows = append(rows, []string{count(sizes[i]), percent(rate), percent(zipfShare(sizes[i], clients))})
	}
	out.text(`%s requests of %s clients, who call with a Zipf distribution (the nth most frequent about 1/n as often as the first), the
second half counted. The best that a cache of fixed content could do is to hold the most frequent ones from the start.`,
		count(requests), count(clients))
	out.table(rows...)
}

// fillCache sends distinct tokens, and returns the cache's memory then, and how much
// more it is after as many forged tokens.
func fillCache(p population, size, distinct int) (full, junk float64) {
	v := must(ready(p.trust.config(size)))
	defer v.Close()
	before := heap()
	share(distinct, func(n int) { must(v.Verify(context.Background(), p.token(n))) })
	full = heap() - before
	share(size, func(n int) {
		token := p.token(distinct + n)
		if _, err := v.Verify(context.Background(), forged(token)); err == nil {
			panic("a forged token is accepted")
		}
	})
	return full, heap() - before - full
}

// forged returns token with another signature.
func forged(token string) string {
	dot := strings.LastIndexByte(token, '.')
	return token[:dot+1] + strings.Repeat("A", len(token)-dot-1)
}

// hitRates returns the hit rates of caches of these sizes in the second half of the
// requests.
func hitRates(p population, sizes []int, clients, requests int) []float64 {
	minted := make([]atomic.Pointer[string], clients)
	token := func(n int) string {
		if text := minted[n].Load(); text != nil {
			return *text
		}
		text := p.token(n)
		minted[n].Store(&text)
		return text
	}
	rates := make([]float64, len(sizes))
	var wg sync.WaitGroup
	for i, size := range sizes {
		wg.Go(func() {
			hits := 0
			cfg := p.trust.config(size)
			cfg.Observe = []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) {
				if d.Cached {
					hits++
				}
			}}
			v := must(ready(cfg))
			defer v.Close()
			next := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), zipf, 1, uint64(clients-1))
			for n := range requests {
				if n == requests/2 {
					hits = 0
				}
				must(v.Verify(context.Background(), token(int(next.Uint64()))))
			}
			rates[i] = float64(hits) / float64(requests-requests/2)
		})
	}
	wg.Wait()
	return rates
}

// zipfShare returns the share of the requests that the first top clients make.
func zipfShare(top, clients int) float64 {
	var some, all float64
	for n := range clients {
		all += math.Pow(float64(1+n), -zipf)
		if n < top {
			some = all
		}
	}
	return some / all
}

// share calls do with 0 to n-1, on all cores.
func share(n int, do func(int)) {
	var wg sync.WaitGroup
	for worker := range cores() {
		wg.Go(func() {
			for i := worker; i < n; i += cores() {
				do(i)
			}
		})
	}
	wg.Wait()
}
