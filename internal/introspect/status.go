package introspect

import "time"

// Status describes an Asker at one moment.
type Status struct {
	Questions int       // that were sent
	Confirmed time.Time // when the last question was sent that was answered well
	LastError error     // of the last question, if it failed
	Next      time.Time // when questions are sent again, during a backoff
	Closed    bool
}

// Status returns the state of a.
func (a *Asker[T]) Status() Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.status
	s.Closed = a.closed
	for i := range a.lanes {
		if l := &a.lanes[i]; l.pauses > 0 && l.until.After(s.Next) {
			s.Next = l.until
		}
	}
	return s
}
