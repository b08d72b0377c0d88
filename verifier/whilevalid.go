package verifier

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// WhileValid returns a context for work that can outlive its token: a stream,
// server-sent events, a websocket. The context is cancelled as soon as the
// token of the Client in ctx is no longer valid:
//
//   - when it expires, by its exp or Issuer.MaxTokenAge, the leeway included;
//   - when the authority has removed its key, or the issuer's keys are older
//     than MaxStale;
//   - when v is closed.
//
// context.Cause then returns the [*Error] that [Verifier.Recheck] would, with
// the Reason Expired, TooOld, KeyRemoved, KeysUnavailable or Closed. If v
// did not verify the Client, the context ends when the token expires or v is
// closed. Without a Client, as under scopes.Public, it ends with ctx. [Config].Check is not called:
// call Recheck for that.
//
// A context costs no goroutine. The caller must call the CancelFunc when the
// work is done.
func (v *Verifier) WhileValid(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(orBackground(ctx))
	c := callFrom(ctx)
	switch {
	case c == nil:
		return ctx, func() { cancel(nil) }
	case v.isUnmade():
		cancel(refuse(Unavailable, Closed))
		return ctx, func() {}
	}
	w := &watch{cancel: cancel, lifetime: c.lifetime(v.cfg.Leeway)}
	if t := c.client.token; t != nil && t.issuer.verifier == v {
		w.token = t
	}
	v.watches.add(w)
	return ctx, func() {
		v.watches.remove(w)
		cancel(nil)
	}
}

// lifetime returns the lifetime of the call's Client: its token's, or that of
// the ExpiresAt of a Client without a token.
func (c *call) lifetime(leeway time.Duration) lifetime {
	if c.client.token != nil {
		return c.client.token.lifetime
	}
	expires := c.client.ExpiresAt
	if expires.IsZero() {
		expires = time.Unix(maxNumericDate, 0)
	}
	return dates{expires: expires}.lifetime(leeway, 0)
}

// watch is one context of WhileValid.
type watch struct {
	token    *token // nil if this Verifier did not verify it
	lifetime lifetime
	cancel   context.CancelCauseFunc
	index    int // in watches.byExpiry
}

// lapse returns why w must end, or nil.
func (w *watch) lapse(now time.Time) *Error {
	switch {
	case !now.Before(w.lifetime.until):
		return refuseWith(InvalidToken, w.lifetime.late, w.lifetime.lateAt(now))
	case w.token != nil && !w.token.isHeld() && w.token.issuer.source.Removed(w.token.key):
		return w.token.standing(now)
	}
	return nil
}

// lookAgain is the longest time between two looks at the clock. Timers follow
// the monotonic clock, which stands still while a machine is suspended and does
// not notice that the wall clock was set.
const lookAgain = 30 * time.Second

// watches holds every watch of a Verifier. One timer serves all of them, and
// runs only while there are any.
type watches struct {
	now func() time.Time

	mu       sync.Mutex
	byExpiry watchHeap
	timer    *time.Timer // nil before the first watch
	keys     bool        // keys may have been removed since the last run
	closed   bool
}

func (all *watches) add(w *watch) {
	now := all.now()
	all.mu.Lock()
	err := w.lapse(now)
	if all.closed {
		err = refuse(Unavailable, Closed)
	}
	if err == nil {
		heap.Push(&all.byExpiry, w)
		if w.index == 0 {
			all.schedule(now)
		}
	}
	all.mu.Unlock()
	if err != nil {
		w.cancel(err)
	}
}

func (all *watches) remove(w *watch) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if i := w.index; i >= 0 && i < len(all.byExpiry) && all.byExpiry[i] == w {
		heap.Remove(&all.byExpiry, i)
	}
	if len(all.byExpiry) == 0 && all.timer != nil {
		all.timer.Stop()
	}
}

// keysChanged makes the next run examine every watch, and starts it. It is
// called after each fetch of keys, by the goroutine that fetches, and returns at
// once.
func (all *watches) keysChanged() {
	all.mu.Lock()
	defer all.mu.Unlock()
	if len(all.byExpiry) > 0 {
		all.keys = true
		all.timer.Reset(0)
	}
}

// schedule sets the timer to the first expiry. The caller holds mu.
func (all *watches) schedule(now time.Time) {
	if len(all.byExpiry) == 0 {
		return
	}
	next := min(max(all.byExpiry[0].lifetime.until.Sub(now), 0), lookAgain)
	if all.keys {
		next = 0
	}
	if all.timer == nil {
		all.timer = time.AfterFunc(next, all.run)
		return
	}
	all.timer.Reset(next)
}

// run ends every watch that must end. The timer calls it. It examines the first
// to expire, and all of them after a fetch.
func (all *watches) run() {
	now := all.now()
	var ended []endedWatch
	all.mu.Lock()
	if all.keys {
		all.keys = false
		ended = all.take(func(w *watch) *Error { return w.lapse(now) })
	}
	for len(all.byExpiry) > 0 {
		err := all.byExpiry[0].lapse(now)
		if err == nil {
			break
		}
		ended = append(ended, endedWatch{heap.Pop(&all.byExpiry).(*watch), err})
	}
	all.schedule(now)
	all.mu.Unlock()
	for _, e := range ended { // outside the lock: a parent context may be the user's own
		e.cancel(e.err)
	}
}

// close ends every watch.
func (all *watches) close() {
	all.mu.Lock()
	all.closed = true
	if all.timer != nil {
		all.timer.Stop()
	}
	ended := all.take(func(*watch) *Error { return refuse(Unavailable, Closed) })
	all.mu.Unlock()
	for _, e := range ended {
		e.cancel(e.err)
	}
}

// endedWatch is a watch that is removed, and why.
type endedWatch struct {
	*watch
	err *Error
}

// take removes and returns the watches for which why returns an error. The
// caller holds mu.
func (all *watches) take(why func(*watch) *Error) (ended []endedWatch) {
	kept := all.byExpiry[:0]
	for _, w := range all.byExpiry {
		if err := why(w); err != nil {
			ended = append(ended, endedWatch{w, err})
			w.index = -1
			continue
		}
		kept = append(kept, w)
	}
	if ended == nil {
		return nil
	}
	clear(all.byExpiry[len(kept):])
	all.byExpiry = kept
	for i, w := range kept {
		w.index = i
	}
	heap.Init(&all.byExpiry)
	return ended
}

// watchHeap orders watches by expiry.
type watchHeap []*watch

func (h watchHeap) Len() int           { return len(h) }
func (h watchHeap) Less(i, j int) bool { return h[i].lifetime.until.Before(h[j].lifetime.until) }
func (h watchHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].index, h[j].index = i, j }
func (h *watchHeap) Push(x any)        { w := x.(*watch); w.index = len(*h); *h = append(*h, w) }
func (h *watchHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1], w.index = nil, -1
	*h = old[:len(old)-1]
	return w
}
