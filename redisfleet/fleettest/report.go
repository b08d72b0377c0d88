package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// The goals.
const (
	goalMedian   = 5 * time.Millisecond
	goalTail     = 50 * time.Millisecond
	goalRecovery = 500 * time.Millisecond
	goalNever    = 2 * time.Second
)

// report collects what was measured, and what was lost. It is safe for concurrent use.
type report struct {
	cfg   config
	redis string
	took  time.Duration

	mu        sync.Mutex
	last      []time.Duration // by round: the last replica's refusal
	each      []time.Duration // every replica's refusal
	carried   []time.Duration // by round: from the store's write to the last replica's refusal
	publish   []time.Duration // the call of Publish
	inForce   []time.Duration // by recovery: the last replica's refusal
	confirmed []time.Duration // by recovery: the last replica's view
	calls     map[string]int  // of honest machines that succeeded, by protocol
	failed    int             // of honest machines
	slowest   time.Duration   // of honest machines
	replaced  int             // machines that have got another token
	streams   int             // of the thief that have ended as Revoked
	refused   int             // calls with a token that was shut out before
	lost      []string
}

func newReport(cfg config, redis string) *report {
	return &report{cfg: cfg, redis: redis, calls: map[string]int{}}
}

func (r *report) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

func (r *report) published(d time.Duration) { r.change(func() { r.publish = append(r.publish, d) }) }
func (r *report) recovered()                { r.change(func() { r.replaced++ }) }
func (r *report) streamEnded()              { r.change(func() { r.streams++ }) }
func (r *report) again()                    { r.change(func() { r.refused++ }) }

// lose records that something was lost. The first few are enough to find out why.
func (r *report) lose(format string, args ...any) {
	r.change(func() { r.lost = append(r.lost, fmt.Sprintf(format, args...)) })
}

func (r *report) honest(protocol string, took time.Duration, err error) {
	r.change(func() {
		r.slowest = max(r.slowest, took)
		if err != nil {
			r.failed++
			r.lost = append(r.lost, fmt.Sprintf("an honest call over %s failed after %v: %v", protocol, took, err))
			return
		}
		r.calls[protocol]++
	})
}

func (r *report) round(after []time.Duration, written time.Duration) {
	if len(after) == r.cfg.replicas {
		r.change(func() {
			r.last, r.each = append(r.last, slices.Max(after)), append(r.each, after...)
			r.carried = append(r.carried, slices.Max(after)-written)
		})
	}
}

func (r *report) recovery(after, confirmed []time.Duration) {
	if len(after) == r.cfg.replicas {
		r.change(func() {
			r.inForce, r.confirmed = append(r.inForce, slices.Max(after)), append(r.confirmed, slices.Max(confirmed))
		})
	}
}

// quantile returns the smallest value that at least the share q of all does not exceed.
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	i := int(q * float64(len(sorted)))
	if float64(i) == q*float64(len(sorted)) && i > 0 {
		i--
	}
	return sorted[min(i, len(sorted)-1)]
}

func (r *report) print(out io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(out, "%d replicas (processes, HTTP and gRPC), redis-server %s with AOF, %s, %d CPUs, %v\n\n",
		r.cfg.replicas, r.redis, runtime.Version(), runtime.NumCPU(), r.took.Round(100*time.Millisecond))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tn\tp50\tp99\tmax\tgoal\t")
	row := func(name string, values []time.Duration, goal string) {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t\n", name, len(values), ms(quantile(values, 0.5)), ms(quantile(values, 0.99)), ms(quantile(values, 1)), goal)
	}
	row("Publish called → the last replica refuses", r.last, join(
		met("p50", quantile(r.last, 0.5), goalMedian), met("p99", quantile(r.last, 0.99), goalTail), met("max", quantile(r.last, 1), goalNever)))
	row("  each replica", r.each, "")
	row("  the store has it → the last replica refuses", r.carried, "to 1 ms more")
	row("  Publish returns", r.publish, "")
	row(fmt.Sprintf("store back after kill -9 and %v → the last replica refuses", r.cfg.down), r.inForce, met("max", quantile(r.inForce, 1), goalRecovery))
	row("  the last view is confirmed", r.confirmed, met("max", quantile(r.confirmed, 1), goalRecovery))
	w.Flush()
	fmt.Fprintf(out, `
honest calls      %d over HTTP and %d over gRPC, %d failed; the slowest took %v
honest machines   %d of %d that were shut out have another token
thief's streams   %d of %d ended as revoked, each followed by a refused call
thief's tokens    %d later calls
lost              %d
`, r.calls["HTTP"], r.calls["gRPC"], r.failed, r.slowest.Round(time.Millisecond),
		r.replaced, r.cfg.rounds+r.cfg.recoveries,
		r.streams, (r.cfg.rounds+r.cfg.recoveries)*r.cfg.replicas,
		r.refused, len(r.lost))
	for i, text := range r.lost {
		if i == 20 {
			fmt.Fprintln(out, "  …")
			break
		}
		fmt.Fprintln(out, " ", text)
	}
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

func met(name string, got, goal time.Duration) string {
	if got <= goal {
		return fmt.Sprintf("%s ≤ %v met", name, goal)
	}
	return fmt.Sprintf("%s ≤ %v MISSED", name, goal)
}

func join(parts ...string) string { return fmt.Sprintf("%s, %s, %s", parts[0], parts[1], parts[2]) }
