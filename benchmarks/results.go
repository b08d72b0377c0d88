package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// markdown returns RESULTS.md.
func (s *suite) markdown() string {
	var b strings.Builder
	b.WriteString("# Results\n\n<!-- Written by `go run .` in this folder: don't edit. -->\n\n")
	b.WriteString("![Times beside those of the peers](results.svg)\n\n")
	fmt.Fprintf(&b, "Measured on %s, on %d cores of %s, with %s on %s/%s, by\n\n```sh\ncd benchmarks && go run .\n```\n\n",
		s.began.UTC().Format(time.DateOnly), cores(), processor(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(&b, `Everything ran in one process, %d rounds of %v for each figure, in random order within a round. Times are processor
time: of the one thread that works, or "on %d cores", of all threads while %d goroutines work at the same time, so that
what is the same on one core and on several scales with them. What other programs do meanwhile is left out. A figure is
the median of the rounds, and a ratio the median of the ratios within each. The process holds %d MiB beside what is measured,
as a service does, or garbage would be collected far more often than there. The machine's load was %s at the start.

"raw" is base64 decoding of the signature, the hash, and the standard library's signature check, and nothing else.
Everyone verifies the same token of about %d bytes, shaped like Stytch's, and checks the same: the signature by the key
that the token names in a key set, the issuer, the audience, the expiry and one scope. What a peer does not check itself
is done by hand after it. Processor time does not show waiting, as for a lock; where a wall-clock time is given for that, it
tells something only if the machine has little else to do.

`, s.plan.rounds, s.plan.slice, cores(), cores(), heapBytes>>20, s.load, tokenBytes)
	if len(s.goals) > 0 {
		s.sections = append([]*section{goalSection(s.goals)}, s.sections...)
	}
	for _, part := range s.sections {
		fmt.Fprintf(&b, "## %s\n\n%s", part.title, part.body.String())
	}
	b.WriteString(versions())
	return b.String()
}

// versions lists the version of each peer.
func versions() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	wanted := []string{"github.com/MicahParks/keyfunc/v3", "github.com/maypok86/otter/v2",
		"github.com/puzpuzpuz/xsync/v4", "github.com/hashicorp/golang-lru/v2", "google.golang.org/grpc"}
	for _, p := range peers() {
		wanted = append(wanted, p.module)
	}
	s := section{}
	rows := [][]string{{"module", "version "}}
	for _, dep := range info.Deps {
		for _, path := range wanted {
			if dep.Path == path {
				rows = append(rows, []string{dep.Path, dep.Version})
			}
		}
	}
	if len(rows) == 1 {
		return ""
	}
	s.table(rows...)
	return "## Versions\n\n" + s.body.String() +
		"Not on the Go module proxy, and so not measured: acronis/go-authkit, stytch-go v18.\n"
}

// load returns the machine's load average.
func load() string {
	info, err := os.ReadFile("/proc/loadavg")
	if fields := strings.Fields(string(info)); err == nil && len(fields) > 0 {
		return fields[0]
	}
	return "unknown"
}

// processor returns the processor's name, or "" if it is unknown.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return "an unnamed processor"
}
