package verifier

import (
	"context"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
)

// Recheck decides again about the Client in ctx, for long-running work: whether
// its token has expired, whether its key is still published, and whether
// [Config].Check accepts the same Request again. The error is an [*Error]. A
// Client that v did not verify is refused as NotVerified. About an opaque token it
// may ask the authority again. Recheck is neither observed nor counted.
func (v *Verifier) Recheck(ctx context.Context) error {
	r, d := callOf(ctx).request(), decision{}
	v.decideAgain(orBackground(ctx), &r, scopes.Authenticated(), &d)
	if v.describe(&d, &r, scopes.Requirement{}); d.err != nil {
		return d.err
	}
	return nil
}

// Reauthorize decides whether the Client in ctx may also perform operation, which
// requires need: one tool, field or message of a call that [Verifier.Authorize]
// has authorized. It checks what [Verifier.Recheck] checks, with operation in the
// Request, and then the Client's scopes. With [scopes.Public] no Client is
// needed. The decision is observed and counted, and the error is an [*Error].
func (v *Verifier) Reauthorize(ctx context.Context, operation string, need scopes.Requirement) error {
	r, d := callOf(ctx).request(), decision{}
	if v.observes() {
		d.began = time.Now()
	}
	ctx, r.Operation = orBackground(ctx), operation
	if !need.IsPublic() {
		v.decideAgain(ctx, &r, need, &d)
		v.describe(&d, &r, need)
	}
	if v.observes() {
		d.ended = time.Now()
	}
	v.report(ctx, &r, need, &d)
	if d.err != nil {
		return d.err
	}
	return nil
}

// Deny returns the refusal of a call by its own handler, for ownership, tenancy
// and the like: with the Code InsufficientScope and the Reason Forbidden, or with
// those of cause if it is a Reason or an *Error. The refusal is observed and
// counted as a decision of the Verifier. Pass it to the guard's WriteError or
// StatusError. Callers do not see cause, which may be nil.
func (v *Verifier) Deny(ctx context.Context, cause error) *Error {
	c, d := callOf(ctx), decision{err: refuse(InsufficientScope, Forbidden)}
	r := c.request()
	if cause != nil {
		d.err = refusalOf(cause, InsufficientScope, Forbidden)
	}
	v.describe(&d, &r, d.err.Need)
	if t := v.tokenOf(c); t != nil {
		d.token, d.issuer, d.cached = t, t.issuer, true
	}
	if v.observes() {
		d.began = time.Now()
		d.ended = d.began
	}
	v.report(orBackground(ctx), &r, d.err.Need, &d)
	return d.err
}

// decideAgain decides about the Client in ctx, whose token v has verified before.
func (v *Verifier) decideAgain(ctx context.Context, r *Request, need scopes.Requirement, d *decision) {
	if v.isClosed() {
		d.err = refuse(Unavailable, Closed)
		return
	}
	t := v.tokenOf(callOf(ctx))
	if t == nil {
		d.err = refuse(InvalidToken, NotVerified)
		return
	}
	d.issuer, d.cached = t.issuer, true
	if t.asked != nil {
		if t, d.err = v.opaque.again(ctx, t); d.err != nil {
			return
		}
	}
	d.token = t
	if d.err = t.standing(v.cfg.Now()); d.err != nil {
		return
	}
	// A handler may have changed its copy of the Client. The token's counts.
	d.err = v.checkClient(ctx, &t.client, r, need, d)
}

// tokenOf returns the token of the call's Client if v verified it, or nil.
func (v *Verifier) tokenOf(c *call) *token {
	if c.client == nil || c.client.token == nil || c.client.token.issuer.verifier != v {
		return nil
	}
	return c.client.token
}

// callOf returns the call in ctx, or an empty one.
func callOf(ctx context.Context) *call {
	if c := callFrom(ctx); c != nil {
		return c
	}
	return &call{}
}
