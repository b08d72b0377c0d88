// Command quickstart shows machine-to-machine authentication on one machine. It runs
// an authority, an HTTP API and a gRPC API, and a service that registers, gets a
// token, and is accepted or refused. It checks each response, and exits non-zero if
// one is not as expected.
//
//	go run ./examples/quickstart          # one line for each step
//	go run ./examples/quickstart -v       # every request and response
//	go run ./examples/quickstart -serve   # keep everything running, to try by hand
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/m2mauth/m2mauth/examples/internal/flags"
)

const usage = `Quickstart starts an authority, an HTTP API and a gRPC API on loopback, and
shows how a machine is accepted or refused, with real requests and responses.
It needs no setup, and leaves nothing behind.

  -v       show every request and response
  -serve   keep everything running, and print curl and grpcurl commands to try
  -h       show this
`

func main() {
	set := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	serve := set.Bool("serve", false, "keep the authority and both APIs up, and print commands to try")
	verbose := set.Bool("v", false, "show every request and response")
	flags.Parse(set, usage, nil)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *serve, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// run prints the story to w, or serves until ctx ends.
func run(ctx context.Context, w io.Writer, serve, verbose bool) error {
	log := io.Discard
	if serve {
		log = w // the audit log
	}
	world, err := newWorld(ctx, log)
	if err != nil {
		return err
	}
	defer world.close()
	if serve {
		return world.serve(ctx, w)
	}
	s := &story{world: world, ctx: ctx, page: page{w: w, verbose: verbose}}
	s.tell()
	return s.failure()
}
