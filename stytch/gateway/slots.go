package gateway

import (
	"context"
	"errors"
	"time"
)

const (
	maxInFlight  = 128             // concurrent requests to Stytch
	maxWaiters   = 256             // requests that wait for a slot
	longestQueue = 2 * time.Second // the longest wait for a slot
)

var errBusy = errors.New("too many requests are in progress")

// slots bounds concurrent work to n slots and maxWaiters waiters. A slow Stytch then
// costs a bounded number of goroutines and connections.
type slots struct {
	taken   chan struct{} // one element for each taken slot
	waiting chan struct{} // one element for each waiter
}

func newSlots(n int) slots {
	return slots{make(chan struct{}, n), make(chan struct{}, maxWaiters)}
}

// take waits for a slot, at most for longestQueue. It fails with errBusy or with the
// error of ctx.
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
