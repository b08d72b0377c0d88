package introspect

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// Backoff begins when this many tokens in a row have failed: an authority that fails
// for one strange token is not down.
const manyFailed = 3

const (
	firstPause = 1 * time.Second
	maxPause   = 10 * time.Second
	maxAsked   = 30 * time.Second // that a Retry-After may pause
)

// StatusError reports an answer that is none: its HTTP status, and what was wrong.
type StatusError struct {
	Status     int
	RetryAfter time.Duration // that the authority requests; 0 if it requests none
	Err        error
}

func (e *StatusError) Error() string { return e.Err.Error() }
func (e *StatusError) Unwrap() error { return e.Err }

// ErrAnswer is wrapped by errors about an answer that can't be understood. They
// cause no backoff: the authority is up.
var ErrAnswer = errors.New("the answer can't be understood")

// backsOff reports whether err tells that the authority is down or overloaded: a
// transport error, 429 or 5xx.
func backsOff(err error) (wait time.Duration, ok bool) {
	if s, isStatus := errors.AsType[*StatusError](err); isStatus {
		return s.RetryAfter, s.Status == http.StatusTooManyRequests || s.Status >= 500
	}
	return 0, !errors.Is(err, ErrAnswer)
}

// lane has the slots and the backoff of one kind of questions. The Asker's mutex
// guards it, except for slots.
type lane struct {
	slots  chan struct{}
	queued int // waiting for a slot

	failing []key // the last tokens that failed, at most manyFailed, all different
	pauses  int   // so far, in a row
	until   time.Time
	why     error
	probing bool // the question that ends or prolongs the backoff is on its way
}

// admit reports why no question may begin now, or whether it is the one that ends or
// prolongs the backoff.
func (l *lane) admit(now time.Time) (probe bool, err error) {
	if l.queued >= maxQueued {
		return false, &Error{Err: errFull, After: FailedFor}
	}
	if l.pauses == 0 {
		return false, nil
	}
	if wait := l.until.Sub(now); wait > 0 {
		return false, &Error{Err: l.why, After: wait}
	}
	if l.probing {
		return false, &Error{Err: l.why, After: FailedFor}
	}
	l.probing = true
	return true, nil
}

// succeeded ends the backoff.
func (l *lane) succeeded() {
	l.failing, l.pauses, l.why = l.failing[:0], 0, nil
}

// failed counts a failure, and returns how long no question begins.
func (l *lane) failed(k key, err error, now time.Time) (pause time.Duration) {
	asked, ok := backsOff(err)
	if !ok {
		return 0
	}
	if l.pauses == 0 {
		if !slices.Contains(l.failing, k) {
			l.failing = append(l.failing, k)
		}
		if len(l.failing) < manyFailed {
			return 0
		}
	}
	if wait := l.until.Sub(now); wait > 0 {
		return wait // a question that began before the pause
	}
	// Full jitter, so that replicas do not probe in step.
	longest := min(firstPause<<min(l.pauses, 8), maxPause)
	pause = max(rand.N(longest), longest/4, min(asked, maxAsked))
	l.pauses++
	l.until, l.why = now.Add(pause), err
	return pause
}
