package jwks

import "time"

// teller hands states to an observer, one after another, on a goroutine of its
// own: an observer that blocks must keep nobody from fetching keys, and above
// all from taking expired ones out of service.
type teller struct {
	states chan Status
	done   chan struct{}
}

// maxUntold is how many states wait for a slow observer; the oldest of more
// are dropped.
const maxUntold = 64

func newTeller(observe func(Status)) *teller {
	t := &teller{states: make(chan Status, maxUntold), done: make(chan struct{})}
	go func() {
		defer close(t.done)
		for st := range t.states {
			tellOne(observe, st)
		}
	}()
	return t
}

// tellOne stops a panic of the observer.
func tellOne(observe func(Status), st Status) {
	defer func() { _ = recover() }()
	observe(st)
}

// tell never blocks. It is called by the owner alone.
func (t *teller) tell(st Status) {
	for {
		select {
		case t.states <- st:
			return
		default:
		}
		select {
		case <-t.states:
		default:
		}
	}
}

// close lets the observer hear what is left, and waits for it for a moment:
// one that blocks, or that closes the Source itself, is left behind. It is
// called once the owner has stopped, and may be called again.
func (t *teller) close() {
	if t == nil {
		return
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-t.done:
	case <-late.C:
	}
}
