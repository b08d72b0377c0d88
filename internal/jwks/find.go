package jwks

import (
	"context"
	"time"
)

const (
	maxWaiters = 256
	waitWarm   = 1 * time.Second
	waitCold   = 2 * time.Second
)

// Query names the key that a token needs.
type Query struct {
	KeyID     string    // "" if the token names none
	Algorithm string    // that the token is signed with
	IssuedAt  time.Time // the token's "iat", or zero
	Now       time.Time // by Options.Now, when the call came
}

// Find returns the key that q asks for, and the set that holds it. It takes no
// lock if the set in force holds the key. Otherwise, if the key may be newer
// than the set, it waits for one fetch, for a second at most, or for two if
// there are no keys at all. The error is a [*MissingError], [ErrClosed], or
// that of ctx.
func (s *Source) Find(ctx context.Context, q Query) (Key, *Set, error) {
	if set := s.current.Load(); set != nil {
		if key, v := set.Lookup(q.KeyID, q.Algorithm); v == Found {
			return key, set, nil
		}
	}
	return s.search(ctx, q)
}

// search is Find for a key that the set in force lacks.
func (s *Source) search(ctx context.Context, q Query) (Key, *Set, error) {
	arrived := time.Now()
	w := wait{source: s, ctx: ctx, arrived: arrived}
	defer w.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.closed {
			return Key{}, nil, ErrClosed
		}
		set := s.current.Load()
		key, why := s.verdict(set, q, arrived)
		switch why {
		case 0:
			return key, set, nil
		case OtherAlgorithm, Dropped, NotOne, NotPublished, NoLongerPublished:
			if s.health.asOf.Before(arrived) { // else there is nothing newer to learn
				s.rouse()
			}
			return Key{}, nil, s.missing(why, set, q)
		case unconfirmed:
			// The second look is due in a moment, and would not bring the key.
			if time.Until(s.health.next) > 2*apart {
				s.rouse()
			}
			return Key{}, nil, s.missing(MayBeNewer, set, q)
		}
		if err := ctx.Err(); err != nil {
			return Key{}, nil, err
		}
		if !w.forFetch(set == nil) {
			return Key{}, nil, s.missing(why, set, q)
		}
	}
}

// Check returns nil if the set in force holds key, and otherwise what Find
// would say of a token that was verified under it, without waiting.
func (s *Source) Check(key Key, q Query) error {
	set := s.current.Load()
	if set != nil && set.Holds(key) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	set = s.current.Load()
	switch _, why := s.verdict(set, q, time.Now()); why {
	case 0, OtherAlgorithm, NotOne:
		return s.missing(NoLongerPublished, set, q) // another key took its place
	case unconfirmed:
		return s.missing(MayBeNewer, set, q)
	default:
		return s.missing(why, set, q)
	}
}

// Suspect says that a signature was bad under a key of the set. The key may
// have been replaced under its ID, so the set is fetched again, within the
// budget. It waits for nothing.
func (s *Source) Suspect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rouse()
}

// verdict finds the key that q asks for in set, or says why it can't be used.
// What is known of a key ID has an age: only a response that is new enough
// proves that the authority does not publish it. The caller holds mu.
func (s *Source) verdict(set *Set, q Query, arrived time.Time) (Key, Why) {
	if set == nil {
		return Key{}, NoKeys
	}
	key, v := set.Lookup(q.KeyID, q.Algorithm)
	switch v {
	case Found:
		return key, 0
	case Mismatch:
		return Key{}, OtherAlgorithm
	case Unusable:
		return Key{}, Dropped
	case Ambiguous:
		return Key{}, NotOne
	}
	lost := s.memory.lost[q.KeyID]
	differ := s.memory.differs(arrived)
	switch {
	case lost != nil && !differ && lost.confirmed:
		return Key{}, NoLongerPublished
	case lost != nil && !differ:
		return Key{}, unconfirmed
	case !s.absent(q, arrived, differ):
		return Key{}, MayBeNewer
	case lost != nil:
		return Key{}, NoLongerPublished
	default:
		return Key{}, NotPublished
	}
}

// absent reports whether a key that the set lacks is known not to be
// published: the response is of a time at least Backdating after the token was
// issued. Without "iat", and if the authority's replicas differ, only a
// response of after the call's arrival proves it. The caller holds mu.
func (s *Source) absent(q Query, arrived time.Time, differ bool) bool {
	h := &s.health
	if (differ || q.IssuedAt.IsZero()) && h.asOf.Before(arrived) {
		return false
	}
	// On the token's clock there are two measures of when that was, and the
	// earlier counts: the wall clock may have been set since, and the monotonic
	// one stands still while a machine is suspended.
	asOf := q.Now.Add(h.asOf.Sub(arrived))
	if h.asOfWall.Before(asOf) {
		asOf = h.asOfWall
	}
	return q.IssuedAt.IsZero() || !asOf.Before(q.IssuedAt.Add(s.opts.Backdating))
}

// rouse starts a fetch for a call that is refused at once, if the budget has one
// to spare. The caller holds mu.
func (s *Source) rouse() {
	if s.flight == nil && s.budget.takeSpare(time.Now()) {
		s.launch(flight{whole: true})
	}
}

// wait is the patience of one call of Find.
type wait struct {
	source  *Source
	ctx     context.Context
	arrived time.Time
	timer   *time.Timer
	waited  bool // for as long as it may
	last    *flight
}

// forFetch waits for the fetch under way, or starts one if the budget has one.
// It returns false if there is nothing to wait for: the fetch that it waited
// for began after the call came, or its time is up, or too many wait already.
// The caller holds the Source's mu, which is released meanwhile.
func (w *wait) forFetch(cold bool) bool {
	s := w.source
	if w.waited || w.last != nil && w.last.whole && !w.last.at().Before(w.arrived) {
		return false
	}
	f := s.flight
	if f == nil {
		if !s.budget.take(time.Now()) {
			return false
		}
		f = s.launch(flight{whole: true})
	}
	if s.waiters >= maxWaiters {
		return false
	}
	if w.timer == nil {
		longest := waitWarm
		if cold {
			longest = waitCold
		}
		w.timer = time.NewTimer(time.Until(w.arrived.Add(longest)))
	}
	s.waiters++
	s.mu.Unlock()
	select {
	case <-f.done:
	case <-w.timer.C:
		w.waited = true
	case <-w.ctx.Done():
	}
	s.mu.Lock()
	s.waiters--
	w.last = f
	return true
}

func (w *wait) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
}
