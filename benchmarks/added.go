package main

import "fmt"

// addedFigures holds the figures of the unguarded request, and of the request
// guarded by each peer.
type addedFigures struct {
	peers            []peer
	none, noneAtOnce figures
	serial, parallel []figures
}

// measureAdded measures a request without a guard and with each peer's guard.
func measureAdded(plan plan, unguarded func() func(), guarded func(peer) func() func()) addedFigures {
	var all addedFigures
	for _, p := range peers() {
		if !p.bare {
			all.peers = append(all.peers, p)
		}
	}
	serial, parallel := []probe{{"none", 1, unguarded}}, []probe{{"none", cores(), unguarded}}
	for _, p := range all.peers {
		op := guarded(p)
		serial = append(serial, probe{p.name, 1, op})
		parallel = append(parallel, probe{p.name, cores(), op})
	}
	one, several := plan.measure(serial...), plan.measure(parallel...)
	all.none, all.serial = one[0], one[1:]
	all.noneAtOnce, all.parallel = several[0], several[1:]
	return all
}

func (all addedFigures) rows() [][]string {
	rows := [][]string{
		{"", "ns", "added ns", "added allocs", fmt.Sprintf("added ns, on %d cores", cores())},
		{"unguarded", nanos(all.none.time()), "", "", ""},
	}
	for i, p := range all.peers {
		rows = append(rows, []string{
			displayName(p),
			nanos(all.serial[i].time()), nanos(all.serial[i].added(all.none)),
			allocations(all.serial[i].allocations() - all.none.allocations()),
			nanos(all.parallel[i].added(all.noneAtOnce)),
		})
	}
	return rows
}

// aim records the goal for a token that is seen again.
func (all addedFigures) aim(s *suite, what, algorithm string, maxNanos, maxAllocations float64) {
	for i, p := range all.peers {
		if p.name != cached {
			continue
		}
		took := all.serial[i].added(all.none)
		made := all.serial[i].allocations() - all.none.allocations()
		reason := "the context with the client and, over HTTP, the request that carries it are allocated."
		if again, ok := s.again[algorithm]; ok { // with -only, it may not be measured
			reason = fmt.Sprintf("Verify is %s ns of it; %s", nanos(again.time()), reason)
		}
		s.aim(took <= maxNanos && made <= maxAllocations, what+", seen again, "+algorithm,
			fmt.Sprintf("≤ %s ns and ≤ %s allocations added", nanos(maxNanos), allocations(maxAllocations)),
			fmt.Sprintf("%s ns, %s allocations", nanos(took), allocations(made)),
			reason)
	}
}
