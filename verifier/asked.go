package verifier

import (
	"math"
	"sync/atomic"
	"time"
)

// asked says which answer a token comes from. Its times are those of the monotonic
// clock.
type asked struct {
	raw        string // the token, to ask again
	generation uint64
	at, until  time.Time // when it was asked, and when the answer no longer counts

	// due is when the answer is renewed, as a time.Duration since at. It is renewing
	// while a question is on its way.
	due atomic.Int64
}

const renewing = math.MaxInt64

// isDue reports whether the answer is to be renewed at a time. It returns true once:
// until putOff is called, or there is another answer.
func (a *asked) isDue(at time.Time) bool {
	due := a.due.Load()
	return due <= int64(at.Sub(a.at)) && a.due.CompareAndSwap(due, renewing)
}

// putOff makes the answer due after a while.
func (a *asked) putOff(d time.Duration) { a.due.Store(int64(time.Since(a.at) + d)) }

// untilDue returns how long it is until the answer is due, or no longer counts. It
// returns 0 while a question is on its way.
func (a *asked) untilDue() time.Duration {
	due := time.Duration(a.due.Load())
	if due == renewing {
		return 0
	}
	return max(0, min(due, a.until.Sub(a.at))-time.Since(a.at))
}
