package verifier

import (
	"context"
	"errors"
	"fmt"

	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/scopes"
)

// grantedScopes asks the issuer's ScopesFrom, if it has one.
func (c claims) grantedScopes(client Client) (set scopes.Set, refused *Error) {
	if c.issuer.ScopesFrom == nil {
		return c.scopes()
	}
	refused = guarded("ScopesFrom", func() *Error {
		var err error
		if set, err = c.issuer.ScopesFrom(client); err != nil {
			return refuseWith(InvalidToken, ClaimMalformed, fmt.Errorf("ScopesFrom: %w", err))
		}
		return nil
	})
	if refused != nil {
		return scopes.Set{}, refused
	}
	return set, nil
}

// accept asks the issuer's Accept.
func (c claims) accept(client Client) *Error {
	return guarded("Accept", func() *Error {
		err := c.issuer.Accept(client)
		if err == nil {
			return nil
		}
		reason, ok := errors.AsType[Reason](err)
		if !ok || reason == "" || reason.code() != InvalidToken {
			reason = NotAccepted
		}
		return refuseWith(InvalidToken, reason, err)
	})
}

// findPeer asks the transport for the caller's certificates, if it wants to be
// asked.
func (r *Request) findPeer(ctx context.Context) *Error {
	from := r.PeerCertificatesFrom
	if from == nil {
		return nil
	}
	r.PeerCertificates, r.PeerCertificatesFrom = nil, nil
	return guarded("PeerCertificatesFrom", func() *Error {
		var err error
		r.PeerCertificates, err = from()
		switch {
		case err == nil:
			return nil
		case isGone(ctx, err):
			return refuseWith(Unavailable, Canceled, err)
		default:
			return refuseWith(Unavailable, PeerUnknown, err)
		}
	})
}

// check asks Config.Check.
func (v *Verifier) check(ctx context.Context, client Client, r Request) *Error {
	if v.cfg.Check == nil {
		return nil
	}
	r.Authorization, r.DPoP = nil, nil // they were checked, and must not end up in a log
	return guarded("Check", func() *Error {
		if err := v.cfg.Check(ctx, client, r); err != nil {
			return checkRefusal(ctx, err)
		}
		return nil
	})
}

// guarded calls a callback of the configuration, and whatever looks at its
// error: methods of that error are the caller's code as well. A panic becomes
// a refusal that says nothing about the token.
func guarded(name string, call func() *Error) (refused *Error) {
	defer func() {
		if r := recover(); r != nil {
			refused = refuseWith(Unavailable, Panicked, fmt.Errorf("%s: %s", name, redact.Quote(fmt.Sprint(r))))
		}
	}()
	return call()
}

// checkRefusal classifies an error of Config.Check. Only what it says
// expressly counts against the token.
func checkRefusal(ctx context.Context, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		own := *e // Check may return the same one every time
		own.Err = err
		switch {
		case e.Code == InvalidToken && e.Reason == "":
			own.Reason = Denied
		case e.Code == InsufficientScope && e.Reason == "":
			own.Reason = Forbidden
		case e.Code == Unavailable && e.Reason == "":
			own.Reason = CheckFailed
		}
		if e.Code == InvalidToken || e.Code == InsufficientScope || e.Code == Unavailable {
			return &own
		}
	}
	switch {
	case errors.Is(err, Revoked):
		return refuseWith(InvalidToken, Revoked, err)
	case isGone(ctx, err):
		return refuseWith(Unavailable, Canceled, err)
	default:
		return refuseWith(Unavailable, CheckFailed, err)
	}
}

// isGone reports whether err says that the caller's own context has ended.
func isGone(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err())
}

// keyObserver returns the function that a Source calls with its states, or nil
// if observe is nil.
func keyObserver(iss *issuer, observe func(IssuerStatus)) func(jwks.Status) {
	if observe == nil {
		return nil
	}
	return func(s jwks.Status) { observe(iss.status(s)) }
}
