package main

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2mauth/m2mauth/httpmw"
)

// company is the load beside good traffic.
type company struct {
	name string
	do   func(stop *atomic.Bool) // until told to stop
}

// measureFlood measures how long good requests take while one core refuses junk as
// fast as it can.
func measureFlood(s *suite, out *section) {
	t := s.trusts["RS256"]
	companies := []company{
		{"nothing", func(*atomic.Bool) {}},
		{"junk", nil}, // of the same Verifier
		{"hashing", func(stop *atomic.Bool) {
			block := make([]byte, tokenBytes)
			for !stop.Load() {
				digest := sha256.Sum256(block)
				copy(block, digest[:])
			}
		}},
	}
	rows := [][]string{{"good traffic", "beside ", "p50 ns", "p99 ns", "p99, × alone"}}
	for _, sight := range []struct {
		name      string
		cacheSize int
	}{{"seen again", defaultCache}, {"first sight", noCache}} {
		v := spent(t, sight.cacheSize)
		kinds := junkOf(t)
		companies[1].do = func(stop *atomic.Bool) {
			for i := 0; !stop.Load(); i++ {
				mustRefuse(v, kinds[i%len(kinds)])
			}
		}
		guarded := requests(must(httpmw.New(v, nil)).Require(need)(noop), t.good(), 0)()
		all := measureBeside(s, guarded, companies)
		v.Close()
		for i, c := range companies {
			rows = append(rows, []string{sight.name, c.name,
				nanos(median(all[i].p50)), nanos(median(all[i].p99)), ratio(all[i].over(all[0]))})
		}
		junk, other := all[1].over(all[0]), all[2].over(all[0])
		s.aim(junk <= 1.1*max(other, 1), "p99 beside a flood of junk, "+sight.name,
			"≤ 1.10 × that beside nothing, or beside as much other work",
			fmt.Sprintf("%s × (other work: %s ×)", ratio(junk), ratio(other)),
			"what is more than beside other work is the garbage of refusals being collected, or the machine was busy.")
	}
	out.text(`One goroutine calls the guarded handler of RS256 in memory, over and over; another keeps a core busy refusing the junk of
the section before, or, to tell what the machine itself does, hashing. These are wall-clock times, with
about 50 ns for taking them: on a machine that does other things too, the p99 of a call that takes long is theirs. The cache
is nearly empty.`)
	out.table(rows...)
}

// latencies holds percentiles, one of each per round.
type latencies struct{ p50, p99 []float64 }

func (l latencies) over(base latencies) float64 {
	var all []float64
	for i := range l.p99 {
		all = append(all, l.p99[i]/base.p99[i])
	}
	return median(all)
}

func measureBeside(s *suite, op func(), companies []company) []latencies {
	all := make([]latencies, len(companies))
	buffer := make([]time.Duration, 0, 1<<20)
	for range s.pick(31, 1) {
		for _, i := range rand.Perm(len(companies)) {
			p50, p99 := percentilesBeside(companies[i], op, 3*s.plan.slice, buffer)
			all[i].p50 = append(all[i].p50, p50)
			all[i].p99 = append(all[i].p99, p99)
		}
	}
	return all
}

func percentilesBeside(c company, op func(), d time.Duration, took []time.Duration) (p50, p99 float64) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() { c.do(&stop) })
	for began := time.Now(); len(took) < cap(took) && time.Since(began) < d; {
		start := time.Now()
		op()
		took = append(took, time.Since(start))
	}
	stop.Store(true)
	wg.Wait()
	return float64(percentile(took, 50)), float64(percentile(took, 99))
}
