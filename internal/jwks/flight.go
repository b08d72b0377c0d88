package jwks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
)

// flight is one fetch, from the moment it is asked for.
type flight struct {
	whole  bool // not conditional: callers wait to learn what is published now
	second bool // the second look after a removal
	final  bool // of Refresh: its response alone confirms a removal

	asked time.Time
	began time.Time     // when the request went out; zero until then, and if it never did
	done  chan struct{} // closed at the end
	err   error         // valid once done is closed, like age
	age   time.Duration // of the response
}

// at returns when the request went out, or when it was asked for while it has
// not.
func (f *flight) at() time.Time {
	if f.began.IsZero() {
		return f.asked
	}
	return f.began
}

// launch asks the owner for a fetch. The caller holds mu and has seen that
// there is none.
func (s *Source) launch(f flight) *flight {
	f.asked, f.done = time.Now(), make(chan struct{})
	s.flight = &f
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return s.flight
}

// outcome is how a fetch ended.
type outcome struct {
	wall time.Time // when it began, by Options.Now
	doc  Document
	keys *jose.KeySet // nil if doc.NotModified or err
	err  error
}

const (
	// grace is how long a fetch may take to stop after its time is up. One that
	// has not returned by then ignores its context, and is left behind.
	grace = 100 * time.Millisecond

	// maxBehind bounds the goroutines that such fetches keep.
	maxBehind = 32
)

var (
	errStuck   = fmt.Errorf("%d earlier fetches ignored their context and have not returned", maxBehind)
	errTimeout = errors.New("the fetch took too long")
	errExited  = errors.New("the fetch ended its goroutine")
)

// fly makes one fetch and hands in its outcome. It ends in bounded time, even
// if the Fetcher does not.
func (s *Source) fly(ctx context.Context, landed chan<- outcome) {
	var o outcome
	defer func() { landed <- o }()

	s.mu.Lock()
	failing := s.health.failures > 0
	s.mu.Unlock()
	release := s.opts.Slots.acquire(ctx, failing)
	if release == nil {
		o.err = ctx.Err()
		return
	}
	defer release()
	s.mu.Lock()
	if s.behind >= maxBehind {
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
	c := &attempt{source: s, returned: make(chan outcome, 1)}
	go c.run(ctx, etag)
	select {
	case o = <-c.returned:
		return
	case <-ctx.Done():
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case o = <-c.returned:
	case <-late.C:
		if o = (outcome{err: errTimeout}); !c.leave() {
			o = <-c.returned
		}
	}
}

// attempt is one call of the Fetcher.
type attempt struct {
	source   *Source
	returned chan outcome // buffered
	left     bool         // nobody waits for it; guarded by the Source's mu
	ended    bool         // it has returned; likewise
}

// leave gives the attempt up. It returns false if it has just returned.
func (a *attempt) leave() bool {
	a.source.mu.Lock()
	defer a.source.mu.Unlock()
	if a.ended {
		return false
	}
	a.left = true
	a.source.behind++
	return true
}

func (a *attempt) run(ctx context.Context, etag string) {
	o := outcome{err: errExited}
	defer func() {
		a.source.mu.Lock()
		defer a.source.mu.Unlock()
		a.ended = true
		if a.left {
			a.source.behind--
			return
		}
		a.returned <- o
	}()
	o = a.source.call(ctx, etag)
}

// call calls the clock and the Fetcher, which are not ours, and reads the
// document.
func (s *Source) call(ctx context.Context, etag string) (o outcome) {
	defer func() {
		if r := recover(); r != nil {
			o.err = fmt.Errorf("the fetch panicked: %.64q", fmt.Sprint(r))
		}
	}()
	o.wall = s.opts.Now()
	if o.doc, o.err = s.opts.Fetch(ctx, etag); o.err != nil {
		if ctx.Err() != nil {
			o.err = errTimeout
		}
		return o
	}
	if o.doc.NotModified {
		return o
	}
	if len(o.doc.Body) > s.opts.MaxBytes {
		o.err = fmt.Errorf("the key set is longer than %d bytes", s.opts.MaxBytes)
		return o
	}
	o.keys, o.err = jose.ParseKeySet(o.doc.Body, s.opts.Keys)
	return o
}

// wholeEvery is how often a complete response is fetched at least: some
// servers make ETags of a file's size and its time, which a rotation may leave
// unchanged.
const wholeEvery = 1 * time.Hour

// condition returns the ETag to send with f, or "" for an unconditional fetch:
// for an unknown key and for Refresh, without keys, after a failure, and once
// in wholeEvery. The caller holds mu.
func (s *Source) condition(f *flight) string {
	h := &s.health
	if s.current.Load() == nil || h.etag == "" || h.failures > 0 || time.Since(h.complete) >= min(wholeEvery, s.opts.MaxStale/2) {
		f.whole = true
	}
	if f.whole {
		return ""
	}
	return h.etag
}
