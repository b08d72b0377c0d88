package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/m2mtest/attack"
)

// findings holds what one peer accepts. It is the T of an attack.Run.
type findings struct {
	peer     peer
	attacks  int      // how many there were
	accepted []string // their names
	faults   []string // anything else that was reported: then the figures mean nothing
}

func (*findings) Helper() {}

// Logf takes the table of all attacks, whose first rows are its heading and two controls.
func (f *findings) Logf(format string, args ...any) {
	lines := strings.Split(strings.TrimSpace(fmt.Sprintf(format, args...)), "\n")
	heading := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "attack ") })
	f.attacks = len(lines) - heading - 3
}

// Errorf takes the reports of attack.Run: "attack: ACCEPTED: name: operations".
func (f *findings) Errorf(format string, args ...any) {
	report := fmt.Sprintf(format, args...)
	rest, ok := strings.CutPrefix(report, "attack: ACCEPTED: ")
	if !ok {
		f.faults = append(f.faults, report)
		return
	}
	name := rest
	for _, o := range slices.Concat(overHTTP, overGRPC) {
		if i := strings.Index(rest, ": "+o.Call+": "); i >= 0 && i < len(name) {
			name = rest[:i]
		}
	}
	f.accepted = append(f.accepted, name)
}

// attackAll attacks every peer.
func attackAll() []*findings {
	t := newTrust()
	defer t.authority.Close()
	var all []*findings
	for _, p := range peers() {
		all = append(all, attackPeer(t, p))
	}
	return all
}

func attackPeer(t trust, p peer) *findings {
	f := &findings{peer: p}
	target := attack.Target{Authority: t.authority}
	stop := p.serve(t, &target)
	defer stop()
	attack.Run(f, target)
	return f
}
