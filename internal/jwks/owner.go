package jwks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
)

// grace is how long a fetch that was told to stop is waited for. What has not
// returned by then ignores its context, and is left behind.
const grace = 100 * time.Millisecond

// own is the owner: the one goroutine that decides when to fetch, and the only
// one that writes s.current.
func (s *Source) own(ctx context.Context) {
	defer close(s.stopped)
	next := time.NewTimer(time.Hour)
	defer next.Stop()
	expiry := time.NewTimer(time.Hour)
	expiry.Stop()
	defer expiry.Stop()

	var landed chan outcome // of the fetch that is under way; nil if none
	for {
		select {
		case <-ctx.Done():
			if landed != nil {
				<-landed
			}
			s.shut()
			if s.teller != nil {
				close(s.teller.states)
			}
			return
		case <-expiry.C:
			s.expire()
		case <-next.C:
			s.mu.Lock()
			if s.flight == nil {
				s.launch()
			}
			s.mu.Unlock()
		case <-s.wake:
			if landed == nil {
				landed = make(chan outcome, 1)
				go s.fly(ctx, landed)
			}
		case o := <-landed:
			landed = nil
			if ctx.Err() == nil { // else Close cut it short, which says nothing of the authority
				s.land(o, next, expiry)
			}
		}
	}
}

// outcome is how a fetch ended.
type outcome struct {
	wall time.Time // when it began, by Options.Now
	doc  Document
	keys *jose.KeySet // nil if doc.NotModified or err
	err  error
}

var (
	errStuck   = errors.New("an earlier fetch has not returned")
	errTimeout = errors.New("the fetch took too long")
)

// fly makes one fetch and hands in its outcome. It ends in bounded time, even
// if the Fetcher does not.
func (s *Source) fly(ctx context.Context, landed chan<- outcome) {
	var o outcome
	defer func() { landed <- o }()

	select {
	case s.opts.Slots <- struct{}{}:
		defer func() { <-s.opts.Slots }()
	case <-ctx.Done():
		o.err = ctx.Err()
		return
	}
	if !s.calling.CompareAndSwap(false, true) {
		o.err = errStuck
		return
	}
	s.mu.Lock()
	s.flight.began = time.Now()
	s.health.fetches++
	etag := s.conditional()
	s.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	returned := make(chan outcome, 1)
	go func() { returned <- s.call(ctx, etag) }()
	select {
	case o = <-returned:
		return
	case <-ctx.Done():
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case o = <-returned:
	case <-late.C:
		o.err = errTimeout
	}
}

// call calls the clock and the Fetcher, which are not ours, and reads what it
// returns.
func (s *Source) call(ctx context.Context, etag string) (o outcome) {
	defer s.calling.Store(false)
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

// conditional is the etag to send, or "" for an unconditional fetch: without
// keys; once in half a MaxStale, so that an endless 304 can't keep a set alive;
// and after a failure, which may have been the condition's. The caller holds
// mu.
func (s *Source) conditional() string {
	if s.current.Load() == nil || s.health.failures > 0 || time.Since(s.health.unconditional) >= s.opts.MaxStale/2 {
		return ""
	}
	return s.health.etag
}

var (
	errNoUsableKey = errors.New("the key set holds no usable key")
	errGone        = errors.New("the keys that a 304 confirms have just expired")
	errOutdated    = errors.New("a cache has answered with other keys, older than those in use")
)

// land takes in the outcome of the flight, and sets both timers.
func (s *Source) land(o outcome, next, expiry *time.Timer) {
	s.mu.Lock()
	f, h := s.flight, &s.health
	set, asOf := s.current.Load(), f.began.Add(-o.doc.Age)
	var published []Problem // of the document
	switch {
	case o.err != nil:
	case o.doc.NotModified && set == nil:
		o.err = errGone
	case !o.doc.NotModified:
		fresh := newSet(o.keys, s.opts.Algorithms, set)
		published = fresh.Problems
		switch {
		case len(fresh.keys) == 0:
			o.err = unusableError(fresh.Problems)
		case set == nil:
			set = fresh
		case fresh.digest == set.digest:
		case asOf.Before(h.asOf) && f.began.Sub(h.confirmed) < maxFresh:
			// Another node of a CDN, say: with its keys in place of those that
			// the authority has published since, good tokens would be refused.
			// But a cache that never answers otherwise is believed in the end.
			o.err = errOutdated
		default:
			set = fresh
		}
	}
	if o.err != nil && o.keys != nil && set != nil {
		// The keys in force stay, except those that anybody can sign with now.
		set = set.withoutLeaked(o.keys, published)
	}
	swapped := set != s.current.Load()
	now := time.Now()
	h.refused = nil
	if errors.Is(o.err, errNoUsableKey) {
		h.refused = published
	}
	if o.err == nil {
		h.next = now.Add(s.interval(o.doc.FreshFor, h.confirmed.IsZero()))
		h.confirmed, h.failures, h.lastErr, h.hold = f.began, 0, nil, time.Time{}
		if swapped || asOf.After(h.asOf) {
			h.asOf, h.asOfWall = asOf, o.wall.Add(-o.doc.Age)
		}
		if !o.doc.NotModified {
			h.unconditional, h.etag = f.began, o.doc.ETag
		}
		expiry.Reset(time.Until(f.began.Add(s.opts.MaxStale)))
	} else {
		h.failures++
		h.lastErr = o.err
		h.next = now.Add(s.backoff(o.err, set != nil && len(set.keys) > 0))
	}
	next.Reset(time.Until(h.next))
	switch {
	case swapped && len(set.keys) == 0:
		h.expired = true
		s.store(nil)
	case swapped:
		h.expired = false
		s.store(set)
	}
	s.flight = nil
	f.err = o.err
	close(f.done)
	s.mu.Unlock()
	if swapped || o.err != nil {
		s.observe()
	}
}

// store puts set in force. The caller holds mu.
func (s *Source) store(set *Set) {
	s.current.Store(set)
	close(s.changed)
	s.changed = make(chan struct{})
}

// expire takes the keys out of service once they are older than MaxStale.
func (s *Source) expire() {
	s.mu.Lock()
	s.health.expired = true
	s.store(nil)
	s.mu.Unlock()
	s.observe()
}

// shut is the owner's last act.
func (s *Source) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.store(nil)
	if f := s.flight; f != nil {
		s.flight = nil
		f.err = ErrClosed
		close(f.done)
	}
}

// observe tells of the new state.
func (s *Source) observe() {
	if s.teller != nil {
		s.teller.tell(s.Status())
	}
}
