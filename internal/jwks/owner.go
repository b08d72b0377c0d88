package jwks

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// timers are the owner's.
type timers struct {
	next    *time.Timer // the next fetch
	overdue *time.Timer // that fetch has not been made
	expiry  *time.Timer // the keys are too old to be used
}

// own is the owner: the one goroutine that decides when to fetch, and the only
// one that writes s.current.
func (s *Source) own(ctx context.Context) {
	defer close(s.stopped)
	t := timers{time.NewTimer(time.Hour), time.NewTimer(time.Hour), time.NewTimer(time.Hour)}
	for _, timer := range []*time.Timer{t.next, t.overdue, t.expiry} {
		timer.Stop()
		defer timer.Stop()
	}
	var landed chan outcome // of the fetch that is under way; nil if none
	told := Cold
	for {
		news := false
		select {
		case <-ctx.Done():
			if landed != nil {
				<-landed
			}
			s.shut()
			s.observe()
			if s.teller != nil {
				close(s.teller.states)
			}
			return
		case <-t.expiry.C:
			s.expire()
		case <-t.overdue.C:
		case <-t.next.C:
			s.mu.Lock()
			if s.flight == nil {
				s.launch(flight{whole: s.health.look, second: s.health.look})
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
				news = s.land(o, t)
			}
		}
		if now := s.Status().State; news || now != told {
			told = now
			s.observe()
		}
	}
}

var (
	errNoUsableKey = errors.New("the key set holds no usable key")
	errGone        = errors.New("the keys that a 304 confirms have just expired")
	errOutdated    = errors.New("a cache has answered with other keys, older than those in use")
)

// land takes in the outcome of the flight, and sets the timers. It reports
// whether there is news: another set, or a failure.
func (s *Source) land(o outcome, t timers) (news bool) {
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
		h.expired = set == nil
		s.store(set)
	}
	t.next.Reset(time.Until(h.next))
	t.overdue.Reset(time.Until(h.next) + s.opts.Timeout + 1)
	s.flight = nil
	f.err, f.age = err, o.doc.Age
	close(f.done)
	return set != before || err != nil
}

// accept returns the set that is in force after o, and why o is a failed fetch
// if it is one. The caller holds mu.
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
	fresh := newSet(o.keys, s.opts.Algorithms, set)
	err := s.replace(set, fresh, s.flight.began.Add(-o.doc.Age))
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
		// The keys in force stay, except those that anybody can sign with now.
		if set = set.withoutLeaked(o.keys, fresh.Problems); len(set.keys) == 0 {
			set = nil
		}
	}
	return set, err
}

// replace returns why fresh, of a response of the time asOf, can't take the
// place of set, which is nil if there are no keys. The caller holds mu.
func (s *Source) replace(set, fresh *Set, asOf time.Time) error {
	h := &s.health
	switch {
	case len(fresh.keys) == 0:
		return unusableError(fresh.Problems)
	case set == nil || fresh.digest == set.digest:
		return nil
	case asOf.Before(h.asOf) && s.flight.began.Sub(h.confirmed) < maxFresh:
		// Another node of a CDN, say: with its keys in place of those that the
		// authority has published since, good tokens would be refused. But a
		// cache that never answers otherwise is believed in the end.
		return errOutdated
	default:
		return nil
	}
}

// confirm notes that the good fetch o has brought or confirmed set. The caller
// holds mu.
func (s *Source) confirm(o outcome, set *Set, now time.Time) {
	f, h := s.flight, &s.health
	h.next = now.Add(s.interval(o.doc.FreshFor, h.confirmed.IsZero()))
	h.confirmed, h.failures, h.lastErr = f.began, 0, nil
	s.budget.held = time.Time{}
	if f.second {
		h.look = false
	}
	if !o.doc.NotModified {
		// A 304 proves only that the authority, or something on the way to it,
		// takes the ETag for current: it says nothing of a key that is missing.
		asOf := f.began.Add(-o.doc.Age)
		if set != s.current.Load() || asOf.After(h.asOf) {
			h.asOf, h.asOfWall = asOf, o.wall.Add(-o.doc.Age)
		}
		h.complete, h.etag = f.began, o.doc.ETag
		removed := s.memory.learn(set, asOf, now, f.final && o.doc.Age == 0)
		// Where replicas differ, a second look would only show the other one.
		// Nor does a second look draw a third: an authority that publishes new
		// keys each time would be fetched from for ever.
		if removed && !f.second && !s.memory.differs(now) {
			h.look = true
		}
	}
	if h.look = h.look && !s.memory.settled(); h.look {
		h.next = now.Add(apart)
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
	defer s.mu.Unlock()
	s.health.expired = true
	s.store(nil)
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

// observe hands the state to the observer.
func (s *Source) observe() {
	if s.teller != nil {
		s.teller.tell(s.Status())
	}
}
