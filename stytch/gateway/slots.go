package gateway

import (
	"context"
	"errors"
	"time"
)

const (
	maxInFlight  = 128             // requests to Stytch at a time
	maxWaiters   = 256             // callers that wait for one of them to end
	longestQueue = 2 * time.Second // that a caller waits
)

var errBusy = errors.New("too many requests are under way")

// slots bounds what is under way: n at a time, and so many waiters for longestQueue.
// A slow Stytch then costs a bounded number of goroutines and connections.
type slots struct {
	taken   chan struct{} // one element for each slot that is taken
	waiting chan struct{} // one element for each waiter
}

func newSlots(n int) slots {
	return slots{make(chan struct{}, n), make(chan struct{}, maxWaiters)}
}

// take waits for a slot. It fails with errBusy, or with the error of ctx.
func (s slots) take(ctx context.Context) error {
	if s.tryTake() {
		return nil
	}
	select {
	case s.waiting <- struct{}{}:
	default:
		return errBusy
	}
	defer func() { <-s.waiting }()
	timer := time.NewTimer(longestQueue)
	defer timer.Stop()
	select {
	case s.taken <- struct{}{}:
		return nil
	case <-timer.C:
		return errBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tryTake takes a slot if one is free.
func (s slots) tryTake() bool {
	select {
	case s.taken <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s slots) release() { <-s.taken }
