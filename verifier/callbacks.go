package verifier

import (
	"context"
	"errors"
	"fmt"

	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/scopes"
)

// grantedScopes asks the issuer's ScopesFrom, if it has one.
func (c claims) grantedScopes(client Client) (set scopes.Set, refused *Error) {
	if c.issuer.ScopesFrom == nil {
		return c.scopes()
	}
	panicked, err := guarded("ScopesFrom", func() (err error) {
		set, err = c.issuer.ScopesFrom(client)
		return err
	})
	if panicked != nil {
		return scopes.Set{}, panicked
	}
	if err != nil {
		return scopes.Set{}, refuseWith(InvalidToken, ClaimMalformed, fmt.Errorf("ScopesFrom: %w", err))
	}
	return set, nil
}

// accept asks the issuer's Accept.
func (c claims) accept(client Client) *Error {
	panicked, err := guarded("Accept", func() error { return c.issuer.Accept(client) })
	if panicked != nil {
		return panicked
	}
	if err == nil {
		return nil
	}
	if reason, ok := errors.AsType[Reason](err); ok {
		return refuseWith(InvalidToken, reason, err)
	}
	return refuseWith(InvalidToken, NotAccepted, err)
}

// check asks Config.Check.
func (v *Verifier) check(ctx context.Context, client Client, r Request) *Error {
	if v.cfg.Check == nil {
		return nil
	}
	r.Authorization = nil // it has been judged, and should end up in nobody's log
	panicked, err := guarded("Check", func() error { return v.cfg.Check(ctx, client, r) })
	if panicked != nil {
		return panicked
	}
	if err == nil {
		return nil
	}
	return checkRefusal(ctx, err)
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
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return refuseWith(Unavailable, Canceled, err)
	default:
		return refuseWith(Unavailable, CheckFailed, err)
	}
}

// keyObserver is what a Source tells, or nil if nobody wants to know.
func keyObserver(issuer string, observe func(IssuerStatus)) func(jwks.Status) {
	if observe == nil {
		return nil
	}
	return func(s jwks.Status) { observe(issuerStatus(issuer, s)) }
}
