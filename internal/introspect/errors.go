package introspect

import (
	"errors"
	"fmt"
	"time"
)

// The errors of Ask, beside those of the context and of the authority.
var (
	ErrClosed = errors.New("the verifier is closed")
	errSlow   = errors.New("the authority has not answered in time")
	errFull   = errors.New("too many questions wait for the authority")

	// ErrFlood is wrapped by the error for a token that is not known to be active,
	// while so many of those that were asked about are not.
	ErrFlood = fmt.Errorf("too many tokens are not active: the authority is asked about at most %d a second of those that are new here", perSecond)
)

// Error reports that the authority could not be asked, or did not answer well. After
// is when it is asked again at the earliest.
type Error struct {
	Err   error
	After time.Duration
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// PanicError reports that Options.Ask has panicked.
type PanicError struct{ Value string }

func (e *PanicError) Error() string { return "panic: " + e.Value }

// StatusError reports an answer that is none: its HTTP status, and what was wrong.
type StatusError struct {
	Status     int
	RetryAfter time.Duration // that the authority requests; 0 if it requests none
	Err        error
}

func (e *StatusError) Error() string { return e.Err.Error() }
func (e *StatusError) Unwrap() error { return e.Err }

// ErrAnswer is wrapped by errors about an answer that can't be understood.
var ErrAnswer = errors.New("the answer can't be understood")
