package main

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// measureSizes measures the cost of many scopes, many keys and many issuers.
func measureSizes(s *suite, out *section) {
	measureScopes(s, out)
	measureKeys(s, out)
	measureIssuers(s, out)
}

func measureScopes(s *suite, out *section) {
	const many = 256
	t := s.trusts["ES256"]
	var names []string
	for i := range many {
		names = append(names, fmt.Sprintf("area%d:read", i))
	}
	first, again := must(ready(t.config(noCache))), must(ready(t.config(defaultCache)))
	defer first.Close()
	defer again.Close()
	rows := [][]string{{"scopes held", "required", "token bytes", "first sight ns", "seen again ns", "allocs"}}
	var probes []probe
	for _, held := range []int{1, many} {
		token := t.token(m2mtest.TokenSpec{Scopes: names[:held]})
		for _, required := range []int{1, held} {
			last := names[held-required : held]
			need := scopes.All(last[0], last[1:]...)
			probes = append(probes,
				probe{"", 1, authorize(first, token, need)}, probe{"", 1, authorize(again, token, need)})
			rows = append(rows, []string{count(held), count(required), count(len(token))})
		}
	}
	for i, f := range s.plan.measure(probes...) {
		row := &rows[1+i/2]
		*row = append(*row, nanos(f.time()))
		if i%2 == 1 {
			*row = append(*row, allocations(f.allocations()))
		}
	}
	out.text("**Scopes**: Authorize, ES256. The token itself grows with its scopes. Here and below, the cache is nearly empty.")
	out.table(append(rows[:2], rows[3:]...)...) // 1 of 1 is there twice
}

// authorize returns a worker's operation: the decision on one call.
func authorize(v *verifier.Verifier, token string, need scopes.Requirement) func() func() {
	return func() func() {
		r := verifier.Request{Operation: "GET /reports", Authorization: []string{"Bearer " + token}}
		return func() { must(v.Authorize(context.Background(), r, need)) }
	}
}

func measureKeys(s *suite, out *section) {
	const many = 64
	t := s.trusts["ES256"]
	keys := []*m2mtest.Key{t.key}
	for range many - 1 {
		keys = append(keys, m2mtest.NewKey("ES256"))
	}
	rows := [][]string{{"keys in the set", "until ready", "memory", "first sight ns", "of the last key, ns"}}
	var probes []probe
	for _, n := range []int{1, many} {
		document := keySet(keys[:n]...)
		cfg := t.config(noCache)
		cfg.Issuers[0].FetchJWKS = func(context.Context) ([]byte, error) { return document, nil }
		v, took, bytes := started(cfg)
		defer v.Close()
		rows = append(rows, []string{count(n), millis(took), kibibytes(bytes)})
		for _, key := range []*m2mtest.Key{keys[0], keys[n-1]} {
			token := t.token(m2mtest.TokenSpec{Key: key, Scopes: []string{scope}})
			probes = append(probes, probe{"", 1, authorize(v, token, need)})
		}
	}
	for i, f := range s.plan.measure(probes...) {
		rows[1+i/2] = append(rows[1+i/2], nanos(f.time()))
	}
	out.text("**Keys**: ES256, the cache off.")
	out.table(rows...)
}

func measureIssuers(s *suite, out *section) {
	const many = 100
	t := s.trusts["ES256"]
	rows := [][]string{{"issuers", "until ready", "memory", "goroutines", "fetches at once", "next fetches within", "first sight ns", "seen again ns"}}
	var probes []probe
	for _, n := range []int{1, many} {
		var active, most atomic.Int32
		last := fmt.Sprintf("https://%d.example.com", n-1)
		config := func(cacheSize int) verifier.Config {
			cfg := t.config(cacheSize)
			one := cfg.Issuers[0]
			cfg.Issuers = nil
			for i := range n {
				one.Name = fmt.Sprintf("https://%d.example.com", i)
				one.FetchJWKS = func(context.Context) ([]byte, error) {
					raise(&most, active.Add(1))
					defer active.Add(-1)
					time.Sleep(10 * time.Millisecond)
					return t.keySet, nil
				}
				cfg.Issuers = append(cfg.Issuers, one)
			}
			return cfg
		}
		goroutines := runtime.NumGoroutine()
		again, took, bytes := started(config(defaultCache))
		defer again.Close()
		goroutines = runtime.NumGoroutine() - goroutines
		rows = append(rows, []string{count(n), millis(took), kibibytes(bytes), count(goroutines), count(int(most.Load())), spread(again)})
		first := must(ready(config(noCache)))
		defer first.Close()
		token := t.token(m2mtest.TokenSpec{Issuer: last, Scopes: []string{scope}})
		probes = append(probes, probe{"", 1, authorize(first, token, need)}, probe{"", 1, authorize(again, token, need)})
	}
	for i, f := range s.plan.measure(probes...) {
		rows[1+i/2] = append(rows[1+i/2], nanos(f.time()))
	}
	out.text(`**Issuers**: ES256, each with a key set of one key that takes 10 ms to fetch; the token is the last issuer's. "Next fetches
within" is from the first to the last of them: an interval of 5 min begins at a random point, so that they are not in step.
Memory and goroutines are those of the whole Verifier, with its empty cache.`)
	out.table(rows...)
}

// raise sets v to n if it is less.
func raise(v *atomic.Int32, n int32) {
	for old := v.Load(); n > old && !v.CompareAndSwap(old, n); old = v.Load() {
	}
}

// spread is the time over which the next fetches are spread.
func spread(v *verifier.Verifier) string {
	statuses := v.Status()
	first, last := statuses[0].NextAttempt, statuses[0].NextAttempt
	for _, status := range statuses {
		if status.NextAttempt.Before(first) {
			first = status.NextAttempt
		}
		if status.NextAttempt.After(last) {
			last = status.NextAttempt
		}
	}
	if len(statuses) == 1 {
		return "–"
	}
	return last.Sub(first).Round(time.Second).String()
}

// started starts a Verifier, and returns how many ns it took until it was ready, and
// how many bytes it holds.
func started(cfg verifier.Config) (v *verifier.Verifier, took, bytes float64) {
	before := heap()
	began := time.Now()
	v = must(ready(cfg))
	took = float64(time.Since(began))
	return v, took, heap() - before
}

// heap returns the number of bytes in use.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what sync.Pools held goes with the second
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
