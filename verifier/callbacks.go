package verifier

import (
	"context"
	"fmt"

	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/scopes"
)

// grantedScopes calls the issuer's ScopesFrom, or reads the scope claim if
// there is none.
func (c claims) grantedScopes(client Client) (set scopes.Set, refused *Error) {
	if c.issuer.ScopesFrom == nil {
		return c.scopes()
	}
	refused = guarded("ScopesFrom", func() *Error {
		var err error
		if set, err = c.issuer.ScopesFrom(client); err != nil {
			return refusalOf(err, InvalidToken, ClaimMalformed)
		}
		return nil
	})
	if refused != nil {
		return scopes.Set{}, refused
	}
	return set, nil
}

// accept calls the issuer's Accept.
func (c claims) accept(client Client) *Error {
	return guarded("Accept", func() *Error {
		if err := c.issuer.Accept(client); err != nil {
			return refusalOf(err, InvalidToken, NotAccepted)
		}
		return nil
	})
}

// check calls Config.Check.
func (v *Verifier) check(ctx context.Context, client *Client, r *Request) *Error {
	if v.cfg.Check == nil {
		return nil
	}
	seen := *r
	seen.Authorization, seen.BareToken, seen.DPoP = nil, nil, nil // they were verified, and must not end up in a log
	return guarded("Check", func() *Error {
		if err := v.cfg.Check(ctx, *client, seen); err != nil {
			return refusalWithin(ctx, err, Unavailable, CheckFailed)
		}
		return nil
	})
}

// guarded runs call, which calls a callback of the configuration and reads its
// error: that error's methods are the user's code, too. A panic becomes a
// refusal as Unavailable.
func guarded(name string, call func() *Error) (refused *Error) {
	defer func() {
		if r := recover(); r != nil {
			refused = refuseWith(Unavailable, Panicked, fmt.Errorf("%s: %s", name, redact.Quote(fmt.Sprint(r))))
		}
	}()
	return call()
}

// keyObserver returns the function that a Source calls with its states, or nil
// if observe is nil.
func keyObserver(iss *issuer, observe func(IssuerStatus)) func(jwks.Status) {
	if observe == nil {
		return nil
	}
	return func(s jwks.Status) { observe(iss.status(s)) }
}
