// Command bound runs a service that takes tokens only from the holder of the key that
// they are bound to (DPoP, RFC 9449), over HTTP and gRPC. The owner of a token calls
// it, a thief with a copy of the owner's headers is refused. It exits non-zero if not.
//
//	go run ./examples/bound
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/m2mauth/m2mauth/examples/internal/flags"
	"github.com/m2mauth/m2mauth/verifier"
)

const usage = `Bound runs a service that takes tokens only from the holder of the key that they are
bound to, over HTTP and gRPC. A thief with a copy of a client's headers is refused. It
takes about a second.

  -timeout D   give up after D (30s)
  -h           show this
`

func main() {
	set := flag.NewFlagSet("bound", flag.ContinueOnError)
	timeout := set.Duration("timeout", 30*time.Second, "")
	flags.Parse(set, usage, nil)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, *timeout, fmt.Errorf("not done after %v", *timeout))
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bound:", err)
		os.Exit(1)
	}
}

// attempt is one call, and the Reason for which it must be refused: "" for none.
type attempt struct {
	who, what string
	call      func(context.Context) error
	want      verifier.Reason
}

// run tells the story. It returns an error if a call of the owner is refused, or one of
// the thief is not.
func run(ctx context.Context, out io.Writer) error {
	s, err := newService(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	owner, err := newOwner(s)
	if err != nil {
		return err
	}
	defer owner.close()
	thief, err := newThief(s)
	if err != nil {
		return err
	}
	defer thief.close()

	fmt.Fprintln(out, "The owner's calls, each with a proof of its own:")
	wrong := s.make(ctx, out, owner.attempts())
	fmt.Fprintln(out, "A thief has the headers of these calls, from a log:")
	return errors.Join(wrong, s.make(ctx, out, thief.attempts()))
}

// make makes the calls one by one, and prints what the service decided.
func (s *service) make(ctx context.Context, out io.Writer, attempts []attempt) error {
	var errs []error
	for _, a := range attempts {
		err := a.call(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		reason, decided := s.decided()
		result := "allowed"
		if reason != "" {
			result = "refused: " + string(reason)
		}
		fmt.Fprintf(out, "  %-6s %-44s %s\n", a.who, a.what, result)
		if !decided || reason != a.want || (err == nil) != (a.want == "") {
			errs = append(errs, fmt.Errorf("%s, %s: %q, %v; want %q", a.who, a.what, reason, err, a.want))
		}
	}
	return errors.Join(errs...)
}
