package verifier

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

// WhileValid returns a context for work that can outlive its token: a stream,
// server-sent events, a websocket. The context is cancelled as soon as the
// token of the Client in ctx is no longer valid:
//
//   - when it expires, by its exp or Issuer.MaxTokenAge, the leeway included;
//   - when the authority has removed its key, or the issuer's keys are older
//     than MaxStale;
//   - when Config.Revocations shuts it out, or is no longer fresh;
//   - when the authority no longer reports an opaque token as active, within
//     IntrospectTTL, or could not be asked for as long;
//   - when v is closed.
//
// context.Cause then returns the [*Error] that [Verifier.Recheck] would, with
// the Reason Expired, TooOld, KeyRemoved, KeysUnavailable, Inactive,
// IntrospectionUnavailable, Revoked, RevocationsUnavailable or Closed. If v did not verify the Client, the context ends
// when the token expires or v is closed. Without a Client, as under scopes.Public, it ends with ctx. [Config].Check is not called:
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
	if t := v.tokenOf(c); t != nil {
		w.token = t
		if t.asked != nil {
			w.raw = t.asked.raw
		}
	}
	v.watches.add(w)
	if w.raw != "" {
		v.opaque.follow(ctx, w)
	}
	return ctx, func() {
		if w.raw != "" {
			v.opaque.unfollow(w)
		}
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
	raw      string // the token's text if the authority is asked about it
	lifetime lifetime
	cancel   context.CancelCauseFunc
	index    int // in watches.byExpiry
}

// lapse returns why w must end, or nil.
func (w *watch) lapse(now time.Time) *Error {
	switch {
	case !now.Before(w.lifetime.until):
		return refuseWith(InvalidToken, w.lifetime.late, w.lifetime.lateAt(now))
	case w.token == nil:
		return nil
	case !w.token.isHeld() && w.token.issuer.source.Removed(w.token.key):
		return w.token.standing(now)
	}
	return w.token.issuer.verifier.checkRevoked(w.token, now)
}

// lookAgain is the longest time between two looks at the clock. Timers follow
// the monotonic clock, which stands still while a machine is suspended and does
// not notice that the wall clock was set.
const lookAgain = 30 * time.Second

// lookForView is the longest time between two looks at the age of
// Config.Revocations.
const lookForView = time.Second

// watches holds every watch of a Verifier. One timer serves all of them, and
// runs only while there are any.
type watches struct {
	now  func() time.Time
	list *revocation.List // nil without Config.Revocations

	mu       sync.Mutex
	byExpiry watchHeap
	timer    *time.Timer // nil before the first watch
	all      bool        // keys may have been removed, or cut-offs added, since the last run
	closed   bool
}

func (ws *watches) add(w *watch) {
	now := ws.now()
	ws.mu.Lock()
	err := w.lapse(now)
	if ws.closed {
		err = refuse(Unavailable, Closed)
	}
	if err == nil {
		heap.Push(&ws.byExpiry, w)
		if w.index == 0 {
			ws.schedule(now)
		}
	}
	ws.mu.Unlock()
	if err != nil {
		w.cancel(err)
	}
}

func (ws *watches) remove(w *watch) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if i := w.index; i >= 0 && i < len(ws.byExpiry) && ws.byExpiry[i] == w {
		heap.Remove(&ws.byExpiry, i)
	}
	if len(ws.byExpiry) == 0 && ws.timer != nil {
		ws.timer.Stop()
	}
}

// update replaces the token of w by another one with the same text.
func (ws *watches) update(w *watch, t *token) {
	now := ws.now()
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if i := w.index; i < 0 || i >= len(ws.byExpiry) || ws.byExpiry[i] != w {
		return
	}
	w.token, w.lifetime = t, t.lifetime
	heap.Fix(&ws.byExpiry, w.index)
	ws.schedule(now)
}

// changed makes the next run examine every watch, and starts it. It is called after
// each fetch of keys, by the goroutine that fetches, and when a cut-off was added. It
// returns at once.
func (ws *watches) changed() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if len(ws.byExpiry) > 0 {
		ws.all = true
		ws.timer.Reset(0)
	}
}

// schedule sets the timer to the first expiry. The caller holds mu.
func (ws *watches) schedule(now time.Time) {
	if len(ws.byExpiry) == 0 {
		return
	}
	longest := lookAgain
	if ws.list != nil {
		longest = lookForView
	}
	next := min(max(ws.byExpiry[0].lifetime.until.Sub(now), 0), longest)
	if ws.all {
		next = 0
	}
	if ws.timer == nil {
		ws.timer = time.AfterFunc(next, ws.run)
		return
	}
	ws.timer.Reset(next)
}

// run ends every watch that must end. The timer calls it. It examines the first
// to expire, and all of them after a fetch, a cut-off, or when the list of cut-offs
// is not fresh.
func (ws *watches) run() {
	now := ws.now()
	var ended []endedWatch
	ws.mu.Lock()
	if ws.list != nil {
		if _, fresh := ws.list.View(now); !fresh {
			ws.all = true
		}
	}
	if ws.all {
		ws.all = false
		ended = ws.take(func(w *watch) *Error { return w.lapse(now) })
	}
	for len(ws.byExpiry) > 0 {
		err := ws.byExpiry[0].lapse(now)
		if err == nil {
			break
		}
		ended = append(ended, endedWatch{heap.Pop(&ws.byExpiry).(*watch), err})
	}
	ws.schedule(now)
	ws.mu.Unlock()
	for _, e := range ended { // outside the lock: a parent context may be the user's own
		e.cancel(e.err)
	}
}

// close ends every watch.
func (ws *watches) close() {
	ws.mu.Lock()
	ws.closed = true
	if ws.timer != nil {
		ws.timer.Stop()
	}
	ended := ws.take(func(*watch) *Error { return refuse(Unavailable, Closed) })
	ws.mu.Unlock()
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
func (ws *watches) take(why func(*watch) *Error) (ended []endedWatch) {
	kept := ws.byExpiry[:0]
	for _, w := range ws.byExpiry {
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
	clear(ws.byExpiry[len(kept):])
	ws.byExpiry = kept
	for i, w := range kept {
		w.index = i
	}
	heap.Init(&ws.byExpiry)
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
