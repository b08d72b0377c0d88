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
// update is refused: only the view does not.
func (r *run) apply(u Update) error {
	l := r.list
	now, sent := l.cfg.Now(), u.Sent
	if sent.IsZero() || sent.After(now) {
		sent = now
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
			errs = append(errs, &MissingError{lost})
		}
	}
	if l.forget(now, len(good)); l.exceeds(good) {
		l.replace(func(v *view) { v.broken = true })
		return fmt.Errorf("%w: the source has more than MaxEntries, %d", ErrFull, l.cfg.MaxEntries)
	}
	l.put(good, now, true)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	r.snapshot = r.snapshot || u.Snapshot
	if !r.snapshot {
		return errors.New("revocation: the source delivers changes before a snapshot")
	}
	l.confirm(sent, u.Position)
	return nil
}

// replace changes the view.
func (l *List) replace(change func(*view)) {
	v := *l.view.Load()
	change(&v)
	l.view.Store(&v)
}

// confirm makes the view as new as sent.
func (l *List) confirm(sent time.Time, position string) {
	l.source.position, l.source.lastError = position, nil
	first := false
	l.replace(func(v *view) {
		first = !v.loaded
		// Updates can overtake each other: the view is never told older than it is,
		// and never newer.
		if first || sent.Sub(v.sent) > 0 {
			v.sent, v.sentWall = sent, sent.UnixNano()
		}
		v.loaded, v.broken = true, false
	})
	if first {
		close(l.loaded)
	}
}
