package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"time"
)

// suite is one run, with its settings and its results.
type suite struct {
	plan   plan
	quick  bool
	began  time.Time
	load   string
	trusts map[string]trust // by algorithm

	again map[string]figures // of Verify, by algorithm; measured first

	sections []*section
	goals    []goal
	chart    chart
}

func newSuite(quick bool) *suite {
	s := &suite{
		plan:   plan{rounds: 15, slice: 30 * time.Millisecond},
		quick:  quick,
		began:  time.Now(),
		load:   load(),
		trusts: make(map[string]trust),
		again:  make(map[string]figures),
	}
	if quick {
		s.plan = plan{rounds: 1, slice: time.Millisecond}
	}
	for _, algorithm := range algorithms {
		s.trusts[algorithm] = newTrust(algorithm)
	}
	return s
}

// heapBytes is the size of a live heap beside the one that is measured, as a service
// has one. With a nearly empty heap, garbage would be collected every 3 MB, far
// more often than in a service.
const heapBytes = 64 << 20

// run measures the sections whose titles match.
func (s *suite) run(only *regexp.Regexp) {
	heap := make([]byte, heapBytes)
	defer runtime.KeepAlive(heap)
	for _, part := range []struct {
		title   string
		measure func(*suite, *section)
	}{
		{"Verify alone", measureVerify},
		{"Everything on", measureEverything},
		{"Opaque tokens", measureOpaque},
		{"Bound tokens", measureBound},
		{"Requests with a token", measureTransport},
		{"Where a first sight's time goes", measureParts},
		{"Readers of our own", measureReaders},
		{"A whole HTTP request", measureHTTP},
		{"A whole gRPC call", measureGRPC},
		{"MCP tool calls", measureMCP},
		{"Real servers", measureServers},
		{"Junk", measureJunk},
		{"Junk beside good traffic", measureFlood},
		{"Scale: methods and routes", measureLookup},
		{"Scale: scopes, keys and issuers", measureSizes},
		{"Scale: hung issuers", measureHung},
		{"Scale: clients", measureClients},
		{"Which cache", measureCaches},
	} {
		if !only.MatchString(part.title) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(s.began).Seconds(), part.title)
		section := &section{title: part.title}
		part.measure(s, section)
		s.sections = append(s.sections, section)
	}
}

// pick returns full, or brief in a quick run.
func (s *suite) pick(full, brief int) int {
	if s.quick {
		return brief
	}
	return full
}

// cores returns the number of workers of a parallel measurement.
func cores() int { return runtime.GOMAXPROCS(0) }
