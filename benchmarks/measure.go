package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"
)

// A probe is one operation to be measured.
type probe struct {
	name    string
	workers int           // goroutines that do it at the same time; 1 if 0
	op      func() func() // makes a worker's operation, with state of its own
}

// plan sets how long a measurement takes.
type plan struct {
	rounds int
	slice  time.Duration // of one probe in one round
}

// figures holds the measurements of one probe per operation, one for each round.
type figures struct {
	// ns is processor time: of the worker's thread, or of all threads with
	// several workers. Unlike wall-clock time it excludes other programs, but
	// waiting as well.
	ns     []float64
	wall   []float64 // wall-clock ns, divided by the operations of all workers
	allocs []float64
}

func (f figures) time() float64 { return median(f.ns) }

// allocations returns those per operation, rounded, so that a stray one of the
// runtime does not count.
func (f figures) allocations() float64 { return math.Round(median(f.allocs)) }

// perSecond returns the operations in a second of wall-clock time.
func (f figures) perSecond() float64 { return 1e9 / median(f.wall) }

// perSecondOver returns f's operations a second, as a multiple of base's.
func (f figures) perSecondOver(base figures) float64 {
	return perRound(base.wall, f.wall, func(a, b float64) float64 { return a / b })
}

// speedup returns f's operations a second in its fastest round, as a multiple of
// base's, by the wall clock. Other load on the machine lowers it.
func (f figures) speedup(base figures) float64 {
	return slices.Min(base.wall) / slices.Min(f.wall)
}

// over returns f's time as a multiple of base's. It compares figures of the same
// round, so that a slow round does not matter.
func (f figures) over(base figures) float64 {
	return perRound(f.ns, base.ns, func(a, b float64) float64 { return a / b })
}

// added returns how much longer f takes than base.
func (f figures) added(base figures) float64 {
	return perRound(f.ns, base.ns, func(a, b float64) float64 { return a - b })
}

func perRound(a, b []float64, compare func(a, b float64) float64) float64 {
	var all []float64
	for i := range a {
		all = append(all, compare(a[i], b[i]))
	}
	return median(all)
}

// measure measures every probe once in each round, in random order, so that other
// load affects all alike and the medians exclude it.
func (p plan) measure(probes ...probe) []figures {
	teams := make([]team, len(probes))
	counts := make([]int, len(probes))
	for i, probe := range probes {
		teams[i] = probe.team()
		counts[i] = teams[i].fill(p.slice)
	}
	all := make([]figures, len(probes))
	for range p.rounds {
		for _, i := range rand.Perm(len(probes)) {
			n, f := float64(counts[i]), &all[i]
			taken := teams[i].sample(counts[i])
			f.ns = append(f.ns, float64(taken.cpu)/n)
			f.wall = append(f.wall, float64(taken.wall)/n)
			f.allocs = append(f.allocs, float64(taken.mallocs)/n)
		}
	}
	return all
}

// team holds the operations of one probe's workers.
type team []func()

func (p probe) team() team {
	var t team
	for range max(p.workers, 1) {
		t = append(t, p.op())
	}
	return t
}

// fill returns the number of operations that takes the workers about d. It also
// warms up.
func (t team) fill(d time.Duration) int {
	n := len(t)
	for {
		took := t.sample(n).cpu / time.Duration(min(len(t), cores()))
		if took >= d/4 {
			return max(int(float64(n)*float64(d)/float64(took)), len(t))
		}
		n *= 4
	}
}

type sample struct {
	cpu, wall time.Duration
	mallocs   uint64
}

// sample does n operations, shared among the workers.
func (t team) sample(n int) sample {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	clock := threadTime
	if len(t) > 1 {
		clock = processTime
	}
	var before, after runtime.MemStats
	runtime.GC() // what the one before has left is not this one's to clear
	runtime.ReadMemStats(&before)
	cpu, wall := clock(), time.Now()
	t.run(n)
	taken := sample{cpu: clock() - cpu, wall: time.Since(wall)}
	runtime.ReadMemStats(&after)
	taken.mallocs = after.Mallocs - before.Mallocs
	return taken
}

func (t team) run(n int) {
	if len(t) == 1 {
		repeat(t[0], n)
		return
	}
	var wg sync.WaitGroup
	for i, op := range t {
		share := n / len(t)
		if i < n%len(t) {
			share++
		}
		wg.Go(func() { repeat(op, share) })
	}
	wg.Wait()
}

func repeat(op func(), n int) {
	for range n {
		op()
	}
}

// median returns the median of values, and leaves them in their order.
func median[T cmp.Ordered](values []T) T { return percentile(values, 50) }

func percentile[T cmp.Ordered](values []T, p int) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}
