package jwks

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// timers of the owner.
type timers struct {
	next    *time.Timer // to start the next fetch
	overdue *time.Timer // to report that this fetch has not ended
	expiry  *time.Timer // to stop using keys older than MaxStale
}

// run is the owner goroutine. It alone starts fetches and writes s.current.
func (s *Source) run(ctx context.Context) {
	defer close(s.stopped)
	t := timers{time.NewTimer(time.Hour), time.NewTimer(time.Hour), time.NewTimer(time.Hour)}
	for _, timer := range []*time.Timer{t.next, t.overdue, t.expiry} {
		timer.Stop()
		defer timer.Stop()
	}
	var landed chan outcome // of the fetch that is under way; nil if none
	notified := Cold
	for {
		changed := false
		select {
		case <-ctx.Done():
			if landed != nil {
				<-landed
			}
			s.finish()
			s.looked()
			s.observe()
			if s.notifier != nil {
				close(s.notifier.states)
			}
			return
		case <-t.expiry.C:
			s.expire()
			s.looked()
		case <-t.overdue.C:
		case <-t.next.C:
			s.mu.Lock()
			if s.flight == nil {
				s.launch(flight{unconditional: s.health.secondLook, secondLook: s.health.secondLook})
			}
			s.mu.Unlock()
		case <-s.wake:
			if landed == nil {
				landed = make(chan outcome, 1)
				go s.fly(ctx, landed)
			}
		case o := <-landed:
			landed = nil
			if ctx.Err() == nil { // else Close cut it short, and its error says nothing about the authority
				changed = s.land(o, t)
				s.looked()
			}
		}
		if now := s.Status().State; changed || now != notified {
			notified = now
			s.observe()
		}
	}
}

var (
	errNoUsableKey = errors.New("the key set holds no usable key")
	errGone        = errors.New("the keys that a 304 confirms have just expired")
	errOutdated    = errors.New("a cache has answered with other keys, older than those in use")
)

// land ends the flight with its outcome, and sets the timers. It reports whether
// observers should know: the set was replaced, or the fetch failed.
func (s *Source) land(o outcome, t timers) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, h, now := s.flight, &s.health, time.Now()
	before := s.current.Load()
	set, err := s.accept(o)
	if err != nil && s.opts.Address != "" {
		err = fmt.Errorf("%s: %w", s.opts.Address, err)
	}
	if err == nil {
		s.confirm(o, set, now)
		t.expiry.Reset(time.Until(f.began.Add(s.opts.MaxStale)))
	} else {
		h.failures++
		h.lastErr = err
		h.next = now.Add(s.backoff(err, set != nil))
	}
	if set != before {
		s.store(set)
	}
	t.next.Reset(time.Until(h.next))
	t.overdue.Reset(time.Until(h.next) + s.opts.Timeout + 1)
	s.flight = nil
	f.err, f.age = err, o.doc.Age
	close(f.done)
	return set != before || err != nil
}

// accept returns the set that is in force after o, and an error if the fetch
// failed or its document can't be used. The caller holds mu.
func (s *Source) accept(o outcome) (*Set, error) {
	s.health.refused = nil
	set := s.current.Load()
	switch {
	case o.err != nil:
		return set, o.err
	case o.doc.NotModified && set == nil:
		return set, errGone
	case o.doc.NotModified:
		return set, nil
	}
	asOf := s.flight.began.Add(-o.doc.Age)
	fresh := newSet(s.memory.withoutRemoved(o.keys, asOf), s.opts.Algorithms, set)
	err := s.replaceable(set, fresh, asOf)
	switch {
	case err == nil && set != nil && fresh.digest == set.digest:
		return set, nil
	case err == nil:
		return fresh, nil
	}
	if errors.Is(err, errNoUsableKey) {
		s.health.refused = fresh.Problems
	}
	if set != nil {
		// The keys in force stay, except those whose secret part doc publishes.
		if set = set.withoutLeaked(o.keys, fresh.Problems); len(set.keys) == 0 {
			set = nil
		}
	}
	return set, err
}

// replaceable returns an error if fresh, from a response that dates from asOf,
// must not replace set. set is nil if there are no keys. The caller holds mu.
func (s *Source) replaceable(set, fresh *Set, asOf time.Time) error {
	h := &s.health
	switch {
	case len(fresh.keys) == 0:
		return unusableError(fresh.Problems)
	case set == nil || fresh.digest == set.digest:
		return nil
	case asOf.Before(h.asOf) && s.flight.began.Sub(h.confirmed) < maxFresh:
		// An outdated node of a CDN, for example: its keys would replace newer
		// ones, and good tokens would be refused. After maxFresh such a response
		// is accepted, since the cache may never give another.
		return errOutdated
	default:
		return nil
	}
}

// confirm records that the successful fetch o returned or confirmed set. The
// caller holds mu.
func (s *Source) confirm(o outcome, set *Set, now time.Time) {
	f, h := s.flight, &s.health
	if !o.doc.NotModified {
		h.hint = o.keys.RefreshHint
	}
	freshFor := o.doc.FreshFor
	if h.hint > 0 && (freshFor == 0 || h.hint < freshFor) {
		freshFor = h.hint // of two lifetimes, the shorter counts
	}
	h.next = now.Add(s.interval(freshFor, h.confirmed.IsZero()))
	h.confirmed, h.failures, h.lastErr = f.began, 0, nil
	s.budget.held = time.Time{}
	if f.secondLook {
		h.secondLook = false
	}
	if !o.doc.NotModified {
		// A 304 proves only that the authority, or a cache, takes the ETag for
		// current. It proves nothing about a missing key.
		asOf := f.began.Add(-o.doc.Age)
		if set != s.current.Load() || asOf.After(h.asOf) {
			h.asOf, h.asOfWall = asOf, o.wall.Add(-o.doc.Age)
		}
		h.complete, h.etag = f.began, o.doc.ETag
		removed := s.memory.learn(set, asOf, now, f.refresh && o.doc.Age == 0)
		// If replicas differ, a second look would only show another replica. A
		// second look is not followed by a third: an authority that publishes
		// new keys each time would be fetched from without end.
		if removed && !f.secondLook && !s.memory.differs(now) {
			h.secondLook = true
		}
	}
	if h.secondLook = h.secondLook && !s.memory.settled(); h.secondLook {
		h.next = now.Add(apart)
	}
}

// store puts set in force; nil means no keys. The caller holds mu.
func (s *Source) store(set *Set) {
	s.current.Store(set)
	close(s.changed)
	s.changed = make(chan struct{})
}

// expire stops using keys that are older than MaxStale.
func (s *Source) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(nil)
}

// finish closes the Source and ends the flight, if there is one.
func (s *Source) finish() {
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

// looked calls Options.Looked, if it is set.
func (s *Source) looked() {
	if s.opts.Looked != nil {
		s.opts.Looked()
	}
}

// observe passes the state to the observer, if there is one.
func (s *Source) observe() {
	if s.notifier != nil {
		s.notifier.notify(s.Status())
	}
}
