package jwks

import (
	"slices"
	"time"
)

// State is where a Source stands.
type State int

const (
	Cold    State = iota // it never had keys
	Fresh                // confirmed on time
	Stale                // overdue or failing, and still serving
	Expired              // not confirmed within MaxStale: serving nothing
	Closed
)

// Status is a Source at one moment.
type Status struct {
	State     State
	Set       *Set      // in use; nil if none is
	Problems  []Problem // of the last document, whether it could be used or not
	Confirmed time.Time // when the fetch began that last confirmed the keys
	LastError error     // of the last fetch, if it failed
	Next      time.Time // when the timer fetches again; not in the future while it does
	Fetches   int
	Unknown   uint64 // how often a key was asked for that the set lacked
}

// Status returns the present state.
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
			KeyID: s.memory.back,
			Text:  "it came back after it was removed: the authority's replicas publish different sets",
		})
	}
	switch {
	case s.closed:
		st.State = Closed
	case st.Set == nil && s.health.expired:
		st.State = Expired
	case st.Set == nil:
		st.State = Cold
	case s.health.failures > 0 || time.Since(s.health.next) > s.opts.Timeout:
		st.State = Stale
	default:
		st.State = Fresh
	}
	return st
}
