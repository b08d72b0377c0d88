package introspect

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// Backoff begins after this many failures in a row. Among tokens that are not known to
// be active, each counts once: an authority that fails for one strange token is not
// down. There, a Retry-After begins it at once.
const manyFailed = 3

const (
	firstPause = 1 * time.Second
	maxPause   = 10 * time.Second
	maxAsked   = 30 * time.Second // that a Retry-After may pause
)

// lane has the slots, the budget and the backoff of one kind of questions. The
// Asker's mutex guards it, except for slots.
type lane struct {
	slots  chan struct{}
	queued int // waiting for a slot
	budget budget
	known  bool // its tokens were active before

	failing []key // the tokens of the last failures, at most manyFailed
	pauses  int   // so far, in a row
	until   time.Time
	why     error
	probing bool // the question that ends or prolongs the backoff is on its way
}

// admit reports why no question may begin now, or whether it is the one that ends or
// prolongs the backoff.
func (l *lane) admit(now time.Time) (probe bool, err error) {
	if l.pauses > 0 {
		if wait := l.until.Sub(now); wait > 0 {
			return false, &Error{Err: l.why, After: wait}
		}
		if l.probing {
			return false, &Error{Err: l.why, After: FailedFor}
		}
	}
	if wait := l.budget.wait(now); wait > 0 {
		return false, &Error{Err: ErrFlood, After: wait}
	}
	if l.queued >= maxQueued { // so no slot is free
		return false, &Error{Err: errFull, After: FailedFor}
	}
	l.budget.take()
	l.probing = l.pauses > 0
	return l.probing, nil
}

// slot takes a slot if one is free, and counts the question as queued otherwise.
func (l *lane) slot() bool {
	select {
	case l.slots <- struct{}{}:
		return true
	default:
		l.queued++
		return false
	}
}

// succeeded ends the backoff.
func (l *lane) succeeded() {
	l.failing, l.pauses, l.why = l.failing[:0], 0, nil
}

// failed counts a failure, and returns how long no question begins.
func (l *lane) failed(k key, err error, now time.Time) (pause time.Duration) {
	if !l.known && dependsOnToken(err) {
		l.succeeded() // the authority is up
		return 0
	}
	asked := retryAfter(err)
	if l.pauses == 0 {
		if l.known || !slices.Contains(l.failing, k) {
			l.failing = append(l.failing, k)
		}
		if len(l.failing) < manyFailed && (l.known || asked == 0) {
			return 0
		}
	}
	if wait := l.until.Sub(now); wait > 0 {
		return wait // a question that began before the pause
	}
	// Full jitter, so that replicas do not probe in step.
	longest := min(firstPause<<min(l.pauses, 8), maxPause)
	pause = max(rand.N(longest), longest/4, asked)
	l.pauses++
	l.until, l.why = now.Add(pause), err
	return pause
}

// retryAfter returns the pause that the authority asks for, within bounds.
func retryAfter(err error) time.Duration {
	if s, ok := errors.AsType[*StatusError](err); ok {
		return min(s.RetryAfter, maxAsked)
	}
	return 0
}

// dependsOnToken reports whether a token that somebody made up can cause err, at an
// authority, or a firewall before it, that answers well about others. Such errors
// cause no backoff, or the next caller would suffer. A 401 is no such error: it is
// about the credentials of this service (RFC 7662 §2.3).
func dependsOnToken(err error) bool {
	if s, ok := errors.AsType[*StatusError](err); ok {
		switch s.Status {
		case http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge:
			return true
		}
		return false
	}
	return errors.Is(err, ErrAnswer)
}
