package redisfleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/m2mauth/m2mauth/revocation"
)

// Revocations delivers the cut-offs of the store to a [revocation.List]. Make one with
// [NewRevocations] for each List. It holds connections only while the List follows it.
type Revocations struct {
	opts      Options
	following atomic.Bool
	started   bool
	failed    int // calls of Follow in a row that found the server, but no view

	// What the List has, for the report of a Publisher. Only Follow uses it.
	opening string
	applied streamID
	sent    time.Time // of the last round that confirmed the view
}

var _ revocation.Source = (*Revocations)(nil)

// NewRevocations returns Revocations, or an error that reports every mistake in opts. It
// does not connect: a service starts while the store is down.
func NewRevocations(opts Options) (*Revocations, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Revocations{opts: opts}, nil
}

// Replica returns the name of this process in the report of [Publisher.Seen].
func (r *Revocations) Replica() string { return r.opts.Replica }

const (
	// startJitter spreads the snapshots of replicas that start together.
	startJitter = 200 * time.Millisecond

	// standing is the delay after an error that a new connection does not heal.
	standing = 2 * time.Second

	// blockTime is how long a round waits for an entry.
	blockTime = time.Second
)

// Follow connects, applies a snapshot of the stream, and then every new entry, until
// ctx ends or an error. Only one call may run at a time. Each call makes a connection
// of its own, and leaves none.
func (r *Revocations) Follow(ctx context.Context, apply func(revocation.Update) error) error {
	if r == nil || r.opts.Name == "" {
		return errors.New("redisfleet: Revocations do not come from NewRevocations")
	}
	if !r.following.CompareAndSwap(false, true) {
		return errors.New("redisfleet: these Revocations serve another List")
	}
	defer r.following.Store(false)
	var wait time.Duration
	if !r.started { // later calls are spread by the List
		r.started, wait = true, rand.N(startJitter)
	}
	if r.failed > 0 {
		wait += rand.N(standing/2) + min(standing/2, time.Duration(r.failed)*startJitter)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
	}
	s, err := dial(ctx, &r.opts)
	if err != nil {
		return err
	}
	defer s.close()
	failed := r.failed
	r.failed++
	f := &follower{r: r, session: s, apply: apply}
	for err == nil {
		err = f.follow(ctx)
	}
	if ctx.Err() != nil {
		s.farewell("HDEL", r.opts.seen(), r.opts.Replica)
		return ctx.Err()
	}
	if errors.Is(err, errLoading) { // the store is about to return
		r.failed = failed
	}
	return err
}

// follower is one call of Follow.
type follower struct {
	r *Revocations
	*session
	apply   func(revocation.Update) error
	now     time.Time // the store's, in the last round
	opening entry     // of the snapshot
	last    streamID  // of the last entry that was read
	count   int       // entries up to last
}

// follow applies a snapshot and then rounds. It returns nil if entries were deleted:
// a new snapshot then shows which.
func (f *follower) follow(ctx context.Context) error {
	all, err := f.readAll(ctx)
	if errors.Is(err, ErrTooMany) {
		f.keep(all)
	}
	if err != nil {
		return err
	}
	if f.now.IsZero() { // for the note of the first round
		results, err := f.do(ctx, 0, f.command("TIME"))
		if err != nil {
			return err
		}
		if f.now, err = storeTime(results[0]); err != nil {
			return f.opts.refused("TIME", err)
		}
	}
	f.opening, f.last, f.count = entry{}, streamID{}, len(all)
	if len(all) > 0 {
		f.opening, f.last = all[0], all[len(all)-1].id
	}
	// The snapshot is complete with the first round: only then has the server been
	// checked.
	again, err := f.round(ctx, all, true, 0)
	for err == nil && !again {
		again, err = f.round(ctx, nil, false, blockTime)
	}
	return err
}

