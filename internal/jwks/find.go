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
	Algorithm string    // of the token's signature
	IssuedAt  time.Time // the token's "iat", or zero
	Now       time.Time // by Options.Now, when the call arrived
}

// Find returns the key that q names, and the set that holds it. If the set in
// force holds the key, Find takes no lock. If the key may be newer than the
// set, Find waits for one fetch: for a second at most, or for two seconds if
// there are no keys at all. The error is a [*MissingError], [ErrClosed], or the
// error of ctx.
func (s *Source) Find(ctx context.Context, q Query) (Key, *Set, error) {
	if set := s.current.Load(); set != nil {
		if key, why := set.Lookup(q.KeyID, q.Algorithm); why == Found {
			return key, set, nil
		}
	}
	return s.search(ctx, q)
}

// search finds a key that the set in force lacks.
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
		case Found:
			return key, set, nil
		case NotOne:
			return Key{}, nil, s.missing(why, set, q)
		case OtherAlgorithm, Dropped, NotPublished, NoLongerPublished:
			if s.health.asOf.Before(arrived) { // else a fetch would bring nothing newer
				s.launchSpare()
			}
			return Key{}, nil, s.missing(why, set, q)
		case unconfirmed:
			// A second look is usually due in a moment, and would not bring the
			// key back.
			if time.Until(s.health.next) > 2*apart {
				s.launchSpare()
			}
			return Key{}, nil, s.missing(MayBeNewer, set, q)
		}
		// NoKeys or MayBeNewer: a fetch may bring the key.
		if err := ctx.Err(); err != nil {
			return Key{}, nil, err
		}
		if !w.forFetch(set == nil) {
			return Key{}, nil, s.missing(why, set, q)
		}
	}
}

// Peek returns what Find would, from what is known now. It neither waits nor
// fetches, and counts nothing.
func (s *Source) Peek(q Query) (Key, *Set, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Key{}, nil, ErrClosed
	}
	set := s.current.Load()
	key, why := s.verdict(set, q, time.Now())
	switch why {
	case Found:
		return key, set, nil
	case unconfirmed:
		why = MayBeNewer
	}
	return Key{}, nil, s.missingError(why, set, q, time.Now())
}

// Check returns nil if the set in force holds key. Otherwise it returns the
// error that Find would return for a token that was verified with key. It never
// waits.
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
	case Found, OtherAlgorithm, NotOne:
		return s.missing(NoLongerPublished, set, q) // another key took its place
	case unconfirmed:
		return s.missing(MayBeNewer, set, q)
	default:
		return s.missing(why, set, q)
	}
}

// Removed reports whether key, which an earlier set held, no longer counts: the
// authority has removed or replaced it, or no set is in force. It returns false
// while a removal is not confirmed, and true after that also if the authority's
// replicas differ. Unlike Check it counts nothing.
func (s *Source) Removed(key Key) bool {
	if set := s.current.Load(); set != nil && set.Holds(key) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.current.Load()
	if set == nil {
		return true
	}
	if set.Holds(key) {
		return false
	}
	if _, why := set.Lookup(key.ID, key.Algorithm); why != unknown {
		return true // another key took its place, or it can't be used
	}
	// A key that is in no set and not remembered as lost was lost long ago.
	lost := s.memory.lost[key.ID]
	return lost == nil || lost.confirmed
}

// Suspect reports a bad signature under a key of the set. The authority may
// have replaced the key under its ID, so Suspect starts a fetch if the budget
// has one to spare. It does not wait for it.
func (s *Source) Suspect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.launchSpare()
}

// verdict finds the key that q names in set, or returns why it can't be used.
// That a key is missing counts only if the response is recent enough to prove
// that the authority does not publish it. The caller holds mu.
func (s *Source) verdict(set *Set, q Query, arrived time.Time) (Key, Why) {
	if set == nil {
		return Key{}, NoKeys
	}
	key, why := set.Lookup(q.KeyID, q.Algorithm)
	if why != unknown {
		return key, why
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

// absent reports whether the last complete response proves that a key which it
// lacks is not published: it dates from at least Backdating after the token was
// issued. Without "iat", and while the authority's replicas differ, it must
// also date from after the call's arrival. The caller holds mu.
func (s *Source) absent(q Query, arrived time.Time, differ bool) bool {
	h := &s.health
	if (differ || q.IssuedAt.IsZero()) && h.asOf.Before(arrived) {
		return false
	}
	// There are two measures of the response's date on the token's clock, and
	// the earlier counts. The wall clock may have been set since, and the
	// monotonic clock stands still while a machine is suspended.
	asOf := q.Now.Add(h.asOf.Sub(arrived))
	if h.asOfWall.Before(asOf) {
		asOf = h.asOfWall
	}
	return q.IssuedAt.IsZero() || !asOf.Before(q.IssuedAt.Add(s.opts.Backdating))
}

// launchSpare starts a fetch for a call that is refused at once, if none is
// under way and the budget has one to spare. The caller holds mu.
func (s *Source) launchSpare() {
	if s.flight == nil && s.budget.takeSpare(time.Now()) {
		s.launch(flight{unconditional: true})
	}
}

// wait bounds how long one call of Find waits.
type wait struct {
	source   *Source
	ctx      context.Context
	arrived  time.Time
	timer    *time.Timer
	timedOut bool
	last     *flight // that the call waited for
}

// forFetch waits for the fetch under way, or starts one if the budget has one.
// It returns false if there is nothing left to wait for: the call has already
// waited for a fetch that began after its arrival, its time is up, the budget is
// spent, or too many calls wait. The caller holds the Source's mu, which
// forFetch releases while it waits.
func (w *wait) forFetch(cold bool) bool {
	s := w.source
	if w.timedOut || w.last != nil && w.last.unconditional && !w.last.at().Before(w.arrived) {
		return false
	}
	f := s.flight
	if f == nil {
		if !s.budget.take(time.Now()) {
			return false
		}
		f = s.launch(flight{unconditional: true})
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
		w.timedOut = true
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
