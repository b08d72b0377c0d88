package revocation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// sourceState is what Status tells of the Source.
type sourceState struct {
	position  string
	lastError error
	failures  int
	missing   int // in the last snapshot
}

// follow keeps the list current until ctx ends.
func (l *List) follow(ctx context.Context) {
	defer close(l.done)
	for ctx.Err() == nil {
		r := &run{list: l}
		err := r.follow(ctx)
		r.end()
		if ctx.Err() != nil {
			return
		}
		l.mu.Lock()
		l.source.lastError = err
		l.source.failures++
		l.mu.Unlock()
		// The delay is short: once the store is back, the view must be, too. It is
		// random, so that the replicas do not return at the same moment.
		select {
		case <-ctx.Done():
		case <-time.After(retryDelay/2 + rand.N(retryDelay/2)):
		}
	}
}

const retryDelay = 400 * time.Millisecond

// run is one call of Follow. Its updates count only while it runs, and only after a
// snapshot.
type run struct {
	list     *List
	snapshot bool // guarded by list.mu, as is ended
	ended    bool
}

func (r *run) follow(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("revocation: the source panicked: %v", p)
		}
	}()
	if err := r.list.cfg.Source.Follow(ctx, r.apply); err != nil {
		return err
	}
	return errors.New("revocation: the source ended without an error")
}

func (r *run) end() {
	r.list.mu.Lock()
	r.ended = true
	r.list.mu.Unlock()
}

// apply adds what the source delivers. Cut-offs that are good count even if the
// update is refused: only the view does not, and it needs a new snapshot then. A
// source that goes on after an error cannot confirm what it did not deliver.
func (r *run) apply(u Update) error {
	l := r.list
	now, running := l.cfg.Now(), time.Now()
	var age time.Duration // of the answer
	if !u.Sent.IsZero() {
		age = max(0, now.Sub(u.Sent), now.Round(0).Sub(u.Sent.Round(0)))
	}
	var good []Cutoff
	var errs []error
	for _, c := range u.Cutoffs {
		complete, err := l.complete([]Cutoff{c}, now)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		good = append(good, complete[0])
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.ended || l.closed {
		return ErrClosed
	}
	if u.Snapshot {
		if lost := l.entries.missing(good, now); len(lost) > 0 && len(errs) == 0 {
			l.source.missing = len(lost)
			errs = append(errs, &MissingError{lost})
		}
	}
	if l.makeRoom(good, now) {
		l.put(good, now, true)
	} else {
		l.replace(func(v *view) { v.broken = true })
		errs = append(errs, fmt.Errorf("%w: the source has more than MaxEntries, %d", ErrFull, l.cfg.MaxEntries))
	}
	if len(errs) == 0 && !r.snapshot && !u.Snapshot {
		errs = append(errs, errors.New("revocation: the source delivers changes before a snapshot"))
	}
	err := errors.Join(errs...)
	if r.snapshot = err == nil; err != nil {
		l.source.lastError = err
		return err
	}
	l.confirm(running.Add(-age), now.Add(-age).UnixNano(), u.Position)
	return nil
}

// confirm makes the view as new as sent, which has a monotonic reading.
func (l *List) confirm(sent time.Time, sentWall int64, position string) {
	l.source.position, l.source.lastError, l.source.missing = position, nil, 0
	first := false
	l.replace(func(v *view) {
		first = !v.loaded
		// Updates can overtake each other: the view is never told older than it is,
		// and never newer.
		if first || sent.Sub(v.sent) >= 0 {
			v.sent, v.sentWall = sent, sentWall
		}
		v.loaded, v.broken = true, false
	})
	if first {
		close(l.loaded)
	}
}
