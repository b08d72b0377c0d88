package jwks

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
)

// Options says how a Source keeps its set. Nothing in it has a default: the
// verifier's configuration does, and checks the bounds.
type Options struct {
	Fetch      Fetcher
	Algorithms []string // what the issuer signs with, by canonical name
	Keys       jose.Options
	MaxBytes   int

	Interval       time.Duration // between two fetches
	IntervalIsCap  bool          // Interval was chosen, so the authority can't make it longer
	MaxStale       time.Duration
	Timeout        time.Duration // of one whole fetch
	UnknownWindow  time.Duration
	Slots          chan struct{}    // a fetch holds one place in it; shared by all Sources of a Verifier
	Observe        func(Status)     // told after every swap and every failed fetch, in order; may be nil
	Now            func() time.Time // the wall clock of LastGood; all else follows the monotonic one
	RandomFraction func() float64
}

// What [Source.Next] and the others return.
var (
	ErrUnchanged   = errors.New("the key set was fetched, and is the same")
	ErrUnavailable = errors.New("the key set can't be fetched now")
	ErrBusy        = errors.New("too many calls wait for the key set")
	ErrClosed      = errors.New("closed")
)

const (
	maxWaiters   = 256
	unknownDraws = 2 // fetches in UnknownWindow: one for a rotation, one to spare
	waitWarm     = 1 * time.Second
	waitCold     = 2 * time.Second
)

// Wait is the patience of one caller: since when it waits, and until when at
// the most, however often the keys change meanwhile.
type Wait struct{ Since, until time.Time }

// NewWait begins the wait of a caller who misses a key in seen.
func NewWait(seen *Set) Wait {
	now, longest := time.Now(), waitWarm
	if seen == nil {
		longest = waitCold
	}
	return Wait{now, now.Add(longest)}
}

// Source keeps one issuer's key set fresh until Close. All methods are safe
// for concurrent use.
type Source struct {
	opts    Options
	current atomic.Pointer[Set] // written by the owner alone
	wake    chan struct{}       // tells the owner that flight was set
	stop    context.CancelFunc
	stopped chan struct{}
	teller  *teller     // nil if nobody observes
	calling atomic.Bool // a call of opts.Fetch has not returned

	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed and replaced whenever current or closed changes
	flight  *flight       // the fetch that is under way or about to be; nil if none
	draws   []*flight     // those of UnknownWindow that were for unknown keys
	waiters int
	health  health
}

// flight is one fetch, from the moment it is asked for.
type flight struct {
	asked time.Time
	began time.Time     // when the request went out; zero until then, and if it never did
	done  chan struct{} // closed at the end
	err   error         // valid once done is closed
}

// at is the moment that counts for the budget: the request's, or that of the
// asking while it has not gone out.
func (f *flight) at() time.Time {
	if f.began.IsZero() {
		return f.asked
	}
	return f.began
}

// health is what Status tells, and what schedules the next fetch.
type health struct {
	confirmed     time.Time // when the fetch began that last confirmed the keys; zero if none did
	asOf          time.Time // when the authority itself said so: earlier, if the answer came from a cache
	asOfWall      time.Time // the same by Options.Now
	unconditional time.Time // when the last fetch of a full document began
	etag          string
	failures      int // in a row
	lastErr       error
	refused       []Problem // of the last document, if no key of it could be used
	next          time.Time // when the timer fetches again
	hold          time.Time // until when the authority asked to be left alone
	expired       bool
	fetches       int
}

// New starts a Source. It does no I/O: the first fetch is the owner's first
// act.
func New(opts Options) *Source {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Source{
		opts:    opts,
		wake:    make(chan struct{}, 1),
		stop:    cancel,
		stopped: make(chan struct{}),
		changed: make(chan struct{}),
	}
	if opts.Observe != nil {
		s.teller = newTeller(opts.Observe)
	}
	s.launch() // so that a call that comes at once has something to wait for
	go s.own(ctx)
	return s
}

// Current is the set to use now: nil while there is none, once it is too old
// to be used, and after Close. It takes no lock.
func (s *Source) Current() *Set { return s.current.Load() }

