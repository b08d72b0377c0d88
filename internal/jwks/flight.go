package jwks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
)

// flight is one fetch, from its request to its outcome. A Source has at most
// one.
type flight struct {
	unconditional bool // sends no ETag, so that the response shows what is published now
	secondLook    bool // follows a removal, to confirm it
	refresh       bool // of Refresh: its response alone confirms a removal

	asked time.Time
	began time.Time     // when the request was sent; zero until then
	done  chan struct{} // closed at the end
	err   error         // valid once done is closed, like age
	age   time.Duration // of the response
}

// at returns when the request was sent, or when it was asked for if it was not
// sent yet.
func (f *flight) at() time.Time {
	if f.began.IsZero() {
		return f.asked
	}
	return f.began
}

// launch asks the owner for a fetch. The caller holds mu and has checked that
// none is under way.
func (s *Source) launch(f flight) *flight {
	f.asked, f.done = time.Now(), make(chan struct{})
	s.flight = &f
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return s.flight
}

// outcome holds the result of a fetch.
type outcome struct {
	wall time.Time // when it began, by Options.Now
	doc  Document
	keys *jose.KeySet // nil if doc.NotModified or err
	err  error
}

const (
	// grace is how long a fetch may take to stop after its timeout. A fetch
	// that ignores its context for longer is abandoned.
	grace = 100 * time.Millisecond

	// maxAbandoned bounds the goroutines of abandoned fetches.
	maxAbandoned = 32
)

var (
	errStuck  = fmt.Errorf("%d earlier fetches ignored their context and have not returned", maxAbandoned)
	errExited = errors.New("the fetch ended its goroutine")
)

// ErrTimeout is the error of a fetch that took longer than Options.Timeout.
var ErrTimeout = errors.New("the fetch took too long")

// DocumentError reports a response that holds no key set.
type DocumentError struct{ Err error }

func (e *DocumentError) Error() string { return e.Err.Error() }
func (e *DocumentError) Unwrap() error { return e.Err }

// fly makes one fetch and sends its outcome to landed. It ends in bounded time,
// even if the Fetcher does not.
func (s *Source) fly(ctx context.Context, landed chan<- outcome) {
	var o outcome
	defer func() { landed <- o }()

	s.mu.Lock()
	proven := s.health.lastErr == nil && !s.health.confirmed.IsZero()
	s.mu.Unlock()
	release := s.opts.Slots.acquire(ctx, proven)
	if release == nil {
		o.err = ctx.Err()
		return
	}
	defer release()
	s.mu.Lock()
	if s.abandoned >= maxAbandoned {
		s.mu.Unlock()
		o.err = errStuck
		return
	}
	s.flight.began = time.Now()
	s.health.fetches++
	etag := s.condition(s.flight)
	s.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	a := &attempt{source: s, returned: make(chan outcome, 1)}
	go a.run(ctx, etag)
	select {
	case o = <-a.returned:
		return
	case <-ctx.Done():
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case o = <-a.returned:
	case <-late.C:
		if o = (outcome{err: ErrTimeout}); !a.abandon() {
			o = <-a.returned
		}
	}
}

// attempt is one call of the Fetcher.
type attempt struct {
	source    *Source
	returned  chan outcome // buffered
	abandoned bool         // nothing waits for it; guarded by the Source's mu
	ended     bool         // it has returned; guarded likewise
}

// abandon stops waiting for the attempt. It returns false if the attempt has
// just returned.
func (a *attempt) abandon() bool {
	a.source.mu.Lock()
	defer a.source.mu.Unlock()
	if a.ended {
		return false
	}
	a.abandoned = true
	a.source.abandoned++
	return true
}

func (a *attempt) run(ctx context.Context, etag string) {
	o := outcome{err: errExited} // stays if the Fetcher calls runtime.Goexit
	defer func() {
		a.source.mu.Lock()
		defer a.source.mu.Unlock()
		a.ended = true
		if a.abandoned {
			a.source.abandoned--
			return
		}
		a.returned <- o
	}()
	o = a.source.call(ctx, etag)
}

// call calls the configured clock and Fetcher, and parses the document. It
// turns a panic of theirs into an error.
func (s *Source) call(ctx context.Context, etag string) (o outcome) {
	defer func() {
		if r := recover(); r != nil {
			o.err = fmt.Errorf("the fetch panicked: %.64q", fmt.Sprint(r))
		}
	}()
	o.wall = s.opts.Now()
	if o.doc, o.err = s.opts.Fetch(ctx, etag); o.err != nil {
		if ctx.Err() != nil {
			o.err = ErrTimeout
		}
		return o
	}
	if o.doc.NotModified {
		return o
	}
	if len(o.doc.Body) > s.opts.MaxBytes { // of FromFunc; FromURL stops reading there
		o.err = fmt.Errorf("the key set is longer than %d bytes", s.opts.MaxBytes)
		return o
	}
	var err error
	if o.keys, err = jose.ParseKeySet(o.doc.Body, s.opts.Keys); err != nil {
		o.err = &DocumentError{err}
	}
	return o
}

// wholeEvery is the longest time between two complete responses. Some servers
// make ETags of a file's size and time, which a rotation may leave unchanged.
const wholeEvery = 1 * time.Hour

// condition returns the ETag to send with f, or "" for an unconditional fetch.
// A fetch is unconditional if it is for an unknown key or for Refresh, if there
// are no keys, after a failure, and once in wholeEvery. The caller holds mu.
func (s *Source) condition(f *flight) string {
	h := &s.health
	if s.current.Load() == nil || h.etag == "" || h.lastErr != nil || time.Since(h.complete) >= min(wholeEvery, s.opts.MaxStale/2) {
		f.unconditional = true
	}
	if f.unconditional {
		return ""
	}
	return h.etag
}
