package verifier

import (
	"context"
	"time"

	"github.com/m2mauth/m2mauth/internal/introspect"
)

// follow asks again and again about a token that open work depends on. However much
// work there is, one question serves all of it.
type follow struct {
	raw     string
	token   *token // the last answer
	watches map[*watch]context.Context
	timer   *time.Timer
}

// follow keeps w up to date until unfollow, or until ctx ends.
func (o *opaque) follow(ctx context.Context, w *watch) {
	t := w.token
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.follows[t.asked.raw]
	if f == nil {
		f = &follow{raw: t.asked.raw, token: t, watches: make(map[*watch]context.Context)}
		f.timer = time.AfterFunc(t.asked.untilDue(), func() { o.look(f) })
		o.follows[t.asked.raw] = f
	}
	f.watches[w] = ctx
}

func (o *opaque) unfollow(w *watch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f := o.follows[w.raw]; f != nil {
		delete(f.watches, w)
		o.dropIfUnused(f)
	}
}

// dropIfUnused ends f if no work depends on it. The caller holds mu.
func (o *opaque) dropIfUnused(f *follow) {
	if len(f.watches) == 0 {
		f.timer.Stop()
		delete(o.follows, f.raw)
	}
}

// look takes over an answer that a call has renewed meanwhile, or asks.
func (o *opaque) look(f *follow) {
	at := time.Now()
	if t := o.current(f.raw, at); t != nil && t.asked.untilDue() > 0 {
		o.followed(f, verdict{token: t}, nil)
		return
	}
	o.asker.Renew(f.raw, func(v verdict, err error) { o.followed(f, v, err) })
}

// followed ends the work that f serves, or hands it the new answer. Without one, the
// work goes on until the last answer no longer counts.
func (o *opaque) followed(f *follow, v verdict, err error) {
	type end struct {
		w   *watch
		err *Error
	}
	var ended []end
	defer func() { // outside the lock: a parent context may be the user's own
		for _, e := range ended {
			o.issuer.verifier.watches.remove(e.w)
			e.w.cancel(e.err)
		}
	}()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.follows[f.raw] != f {
		return
	}
	why := v.refusal()
	if err != nil {
		why = introspectionError(err)
	}
	left := time.Until(f.token.asked.until)
	for w, ctx := range f.watches {
		switch {
		case ctx.Err() != nil: // ended for another reason
		case v.token != nil && v.token.isHolders(f.token):
			o.issuer.verifier.watches.update(w, v.token)
			continue
		case v.token != nil:
			ended = append(ended, end{w, refuseWith(InvalidToken, NotVerified, errOtherClient)})
		case why.Code == Unavailable && left > 0:
			continue
		default:
			ended = append(ended, end{w, why})
		}
		delete(f.watches, w)
	}
	next := min(introspect.FailedFor, max(left, 0))
	if v.token != nil {
		f.token = v.token
		next = v.token.asked.untilDue()
	}
	f.timer.Reset(next)
	o.dropIfUnused(f)
}
