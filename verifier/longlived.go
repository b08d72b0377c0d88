package verifier

import (
	"context"
	"sync"
	"time"
)

// UntilExpiry returns a context for work that can outlive its token: a
// stream, server-sent events, a websocket. It is cancelled when the token of
// the Client in ctx is no longer good by its exp (or Issuer.MaxTokenAge), the
// leeway included; context.Cause then is an *Error with the Reason Expired or
// TooOld. Without a Client, as under scopes.Public, it ends with ctx.
//
// The caller must call the CancelFunc when the work is done.
func (v *Verifier) UntilExpiry(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(orBackground(ctx))
	l, ok := v.lifetimeOf(ctx)
	if !ok {
		return ctx, func() { cancel(nil) }
	}
	w := &watch{now: v.cfg.Now, lifetime: l, cancel: cancel}
	w.look()
	return ctx, func() {
		w.stop()
		cancel(nil)
	}
}

// watch waits for a moment of the wall clock. Timers follow the monotonic one,
// which stands still while a machine is suspended and does not see the wall
// clock set, so it looks again every now and then.
type watch struct {
	now      func() time.Time
	lifetime lifetime
	cancel   context.CancelCauseFunc

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

const lookAgain = 30 * time.Second

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	now := w.now()
	left := w.lifetime.until.Sub(now)
	if left <= 0 {
		w.cancel(refuseWith(InvalidToken, w.lifetime.late, w.lifetime.lateAt(now)))
		return
	}
	w.timer = time.AfterFunc(min(left, lookAgain), w.look)
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// lifetimeOf returns the lifetime of the Client in ctx, if it expires.
func (v *Verifier) lifetimeOf(ctx context.Context) (l lifetime, ok bool) {
	c := callFrom(ctx)
	switch {
	case v.isUnmade() || c == nil:
		return lifetime{}, false
	case c.client.token != nil:
		return c.client.token.lifetime, true
	default: // planted by a test of a handler
		expires := c.client.ExpiresAt
		return dates{expires: expires}.lifetime(v.cfg.Leeway, 0), !expires.IsZero()
	}
}

// Recheck decides again about the Client in ctx, for work that lasts: whether
// its token has expired, its key is still published, and [Config].Check, asked
// again about the same Request, has no objection. The error is an [*Error]. A
// Client that v itself did not verify is refused as NotVerified.
func (v *Verifier) Recheck(ctx context.Context) error {
	if v.isClosed() {
		return refuse(Unavailable, Closed)
	}
	c := callFrom(ctx)
	if c == nil || c.client.token == nil || v.byName[c.client.token.issuer.Name] != c.client.token.issuer {
		return refuse(InvalidToken, NotVerified)
	}
	// The identity is the token's, and not what a handler may have made of its
	// copy of the Client.
	ctx, t := orBackground(ctx), c.client.token
	if err := v.standing(t); err != nil {
		return err
	}
	if err := v.check(ctx, t.client, c.request()); err != nil {
		return err
	}
	return nil
}
