package revocation

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// List holds cut-offs. Make one with [New]. It is safe for concurrent use, and may
// serve several Verifiers. A List that does not come from New, nil included, holds
// nothing and is not fresh.
type List struct {
	cfg     Config
	view    atomic.Pointer[view] // replaced under mu, never changed
	entries *entries             // written under mu

	mu     sync.Mutex
	loaded chan struct{} // closed by the first view
	swept  time.Time     // when entries were last forgotten
	source sourceState
	closed bool

	stop context.CancelFunc
	done chan struct{} // closed when the goroutine has ended
}

// New returns a List, or an error that reports every mistake in cfg. With a Source,
// it starts a goroutine that follows it until Close; it does not wait for the first
// view: [List.Ready] does.
func New(cfg Config) (*List, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &List{cfg: cfg, entries: newEntries(), loaded: make(chan struct{}), done: make(chan struct{})}
	// A remembered token has generation 0 until it was looked for.
	l.view.Store(&view{generation: 1, changed: make(chan struct{}), unlimited: cfg.Source == nil})
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	if cfg.Source == nil {
		close(l.loaded)
		close(l.done)
		return l, nil
	}
	go l.follow(ctx)
	return l, nil
}

func (l *List) isUnmade() bool { return l == nil || l.stop == nil }

// MaxTokenLife returns the longest life that a token may have.
func (l *List) MaxTokenLife() time.Duration {
	if l == nil {
		return 0
	}
	return l.cfg.MaxTokenLife
}

// Find returns the cut-off that refuses a token, if there is one. It does not look
// at Until. It never waits for a snapshot, for Add or for Status, but for the write of
// one entry at most.
func (l *List) Find(t Issued) (Cutoff, bool) {
	if l.isUnmade() || l.entries.len() == 0 {
		return Cutoff{}, false
	}
	if c, ok := l.entries.find(t.Issuer, &t); ok {
		return c, true
	}
	for _, name := range t.Aliases {
		if c, ok := l.entries.find(name, &t); ok {
			return c, true
		}
	}
	return Cutoff{}, false
}

// Add adds cut-offs to this list alone: a Source does not learn of them. Tokens that
// they select are refused from the moment that Add returns. If one of them is
// malformed, or if there are too many, none is added. A cut-off that the list holds
// already can only become wider. The error wraps [ErrClosed] or [ErrFull] in these
// cases.
func (l *List) Add(cutoffs ...Cutoff) error {
	if l.isUnmade() {
		return ErrClosed
	}
	now := l.cfg.Now()
	complete, err := l.complete(cutoffs, now)
	if err != nil {
		return err
	}
	for i, c := range complete {
		if ahead := c.IssuedUpTo.Sub(now); ahead > maxAhead {
			return fmt.Errorf("revocation: Cutoff[%d].IssuedUpTo is %v ahead: want at most %v; until then, even new tokens would be refused", i, ahead.Round(time.Second), maxAhead)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	if !l.makeRoom(complete, now) {
		return fmt.Errorf("%w: it holds %d entries, and MaxEntries is %d", ErrFull, l.entries.len(), l.cfg.MaxEntries)
	}
	l.put(complete, now, false)
	return nil
}

// maxAhead bounds how far in the future a cut-off's bound may be.
const maxAhead = time.Hour

// complete checks and completes cut-offs.
func (l *List) complete(cutoffs []Cutoff, now time.Time) ([]Cutoff, error) {
	var errs []error
	complete := slices.Clone(cutoffs)
	for i, c := range complete {
		if err := c.Check(); err != nil {
			errs = append(errs, fmt.Errorf("%v: %w", c, err))
		}
		complete[i] = c.Complete(now, l.cfg.MaxTokenLife)
	}
	return complete, errors.Join(errs...)
}

// put adds cut-offs. The new generation is visible only once they are.
func (l *List) put(cutoffs []Cutoff, now time.Time, shared bool) {
	changed := false
	for _, c := range cutoffs {
		if l.entries.put(c, now, l.cfg.MaxTokenLife+slack, shared) {
			changed = true
		}
	}
	if changed {
		l.replace(func(v *view) { v.generation++ })
	}
}

// sweepEvery is how often entries are forgotten while there is room.
const sweepEvery = time.Minute

// makeRoom removes the entries that have ended, if it is time or the cut-offs do not
// fit, and reports whether they fit.
func (l *List) makeRoom(cutoffs []Cutoff, now time.Time) bool {
	full := l.exceeds(cutoffs)
	if !full && time.Since(l.swept) < sweepEvery {
		return true
	}
	l.swept = time.Now()
	l.entries.forget(now)
	return !full || !l.exceeds(cutoffs)
}

// exceeds reports whether the list would hold too many entries with the cut-offs.
func (l *List) exceeds(cutoffs []Cutoff) bool {
	return l.entries.len()+len(cutoffs) > l.cfg.MaxEntries && l.entries.wouldHold(cutoffs) > l.cfg.MaxEntries
}

// All returns the cut-offs that the list holds, in no order: for redisfleet's
// Restore, after the store has lost them.
func (l *List) All() iter.Seq[Cutoff] {
	if l.isUnmade() {
		return func(func(Cutoff) bool) {}
	}
	l.mu.Lock()
	all := l.entries.all()
	l.mu.Unlock()
	return slices.Values(all)
}

// Ready waits until the list has a view, or ctx ends. The error then names why. After
// Close it returns [ErrClosed].
func (l *List) Ready(ctx context.Context) error {
	if l.isUnmade() || l.isClosed() {
		return ErrClosed
	}
	select { // a view counts even if ctx has ended
	case <-l.loaded:
		return nil
	default:
	}
	select {
	case <-l.loaded:
		return nil
	case <-l.done:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("revocation: no view of the source yet: %w", errors.Join(l.Status().LastError, ctx.Err()))
	}
}

func (l *List) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Close ends the goroutine of the list and waits for it. The list is not fresh
// afterwards. Close may be called more than once. It returns nil.
func (l *List) Close() error {
	if l.isUnmade() {
		return nil
	}
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		l.replace(func(v *view) { v.broken = true; v.generation++ })
	}
	l.mu.Unlock()
	l.stop()
	<-l.done
	return nil
}
