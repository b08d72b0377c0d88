// Command benchmarks compares m2mauth with the other ways to verify an access token
// in Go. It measures all of them in turn in one process, and writes RESULTS.md and
// results.svg:
//
//	go run .
//
// It takes about six minutes. Times depend on the machine and its other load, so
// compare ratios within one run, never two runs.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"
)

func main() {
	quick := flag.Bool("quick", false, "try everything for a moment, and print the figures instead of writing them: they mean nothing")
	only := flag.String("only", "", "measure only the sections whose titles match this `regexp`, and print them")
	flag.Parse()

	s := newSuite(*quick)
	s.run(regexp.MustCompile(*only))
	if *quick || *only != "" {
		fmt.Print(s.markdown())
		return
	}
	must(0, os.WriteFile("RESULTS.md", []byte(s.markdown()), 0o644))
	must(0, os.WriteFile("results.svg", []byte(s.chart.svg()), 0o644))
	fmt.Fprintf(os.Stderr, "RESULTS.md and results.svg are written, after %s\n", time.Since(s.began).Round(time.Second))
}