// launch asks the owner for a fetch. The caller holds mu and has seen that
// there is none.
func (s *Source) launch() *flight {
	s.flight = &flight{asked: time.Now(), done: make(chan struct{})}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return s.flight
}

// Next is for a caller that misses a key in seen, which it got from Current.
// It returns nil if Current is another one, now or after a fetch that it
// waited for. Otherwise it returns ErrUnchanged if that fetch confirmed the
// set, ErrUnavailable if it failed, is not done in time or may not be made,
// ErrBusy if too many wait already, ErrClosed, or the error of ctx. One caller
// has one Wait for all its calls of Next.
func (s *Source) Next(ctx context.Context, seen *Set, w Wait) error {
	now, ended := w.Since, ctx.Done() // an older now only makes fewer fetches
	s.mu.Lock()
	defer s.mu.Unlock()
	var timeout <-chan time.Time
	var awaited *flight
	var gaveUp error
	for {
		if s.closed {
			return ErrClosed
		}
		if current := s.current.Load(); current != nil && current != seen {
			return nil
		}
		if gaveUp != nil {
			return gaveUp
		}
		if seen != nil && s.health.confirmed.After(w.Since) {
			return ErrUnchanged // it comes of a fetch for this caller, who now misses another key in it
		}
		if awaited != nil && !awaited.at().Before(w.Since) {
			return awaited.verdict() // it began after this call: there is no newer knowledge
		}
		f := s.flight
		if f == nil {
			if !s.mayDraw(now) {
				if awaited != nil {
					return awaited.verdict()
				}
				return ErrUnavailable
			}
			f = s.launch()
			s.draws = append(s.draws, f)
		}
		if s.waiters >= maxWaiters {
			return ErrBusy
		}
		if timeout == nil {
			timer := time.NewTimer(time.Until(w.until))
			defer timer.Stop()
			timeout = timer.C
		}
		s.waiters++
		s.mu.Unlock()
		select {
		case <-f.done:
		case <-timeout:
			gaveUp = ErrUnavailable
		case <-ended:
			gaveUp = ctx.Err()
		}
		s.mu.Lock()
		s.waiters--
		awaited, now = f, time.Now()
	}
}

func (f *flight) verdict() error {
	if f.err != nil {
		return ErrUnavailable
	}
	return ErrUnchanged
}

// mayDraw reports whether one more fetch may be made for an unknown key. The
// caller holds mu.
func (s *Source) mayDraw(now time.Time) bool {
	kept := s.draws[:0]
	for _, f := range s.draws {
		if now.Sub(f.at()) < s.opts.UnknownWindow {
			kept = append(kept, f)
		}
	}
	clear(s.draws[len(kept):])
	s.draws = kept
	return len(s.draws) < unknownDraws && !now.Before(s.health.hold)
}

// LastGood is when the fetch began that last confirmed seen, less the age of an
// answer from a cache: what was published before then is in it. wall is the
// same by Options.Now, which tells another time since then if that clock was
// set, or if the machine was suspended: the monotonic one stands still
// meanwhile. It is false if seen is not the set in use, for then the fetch that
// counts is another's.
func (s *Source) LastGood(seen *Set) (at, wall time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen == nil || seen != s.current.Load() {
		return time.Time{}, time.Time{}, false
	}
	return s.health.asOf, s.health.asOfWall, true
}

// Refresh fetches now, whatever the schedule and the budget say, and returns
// the fetch's error.
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
			f = s.launch()
		}
		s.mu.Unlock()
		var err error
		select {
		case <-f.done:
		case <-ended:
			err = ctx.Err()
		}
		s.mu.Lock()
		if err != nil {
			return err
		}
		if !f.at().Before(arrived) {
			return f.err
		}
		// It began before this call, and may not have seen what the caller
		// knows to be published.
	}
}

// Ready waits until there is a set to use. With a ctx that has ended it
// answers at once.
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

// Close stops the owner and waits for it. Whoever waits for keys is told
// ErrClosed.
func (s *Source) Close() {
	s.stop()
	<-s.stopped
	s.teller.close()
}
