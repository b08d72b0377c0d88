package jwks

import "time"

// notifier calls an observer with one Status after another, on a goroutine of
// its own. An observer that blocks must not delay fetches or the expiry of keys.
type notifier struct {
	states chan Status
	done   chan struct{}
}

// maxQueued bounds the states that wait for a slow observer. The oldest are
// dropped first.
const maxQueued = 64

func newNotifier(observe func(Status)) *notifier {
	n := &notifier{states: make(chan Status, maxQueued), done: make(chan struct{})}
	go func() {
		defer close(n.done)
		for st := range n.states {
			callObserver(observe, st)
		}
	}()
	return n
}

// callObserver stops a panic of the observer.
func callObserver(observe func(Status), st Status) {
	defer func() { _ = recover() }()
	observe(st)
}

// notify queues st and never blocks. Only the owner calls it.
func (n *notifier) notify(st Status) {
	for {
		select {
		case n.states <- st:
			return
		default:
		}
		select {
		case <-n.states:
		default:
		}
	}
}

// close waits a moment for the observer to handle the states that are queued.
// It does not wait longer, because the observer may block, or may itself be
// closing the Source. The owner must have stopped. Further calls are allowed.
func (n *notifier) close() {
	if n == nil {
		return
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-n.done:
	case <-late.C:
	}
}
