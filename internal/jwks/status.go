package jwks

import (
	"slices"
	"time"
)

// State is the state of a Source.
type State int

const (
	Cold    State = iota // it never had keys
	Fresh                // confirmed on time
	Stale                // overdue or failing, and still in use
	Expired              // not confirmed within MaxStale: no keys are in use
	Closed
)

// Status describes a Source at one moment.
type Status struct {
	State     State
	Set       *Set      // in use; nil if none is
	Problems  []Problem // of the last document, even if it could not be used
	Confirmed time.Time // when the fetch began that last confirmed the keys
	LastError error     // of the last fetch, if it failed
	Next      time.Time // when the timer starts a fetch; in the past during one
	Fetches   int
	Unknown   uint64 // searches for keys that the set lacked
}

// Status returns the state now.
func (s *Source) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{
		Set:       s.current.Load(),
		Confirmed: s.health.confirmed,
		LastError: s.health.lastErr,
		Next:      s.health.next,
		Fetches:   s.health.fetches,
		Unknown:   s.health.unknown,
		Problems:  s.health.refused,
	}
	if st.Set != nil && st.Problems == nil {
		st.Problems = st.Set.Problems
	}
	if s.memory.differs(time.Now()) {
		st.Problems = append(slices.Clip(st.Problems), Problem{
			KeyID: s.memory.returned,
			Text:  "it came back after it was removed: the authority's replicas publish different sets",
		})
	}
	switch {
	case s.closed:
		st.State = Closed
	case st.Set == nil && s.health.confirmed.IsZero():
		st.State = Cold
	case st.Set == nil:
		st.State = Expired
	case s.health.lastErr != nil || time.Since(s.health.next) > s.opts.Timeout:
		st.State = Stale
	default:
		st.State = Fresh
	}
	return st
}
