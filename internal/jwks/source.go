// Package jwks keeps an issuer's key set warm.
//
// Readers load one atomic pointer to an immutable [Set]: a lookup of a known key
// takes no lock and does no I/O. One owner goroutine per [Source] makes all
// fetches, independently of any caller's context. [Source.Find] is the way to a
// key: it waits for a fetch if the key may be newer than the set.
//
// The files, in the order of a call: find.go (wait and verdict), budget.go (how
// many fetches callers may cause), flight.go (one fetch), owner.go (when to
// fetch, and what to do with the outcome), known.go (keys that were removed),
// missing.go (the error).
package jwks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
)

// Options configures a Source. No field has a default, and no bound is checked:
// both are done by the verifier's configuration.
type Options struct {
	Fetch      Fetcher
	Address    string   // of the key set, for errors; "" if it has none
	Algorithms []string // that the issuer signs with, by canonical name
	Keys       jose.Options
	MaxBytes   int

	Interval       time.Duration // between two fetches
	IntervalIsCap  bool          // Interval was configured, so that the authority can't make it longer
	MaxStale       time.Duration
	Timeout        time.Duration // of one whole fetch
	Backdating     time.Duration // how long before its key's publication a token may be dated
	Slots          *Slots        // shared by all Sources of a Verifier
	Looked         func()        // called by the owner after every fetch, expiry and Close; must return at once; may be nil
	Observe        func(Status)  // called after every new set, failed fetch and change of state, in order; may be nil
	Now            func() time.Time
	RandomFraction func() float64
}

// Source keeps one issuer's key set fresh until Close. All methods are safe
// for concurrent use.
type Source struct {
	opts     Options
	current  atomic.Pointer[Set] // written by the owner alone
	wake     chan struct{}       // wakes the owner after flight was set
	stop     context.CancelFunc
	stopped  chan struct{}
	notifier *notifier // nil without Observe

	mu        sync.Mutex
	closed    bool
	changed   chan struct{} // closed and replaced whenever current or closed changes
	flight    *flight       // the fetch that is under way or about to begin; nil if none
	abandoned int           // calls of opts.Fetch that were abandoned and have not returned
	waiters   int
	budget    budget
	flood     flood
	memory    memory
	health    health
}

// health records the outcome of the fetches so far, and when the next is due.
type health struct {
	confirmed  time.Time // when the fetch began that last confirmed the keys; zero if none did
	asOf       time.Time // the date of the last complete response: earlier, if a cache sent it
	asOfWall   time.Time // the same by Options.Now
	complete   time.Time // when the fetch of the last complete response began
	etag       string
	hint       time.Duration // the RefreshHint of the document that etag names
	failures   int           // in a row
	lastErr    error
	refused    []Problem // of the last document, if no key of it could be used
	next       time.Time // when the timer starts a fetch; in the past during one
	secondLook bool      // the next fetch is to confirm a removal
	fetches    int
	unknown    uint64 // searches for keys that the set lacked
}

// New starts a Source and its first fetch, and returns at once.
func New(opts Options) *Source {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Source{
		opts:    opts,
		wake:    make(chan struct{}, 1),
		stop:    cancel,
		stopped: make(chan struct{}),
		changed: make(chan struct{}),
		health:  health{next: time.Now()},
	}
	if opts.Observe != nil {
		s.notifier = newNotifier(opts.Observe)
	}
	s.launch(flight{}) // before the owner starts, so that the first call can wait for it
	go s.run(ctx)
	return s
}

// Current returns the set in force. It is nil before the first successful fetch,
// once the keys are older than MaxStale, and after Close. Current takes no lock.
func (s *Source) Current() *Set { return s.current.Load() }

// cachedError is the error of a Refresh that a cache answered.
type cachedError struct{ age time.Duration }

func (e cachedError) Error() string {
	return fmt.Sprintf("a cache answered with keys from %s ago, though the request said no-cache: "+
		"what the authority publishes now is not known", rough(e.age))
}

// Refresh fetches now, regardless of schedule and budget, and returns the fetch's
// error. If a cache answered in the authority's place, Refresh uses the keys and
// returns an error: it can't know what is published now.
func (s *Source) Refresh(ctx context.Context) error {
	arrived, ended := time.Now(), ctx.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.closed {
			return ErrClosed
		}
		f := s.flight
		if f == nil {
			f = s.launch(flight{})
		}
		if f.began.IsZero() {
			f.unconditional, f.refresh = true, true
		}
		s.mu.Unlock()
		var err error
		select {
		case <-f.done:
		case <-ended:
			err = ctx.Err()
		}
		s.mu.Lock()
		switch {
		case err != nil:
			return err
		case !f.refresh || f.at().Before(arrived):
			// It may have missed what the caller knows to be published.
		case f.err == nil && f.age > 0:
			return cachedError{f.age}
		default:
			return f.err
		}
	}
}

// Ready waits until there are keys. With a ctx that has ended it returns at
// once.
func (s *Source) Ready(ctx context.Context) error {
	for {
		s.mu.Lock()
		closed, changed := s.closed, s.changed
		s.mu.Unlock()
		switch {
		case closed:
			return ErrClosed
		case s.current.Load() != nil:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), s.Status().LastError)
		}
	}
}

// Close stops the owner and waits for it. Calls that wait for keys return
// ErrClosed. Close may be called more than once.
func (s *Source) Close() {
	s.stop()
	<-s.stopped
	s.notifier.close()
}
