// Command rotate rotates a client's secret while eight instances of the client make
// 10,000 calls. It exits non-zero if a call fails.
//
//	go run ./examples/rotate                 # against a local authority that it starts itself
//	STYTCH_PROJECT_ID=… STYTCH_SECRET=… go run ./examples/rotate    # against Stytch
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/m2mauth/m2mauth/examples/internal/flags"
	"github.com/m2mauth/m2mauth/stytch"
)

type options struct {
	calls, restart int
	timeout        time.Duration
}

const usage = `Rotate registers a client, runs eight instances of it that call an API, and
rotates the client's secret meanwhile: start, hand the next secret to the
instances, complete. It counts the calls, exits non-zero if one fails, and deletes
the client.

  -calls N     how many calls (10000)
  -restart N   start each instance again, with a new token, after N calls (25;
               with Stytch 500, because tokens cost money)
  -timeout D   give up after D (2m)
  -h           show this

It starts a local authority. If STYTCH_PROJECT_ID and STYTCH_SECRET are set, it
uses Stytch, or the server at STYTCH_URL.
`

func main() {
	set := flag.NewFlagSet("rotate", flag.ContinueOnError)
	var o options
	set.IntVar(&o.calls, "calls", 10_000, "")
	set.IntVar(&o.restart, "restart", 0, "")
	set.DurationVar(&o.timeout, "timeout", 2*time.Minute, "")
	flags.Parse(set, usage, func() bool { return o.calls >= 100 && o.restart >= 0 })
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "rotate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, o options) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not done after %v", o.timeout))
	defer cancel()
	w, err := newWorld(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	if o.restart == 0 {
		o.restart = 500
		if w.project.Authority != nil {
			o.restart = 25
		}
	}
	return w.project.WithClient(ctx, stytch.CreateParams{
		Name: "rotate example", Scopes: []string{"read:orders"},
	}, func(first stytch.Credentials) error {
		return callAndRotate(ctx, out, w, first, o)
	})
}

// callAndRotate rotates the secret of a client while its instances call.
func callAndRotate(ctx context.Context, out io.Writer, w *world, first stytch.Credentials, o options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fmt.Fprintf(out, "client %s, %d calls by %d instances at %s\n", first.ClientID, o.calls, instances, w.where())

	l := newLoad(w, first.ClientID, first.ClientSecret, o)
	done := l.start(ctx)
	rotateErr := rotate(ctx, out, w, l, first.ClientID)
	if rotateErr != nil {
		cancel()
	}
	<-done
	l.report(out)
	if rotateErr != nil {
		return rotateErr
	}
	return l.failure(ctx)
}
