package main

import (
	"context"
	"fmt"
	"strings"
)

// measureVerify measures each peer alone, on one core and on all.
func measureVerify(s *suite, out *section) {
	out.text(`No peer remembers tokens, so the second sight of a token costs it as much as the first: its one row is both.
m2mauth is measured without its cache ("first sight") and with it ("seen again"): full of other tokens, as in a service that
has run for a while, or nearly empty. The rows of stytch.Issuer check more than
the others: that it is a machine's token, by its subject and by every claim that must not be there.`)
	for _, algorithm := range algorithms {
		all := s.measurePeers(s.trusts[algorithm])
		out.text("**%s**", algorithm)
		out.table(all.rows()...)
		s.chart.add(algorithm, all)
		all.aims(s, algorithm)
	}
}

// peerFigures holds the figures for one algorithm, in the order of peers.
type peerFigures struct {
	peers            []peer
	serial, parallel []figures
}

func (s *suite) measurePeers(t trust) peerFigures {
	all := peerFigures{peers: peers()}
	token := t.good()
	var serial, parallel []probe
	for _, p := range all.peers {
		check := must(p.build(t))
		op := func() func() {
			// Each worker has its own copy, as each request has. Otherwise the
			// cache would recognize the token by its address.
			token := strings.Clone(token)
			return func() { must(check(context.Background(), token)) }
		}
		serial = append(serial, probe{p.name, 1, op})
		parallel = append(parallel, probe{p.name, cores(), op})
	}
	all.serial = s.plan.measure(serial...)
	all.parallel = s.plan.measure(parallel...)
	return all
}

func (all peerFigures) rows() [][]string {
	rows := [][]string{{"", "ns", "× raw", "allocs", fmt.Sprintf("ns, on %d cores", cores()), "× raw", "by hand "}}
	for i, p := range all.peers {
		rows = append(rows, []string{
			displayName(p),
			nanos(all.serial[i].time()), ratio(all.serial[i].over(all.serial[0])), allocations(all.serial[i].allocations()),
			nanos(all.parallel[i].time()), ratio(all.parallel[i].over(all.parallel[0])),
			p.byHand,
		})
	}
	return rows
}

func displayName(p peer) string {
	switch {
	case strings.HasPrefix(p.name, ours) && p.cached:
		return "**" + p.name + "**"
	case strings.HasPrefix(p.name, ours):
		return "**" + p.name + ", first sight**"
	}
	return p.name
}

// of returns the serial and the parallel figures of a peer.
func (all peerFigures) of(name string) (serial, parallel figures) {
	for i, p := range all.peers {
		if p.name == name {
			return all.serial[i], all.parallel[i]
		}
	}
	panic("no peer is called " + name)
}

func (all peerFigures) aims(s *suite, algorithm string) {
	floor, floorParallel := all.of(raw)
	first, _ := all.of(ours)
	times := first.over(floor)
	s.aim(times <= 1.05, "first sight, "+algorithm, "≤ 1.05 × raw", precise(times)+" ×",
		fmt.Sprintf("%s ns above raw, which is %s ns, so that 5 %% of it is %s ns. \"Where a first sight's time goes\" tells for what.",
			nanos(first.added(floor)), nanos(floor.time()), nanos(floor.time()/20)))
	extra := first.allocations() - floor.allocations()
	s.aim(extra <= 6, "first sight, "+algorithm+", allocations", "≤ raw + 6", "raw + "+allocations(extra),
		"the profile of allocations tells which.")
	again, parallel := all.of(cached)
	empty, _ := all.of(cachedNew)
	s.aim(again.time() <= 200 && again.allocations() == 0, "seen again, "+algorithm, "≤ 200 ns, 0 allocations",
		fmt.Sprintf("%s ns, %s allocations", nanos(again.time()), allocations(again.allocations())),
		fmt.Sprintf("in a cache that is nearly empty it is %s ns.", nanos(empty.time())))
	dearer := parallel.time() / again.time()
	s.aim(dearer <= 1.25, "seen again, "+algorithm+", scaling",
		fmt.Sprintf("processor time of one the same with %d cores at it (1.25)", cores()),
		fmt.Sprintf("%s × (and %s × as many per second by the wall clock; raw, which shares nothing, %s ×)",
			ratio(dearer), ratio(parallel.speedup(again)), ratio(floorParallel.speedup(floor))),
		"the cores share something on a hit.")
	s.again[algorithm] = again
}
