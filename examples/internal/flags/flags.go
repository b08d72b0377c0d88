// Package flags parses the flags of an example. It never prints an argument, which may
// be a misplaced token or secret.
package flags

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// Parse parses the command line into set. On -h it prints usage and exits with 0.
// On a mistake, or if valid is not nil and reports false, it prints usage and
// exits with 2.
func Parse(set *flag.FlagSet, usage string, valid func() bool) {
	if status, exit := parse(set, os.Args[1:], os.Stderr, usage, valid); exit {
		os.Exit(status)
	}
}

// parse parses args. Parse adds the exits.
func parse(set *flag.FlagSet, args []string, w io.Writer, usage string, valid func() bool) (status int, exit bool) {
	// The flag package quotes unknown flags and malformed values.
	set.Init(set.Name(), flag.ContinueOnError)
	set.SetOutput(io.Discard)
	err := set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(w, usage)
		return 0, true
	case err != nil:
		fmt.Fprintf(w, "%s: a flag is unknown, lacks its value or has a malformed one\n\n%s", set.Name(), usage)
	case set.NArg() > 0:
		fmt.Fprintf(w, "%s: there is an argument that is no flag\n\n%s", set.Name(), usage)
	case valid != nil && !valid():
		fmt.Fprintf(w, "%s: a flag's value is out of range\n\n%s", set.Name(), usage)
	default:
		return 0, false
	}
	return 2, true
}
