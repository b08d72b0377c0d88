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

// Options says how a Source keeps its set. Nothing in it has a default: the
// verifier's configuration does, and checks the bounds.
type Options struct {
	Fetch      Fetcher
	Address    string   // where Fetch fetches from, for errors; "" if it has no name
	Algorithms []string // what the issuer signs with, by canonical name
	Keys       jose.Options
	MaxBytes   int

	Interval       time.Duration // between two fetches
	IntervalIsCap  bool          // Interval was chosen, so the authority can't make it longer
	MaxStale       time.Duration
	Timeout        time.Duration // of one whole fetch
	Backdating     time.Duration // how much earlier than its key's publication a token may be dated
	Slots          *Slots        // shared by all Sources of a Verifier
	Observe        func(Status)  // called after every swap, failed fetch and change of state, in order; may be nil
	Now            func() time.Time
	RandomFraction func() float64
}

// Source keeps one issuer's key set fresh until Close. All methods are safe
// for concurrent use.
type Source struct {
	opts    Options
	current atomic.Pointer[Set] // written by the owner alone
	wake    chan struct{}       // wakes the owner after flight was set
	stop    context.CancelFunc
	stopped chan struct{}
	teller  *teller // nil if nobody observes

	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed and replaced whenever current or closed changes
	flight  *flight       // the fetch that is under way or about to be; nil if none
	behind  int           // calls of opts.Fetch that were left behind and have not returned
	waiters int
	budget  budget
	flood   flood
	memory  memory
	health  health
}

// health is what Status shows, and what schedules the next fetch.
type health struct {
	confirmed time.Time // when the fetch began that last confirmed the keys; zero if none did
	asOf      time.Time // of which time the last complete response is: earlier, if a cache gave it
	asOfWall  time.Time // the same by Options.Now
	complete  time.Time // when the fetch of the last complete response began
	etag      string
	failures  int // in a row
	lastErr   error
	refused   []Problem // of the last document, if no key of it could be used
	next      time.Time // when the timer fetches again; not in the future while it does
	look      bool      // the next fetch is the second look after a removal
	expired   bool
	fetches   int
	unknown   uint64 // searches for keys that the set lacked
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
		health:  health{next: time.Now()},
	}
	if opts.Observe != nil {
		s.teller = newTeller(opts.Observe)
	}
	s.launch(flight{}) // so that a call that comes at once has something to wait for
	go s.own(ctx)
	return s
}

// Current returns the set to use now: nil while there is none, once it is too
// old to be used, and after Close. It takes no lock.
func (s *Source) Current() *Set { return s.current.Load() }

// cachedError is the error of a Refresh that a cache on the way answered.
type cachedError struct{ age time.Duration }

func (e cachedError) Error() string {
	return fmt.Sprintf("a cache answered with keys from %s ago, though the request said no-cache: "+
		"what the authority publishes now is not known", rough(e.age))
}

// Refresh fetches now, whatever the schedule and the budget say, and returns
// the fetch's error. It returns an error as well if a cache answered for the
// authority.
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
			f.whole, f.final = true, true
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
		case !f.final || f.at().Before(arrived):
			// It may not have seen what the caller knows to be published.
		case f.err == nil && f.age > 0:
			return cachedError{f.age}
		default:
			return f.err
		}
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

// Close stops the owner and waits for it. Callers that wait for keys get
// ErrClosed.
func (s *Source) Close() {
	s.stop()
	<-s.stopped
	s.teller.close()
}
