// Command worker runs a pipeline that calls a guarded service over HTTP and gRPC,
// while its secret and the authority's key are rotated, the authority fails, and its
// token is revoked. It exits non-zero if a call fails.
//
//	go run ./examples/worker
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
)

const usage = `Worker runs a pipeline that calls a guarded service over HTTP and gRPC. Meanwhile
its secret and the authority's key are rotated, the authority fails, and its token is
revoked. It takes about ten seconds, counts the calls, and exits non-zero if one fails.

  -timeout D   give up after D (1m)
  -h           show this
`

func main() {
	set := flag.NewFlagSet("worker", flag.ContinueOnError)
	timeout := set.Duration("timeout", time.Minute, "")
	flags.Parse(set, usage, nil)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, *timeout, fmt.Errorf("not done after %v", *timeout))
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

// run tells the story. It returns an error if a call of the pipeline failed.
func run(ctx context.Context, out io.Writer) error {
	w, err := newWorld(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	p, err := newPipeline(w)
	if err != nil {
		return err
	}
	defer p.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := p.start(ctx)
	err = story(ctx, out, w, p)
	p.stop()
	<-done
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d calls over HTTP and %d over gRPC succeeded, %d failed\n", p.http.Load(), p.grpc.Load(), p.failed.Load())
	fmt.Fprintf(out, "the service refused %d of their attempts, and %d tokens were fetched\n", w.refusals.Load(), p.fetches.Load())
	return p.failure()
}
