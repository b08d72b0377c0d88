package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
	"github.com/m2mauth/m2mauth/revocation"
)

type config struct {
	replicas, rounds, recoveries, machines int
	down, pause                            time.Duration
}

func (c config) check() error {
	if c.replicas < 1 || c.rounds < 1 || c.recoveries < 0 || c.machines < 0 || c.down <= 0 || c.pause <= 0 {
		return errors.New("want at least one replica and one round, and positive durations")
	}
	return nil
}

// experiment is one run.
type experiment struct {
	*fleet
	store  *redistest.Server
	report *report
	old    []*theft       // that every replica has refused
	recov  sync.WaitGroup // machines whose token was shut out
}

// run measures. An error means that it could not.
func run(ctx context.Context, cfg config, store *redistest.Server) (_ *report, err error) {
	f, err := newFleet(ctx, cfg.replicas, store.Addr())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	e := &experiment{fleet: f, store: store, report: newReport(cfg, store.Info("redis_version"))}
	began := time.Now()

	working, stop := context.WithCancel(ctx)
	var machines sync.WaitGroup
	defer machines.Wait()
	defer stop()
	for range cfg.machines {
		m, err := f.newMachine(ctx)
		if err != nil {
			return nil, err
		}
		machines.Go(func() {
			defer m.close()
			m.work(working, cfg.pause, e.report)
		})
	}
	defer e.recov.Wait()
	for i := range cfg.rounds {
		if err := e.round(ctx); err != nil {
			return nil, fmt.Errorf("round %d: %w", i+1, err)
		}
	}
	for i := range cfg.recoveries {
		if err := e.recovery(ctx, cfg.down); err != nil {
			return nil, fmt.Errorf("recovery %d: %w", i+1, err)
		}
	}
	e.recov.Wait()
	e.stillRefused(ctx, e.old)
	e.seen(ctx)
	stop()
	machines.Wait()
	e.report.took = time.Since(began)
	return e.report, ctx.Err()
}

// victim is a client whose token was stolen.
type victim struct {
	*theft
	machine *machine
	own     string // the machine's token
}

// victim makes a machine that works, and a thief who has a token of the same client.
func (e *experiment) victim(ctx context.Context) (*victim, error) {
	m, err := e.newMachine(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	protocol, err := m.call(ctx)
	e.report.honest(protocol, time.Since(began), err)
	own, err := m.source.TokenContext(ctx)
	if err != nil {
		m.close()
		return nil, err
	}
	// The thief got a token with the stolen secret, by the same endpoint.
	theft, err := e.steal(ctx, own.AccessToken)
	if err != nil {
		m.close()
		return nil, err
	}
	return &victim{theft: theft, machine: m, own: own.AccessToken}, nil
}

// shutOut publishes a cut-off, and returns how long after since each replica refused,
// and when the store wrote the cut-off, to the millisecond below.
func (e *experiment) shutOut(ctx context.Context, v *victim, since time.Time) (after []time.Duration, written time.Time, err error) {
	receipt, err := e.publisher.Publish(ctx, revocation.Cutoff{
		Issuer: e.issuer, Select: revocation.Client(v.machine.id), IssuedUpTo: time.Now(), Note: "leaked",
	})
	if err != nil {
		v.machine.close()
		return nil, written, err
	}
	e.report.published(time.Since(since))
	e.recov.Go(func() {
		defer v.machine.close()
		v.machine.recover(ctx, v.own, e.report)
	})
	after = v.wait(since, e.report)
	e.old = append(e.old, v.theft)
	// The ID begins with the store's clock, which is this machine's.
	id, _, _ := strings.Cut(receipt.ID, "-")
	at, err := strconv.ParseInt(id, 10, 64)
	return after, time.UnixMilli(at), err
}

// round measures one cut-off.
func (e *experiment) round(ctx context.Context) error {
	v, err := e.victim(ctx)
	if err != nil {
		return err
	}
	since := time.Now()
	after, written, err := e.shutOut(ctx, v, since)
	if err != nil {
		return err
	}
	e.report.round(after, written.Sub(since))
	return nil
}

// recovery kills the store, and measures from its return.
func (e *experiment) recovery(ctx context.Context, down time.Duration) error {
	e.recov.Wait() // the store is the only thing that fails
	v, err := e.victim(ctx)
	if err != nil {
		return err
	}
	killed := time.Now()
	e.store.Kill()
	e.stillRefused(ctx, e.old[max(0, len(e.old)-10):])
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(down - time.Since(killed)):
	}
	e.store.Restart()
	since := time.Now() // it has just answered: it is asked every 10 ms
	var wg sync.WaitGroup
	confirmed := make([]time.Duration, len(e.members))
	for i, m := range e.members {
		wg.Go(func() { confirmed[i] = e.confirmed(ctx, m, killed, since) })
	}
	after, _, err := e.shutOut(ctx, v, since)
	wg.Wait()
	if err != nil {
		return err
	}
	e.report.recovery(after, confirmed)
	e.stillRefused(ctx, e.old[max(0, len(e.old)-10):])
	return nil
}

// confirmed returns how long after since a replica's view was confirmed by a question
// that was sent after the store was killed.
func (e *experiment) confirmed(ctx context.Context, m *member, killed, since time.Time) time.Duration {
	for time.Since(since) < giveUp && ctx.Err() == nil {
		v, err := e.view(ctx, m)
		if err != nil {
			e.report.lose("%s: its view: %v", m.name, err)
			break
		}
		if v.Fresh && v.Confirmed > killed.UnixNano() {
			return time.Since(since)
		}
		time.Sleep(10 * time.Millisecond)
	}
	e.report.lose("%s has no view within %v of the store's return", m.name, giveUp)
	return giveUp
}

// stillRefused calls every replica with tokens that it has refused before.
func (e *experiment) stillRefused(ctx context.Context, thefts []*theft) {
	for _, t := range thefts {
		for i, m := range e.members {
			if err := t.refused(ctx, i, m); err != nil && ctx.Err() == nil {
				e.report.lose("%s: a token that was shut out is back: %v", m.name, err)
			}
			e.report.again()
		}
	}
}

// seen waits until every replica has reported the last cut-off.
func (e *experiment) seen(ctx context.Context) {
	receipt, err := e.publisher.Publish(ctx, revocation.Cutoff{Issuer: e.issuer, Select: revocation.Token("the last"), Note: "leaked"})
	if err != nil {
		e.report.lose("the last cut-off: %v", err)
		return
	}
	for deadline := time.Now().Add(giveUp); ; time.Sleep(100 * time.Millisecond) {
		seen, err := e.publisher.Seen(ctx, receipt.ID)
		if err == nil && len(seen.Have) == len(e.members) && len(seen.Missing) == 0 {
			return
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			var names []string
			for _, r := range slices.Concat(seen.Missing, seen.Silent) {
				names = append(names, r.Name)
			}
			e.report.lose("%d of %d replicas report the last cut-off; missing %v; %v", len(seen.Have), len(e.members), names, err)
			return
		}
	}
}