// round asks for new entries and whether the server may still be believed, in one
// pipeline, and confirms the view as of the moment of sending. Entries that arrive
// count even if it may not.
func (f *follower) round(ctx context.Context, before []entry, snapshot bool, block time.Duration) (again bool, err error) {
	sent := time.Now()
	note := noteOf{f.r.opening, f.r.applied, f.now}
	commands := append([]rueidis.Completed{f.command("HSET", f.opts.seen(), f.opts.Replica, note.String())}, f.checkCommands()...)
	commands = append(commands, f.readCommand(f.last, block))
	results, err := f.do(ctx, f.waitTime()+block, commands...)
	if err != nil {
		f.keep(before)
		return false, err
	}
	news, err := f.entries(results[len(results)-1])
	all := append(before, news...)
	if err != nil {
		f.keep(all)
		return false, err
	}
	if err := results[0].Error(); err != nil {
		f.keep(all)
		return false, f.opts.refused("HSET", err)
	}
	c, err := f.checked(results[1 : len(results)-1])
	if err == nil {
		err = f.believe(c, news)
	}
	cutoffs, bad := cutoffsOf(all)
	if err = errors.Join(err, bad); err != nil {
		f.keep(all)
		return false, err
	}
	known := f.count // how many entries there were when the server was checked
	for _, e := range news {
		f.count++
		f.last = e.id
		if !c.last.less(e.id) {
			known++
		}
	}
	full := len(news) == pageSize // there may be more: the next round confirms
	if !full && known != c.length {
		f.keep(all)
		f.opening = entry{}
		return true, nil
	}
	if full && snapshot {
		f.keep(all)
		return true, nil
	}
	if full {
		sent = f.r.sent
	}
	update := revocation.Update{Snapshot: snapshot, Cutoffs: cutoffs, Position: f.last.String(), Sent: sent}
	if err := f.apply(update); err != nil {
		return false, f.report(ctx, c, err)
	}
	f.r.opening, f.r.applied, f.r.sent, f.now, f.r.failed = f.opening.opening, f.last, sent, c.now, 0
	return false, nil
}

// believe returns an error unless the stream is the one of the snapshot, and nothing
// was lost.
func (f *follower) believe(c checks, news []entry) error {
	switch {
	case !f.opening.isOpening():
		return fmt.Errorf("%w: its first entry is not the opening", ErrNotInitialized)
	case c.first.opening != f.opening.opening:
		return fmt.Errorf("%w: it was made anew", ErrNotInitialized)
	case c.last.less(f.last):
		return fmt.Errorf("%w: its last entry is %v, and %v was read", ErrLost, c.last, f.last)
	case c.lost != "":
		return fmt.Errorf("%w: told by a replica", ErrLost)
	case f.count+len(news) > f.opts.MaxEntries+1:
		return fmt.Errorf("%w: more than %d", ErrTooMany, f.opts.MaxEntries)
	}
	return nil
}

// keep gives entries to the List without confirming its view: once a cut-off was seen,
// it counts.
func (f *follower) keep(entries []entry) {
	cutoffs, _ := cutoffsOf(entries)
	if len(cutoffs) == 0 {
		return
	}
	sent := f.r.sent
	if sent.IsZero() {
		sent = time.Unix(0, 0)
	}
	// Before a snapshot, the List takes them and returns an error.
	_ = f.apply(revocation.Update{Cutoffs: cutoffs, Position: f.r.applied.String(), Sent: sent})
}

// report sets the mark if the List holds cut-offs that the store has lost.
func (f *follower) report(ctx context.Context, c checks, err error) error {
	missing, ok := errors.AsType[*revocation.MissingError](err)
	if !ok {
		return err
	}
	lost := 0
	for _, cutoff := range missing.Cutoffs {
		// A cut-off that has ended by the store's clock was removed in order.
		if !ended(cutoff, c.now) {
			lost++
		}
	}
	if lost == 0 {
		return fmt.Errorf("redisfleet: this machine's clock is behind the store's: %w", err)
	}
	results, failure := f.do(ctx, 0, f.command("SET", f.opts.lost(), fmt.Sprintf("%s %s", f.opts.Replica, strconv.FormatInt(c.now.UnixMilli(), 10))))
	if failure == nil {
		failure = results[0].Error()
	}
	if failure != nil {
		failure = fmt.Errorf("redisfleet: the mark for it was not set: %w", f.opts.shown(failure))
	}
	return errors.Join(fmt.Errorf("%w: %w", ErrLost, err), failure)
}

// cutoffsOf returns the cut-offs of entries, and an error for those that were not
// understood.
func cutoffsOf(entries []entry) (cutoffs []revocation.Cutoff, err error) {
	cutoffs = make([]revocation.Cutoff, 0, len(entries))
	bad := 0
	for _, e := range entries {
		switch {
		case e.err != nil:
			if bad++; bad == 1 {
				err = fmt.Errorf("%w: %w", ErrNotUnderstood, e.err)
			}
		case e.opening != "" && !e.isOpening():
			if bad++; bad == 1 {
				err = fmt.Errorf("%w: entry %v is a second opening", ErrNotUnderstood, e.id)
			}
		case e.opening == "":
			cutoffs = append(cutoffs, e.cutoff)
		}
	}
	return cutoffs, err
}
