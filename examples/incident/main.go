// Command incident plays how a leaked secret is shut out: a thief calls three replicas
// of a service with it and holds a stream open to each, while eight honest machines go
// on. The secret is replaced, and its tokens are revoked in every replica through one
// redis-server, which the command starts.
//
//	go -C examples/incident run .
//
// It exits non-zero if an honest call fails, or if the thief is let in after two
// seconds. The command "m2mauth incident" does what the operator does here.
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

const usage = `Incident plays how a leaked secret is shut out of three replicas of a service,
while eight honest machines go on. It counts the calls, takes about five seconds, and
exits non-zero if an honest call fails or the thief is let in for too long.

It starts redis-server, which has to be installed (Debian, Ubuntu: apt-get install
redis-server; Fedora: dnf install valkey; macOS: brew install redis).

  -server PATH   the program to start (redis-server, or else valkey-server)
  -timeout D     give up after D (1m)
  -h             show this
`

func main() {
	set := flag.NewFlagSet("incident", flag.ContinueOnError)
	server := set.String("server", "", "")
	timeout := set.Duration("timeout", time.Minute, "")
	flags.Parse(set, usage, nil)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, *timeout, fmt.Errorf("not done after %v", *timeout))
	defer cancel()
	if err := run(ctx, os.Stdout, *server); err != nil {
		fmt.Fprintln(os.Stderr, "incident:", err)
		os.Exit(1)
	}
}

// run plays the story with a redis-server of its own.
func run(ctx context.Context, out io.Writer, program string) error {
	redis, err := startRedis(ctx, program)
	if err != nil {
		return err
	}
	defer redis.close()
	w, err := newWorld(ctx, redis.server)
	if err != nil {
		return err
	}
	defer w.close()
	return w.play(ctx, out)
}
