// Fleettest measures how fast a cut-off reaches a fleet: processes of an HTTP
// and gRPC service that share one redis-server, with honest and stolen tokens in use.
//
//	go -C redisfleet run ./fleettest
//
// Each round publishes one cut-off. The time runs from the call of Publish until a
// thief has the refusal of a new call from the last replica. Then the store is killed,
// stays away, and returns with its append-only file: the time runs from its return
// until a cut-off that is published then is in force everywhere, and every view is
// confirmed again. Meanwhile honest machines call through package tokensource, and no
// call of theirs may fail; a stolen token that a replica has refused must never be
// accepted by it again.
//
// The exit status is 0 if nothing was lost. Latencies don't decide it: the machine may
// be busy.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
)

func main() {
	if os.Getenv(replicaEnv) != "" {
		os.Exit(replicaMain())
	}
	cfg := config{}
	flag.IntVar(&cfg.replicas, "replicas", 20, "processes of the service")
	flag.IntVar(&cfg.rounds, "rounds", 200, "cut-offs that are published one by one")
	flag.IntVar(&cfg.recoveries, "recoveries", 5, "how often the store is killed")
	flag.DurationVar(&cfg.down, "down", 3*time.Second, "how long the store stays away")
	flag.IntVar(&cfg.machines, "machines", 4, "honest machines that call all the time")
	flag.DurationVar(&cfg.pause, "pause", 20*time.Millisecond, "between two calls of a machine")
	flag.Parse()
	if flag.NArg() > 0 || cfg.check() != nil {
		fmt.Fprintln(os.Stderr, "usage: fleettest [flags]:", cfg.check())
		flag.PrintDefaults()
		os.Exit(2)
	}
	os.Exit(measure(cfg))
}

// measure returns the exit status.
func measure(cfg config) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	tb := &process{}
	defer tb.cleanup()
	store := redistest.Start(tb, redistest.Options{AOF: true})
	r, err := run(ctx, cfg, store)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleettest:", err)
		return 2
	}
	r.print(os.Stdout)
	if len(r.lost) > 0 {
		return 1
	}
	return 0
}
