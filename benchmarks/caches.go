package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// measureCaches compares caches for verified tokens.
func measureCaches(s *suite, out *section) {
	const few, many = 1, 1000
	var tokens []string
	for i := range many {
		tokens = append(tokens, fmt.Sprintf("%0700d", i))
	}
	rows := [][]string{{"", fmt.Sprintf("ns, %d token", few), fmt.Sprintf("on %d cores", cores()),
		fmt.Sprintf("ns, %s tokens", count(many)), fmt.Sprintf("on %d cores", cores()),
		"ns, full", fmt.Sprintf("on %d cores", cores()),
		"speed-up by the wall clock", "allocs", "hit rate", "with one-timers", "kept small by "}}
	var serial, parallel []probe
	for _, kind := range cacheKinds() {
		for _, fill := range []struct{ tokens, size int }{{few, 10 * many}, {many, 10 * many}, {many, many}} {
			c := kind.build(fill.size)
			op := getInTurn(c, putAll(c, tokens[:fill.tokens]))
			serial = append(serial, probe{kind.name, 1, op})
			parallel = append(parallel, probe{kind.name, cores(), op})
		}
	}
	one, several := s.plan.measure(serial...), s.plan.measure(parallel...)
	for i, kind := range cacheKinds() {
		row := []string{kind.name}
		for n := 3 * i; n < 3*i+3; n++ {
			row = append(row, nanos(one[n].time()), nanos(several[n].time()))
		}
		full := 3*i + 2
		row = append(row, ratio(several[full].speedup(one[full])), allocations(one[full].allocations()))
		for _, scan := range []bool{false, true} {
			row = append(row, percent(zipfHits(kind.build(s.pick(10_000, 100)), s.pick(1_000_000, 1_000), scan)))
		}
		rows = append(rows, append(row, kind.upkeep))
	}
	out.text(`What to remember verified tokens in: the look-up of a token of 700 bytes that is there, always the same one or each of
%s in turn, in a cache for ten times as many, or for just as many ("full"). The token asked for is a copy of the one that is
held, so all of its bytes are hashed and compared. The hit rate is that of a cache for %s tokens under %s
requests with the Zipf distribution above; "with one-timers", every second request is a token that comes only once, and is
not counted.`, count(many), count(s.pick(10_000, 100)), count(s.pick(1_000_000, 1_000)))
	out.table(rows...)
	out.text(`The first is the one that the verifier uses. Of the libraries, otter meets the requirements: its bound is a weight, so a
large token can count as several; tokens that come only once evict few that come again; a hit waits for no lock; entries
can be removed. But once it is half full, it records every hit for eviction, which takes longer than the look-up. golang-lru
takes one lock for every read, and has a lower hit rate. xsync's Map is the fastest and has no bound: no bounded cache can
exceed its hit rate. The verifier therefore uses xsync's Map with an eviction of its own, SIEVE: a hit marks its entry, and a
hand moves on to the next entry without a mark. A set-associative cache is about as short, but has a lower hit rate.`)
}

// putAll puts tokens in, and returns those that the cache holds afterwards. A full
// cache may have evicted some.
func putAll(c cache, tokens []string) []string {
	for _, token := range tokens {
		c.put(token, new(int))
	}
	var kept []string
	for _, token := range tokens {
		if _, ok := c.get(token); ok {
			kept = append(kept, token)
		}
	}
	return kept
}

// getInTurn returns a worker's operation: looking up one token.
func getInTurn(c cache, tokens []string) func() func() {
	return func() func() {
		var state struct {
			copies []string
			next   int
			_      [128]byte // two workers must not share a line of the processor's cache
		}
		for _, token := range tokens {
			state.copies = append(state.copies, strings.Clone(token))
		}
		state.next = rand.IntN(len(tokens))
		return func() {
			if _, ok := c.get(state.copies[state.next]); !ok {
				panic("a token is gone")
			}
			if state.next++; state.next == len(state.copies) {
				state.next = 0
			}
		}
	}
}

// zipfHits returns c's hit rate. Each token that it lacks is put in.
func zipfHits(c cache, requests int, scan bool) float64 {
	next := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), zipf, 1, uint64(requests-1))
	ask := func(token string) bool {
		_, ok := c.get(token)
		if !ok {
			c.put(token, new(int))
		}
		return ok
	}
	hits := 0
	for n := range requests {
		if ask(fmt.Sprintf("client %d", next.Uint64())) {
			hits++
		}
		if scan {
			ask(fmt.Sprintf("one-timer %d", n))
		}
	}
	return float64(hits) / float64(requests)
}
