package verifier

import (
	"context"
	"errors"
	"fmt"

	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/scopes"
)

// Forbid returns an error for [Config].Check: the client is who it says it is,
// and may not do this, whatever its scopes. The call is refused with the Code
// InsufficientScope and the Reason Forbidden. cause, which may be nil, is for
// Observe alone.
func Forbid(cause error) error {
	return &Error{Code: InsufficientScope, Reason: Forbidden, Err: cause}
}

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

// findPeer calls PeerCertificatesFrom, if the transport has set it.
func (r *Request) findPeer(ctx context.Context) *Error {
	from := r.PeerCertificatesFrom
	if from == nil {
		return nil
	}
	r.PeerCertificates, r.PeerCertificatesFrom = nil, nil
	return guarded("PeerCertificatesFrom", func() *Error {
		var err error
		if r.PeerCertificates, err = from(); err != nil {
			return refusalWithin(ctx, err, Unavailable, PeerUnknown)
		}
		return nil
	})
}

// check calls Config.Check.
func (v *Verifier) check(ctx context.Context, client Client, r Request) *Error {
	if v.cfg.Check == nil {
		return nil
	}
	r.Authorization, r.DPoP = nil, nil // they were checked, and must not end up in a log
	return guarded("Check", func() *Error {
		if err := v.cfg.Check(ctx, client, r); err != nil {
			return refusalWithin(ctx, err, Unavailable, CheckFailed)
		}
		return nil
	})
}

// guarded calls a callback of the configuration, and what looks at its error:
// methods of that error are the caller's code as well. A panic becomes a
// refusal that says nothing about the token.
func guarded(name string, call func() *Error) (refused *Error) {
	defer func() {
		if r := recover(); r != nil {
			refused = refuseWith(Unavailable, Panicked, fmt.Errorf("%s: %s", name, redact.Quote(fmt.Sprint(r))))
		}
	}()
	return call()
}

// refusalWithin is refusalOf for a callback that was given ctx. The end of ctx
// is nobody's failure.
func refusalWithin(ctx context.Context, err error, code Code, reason Reason) *Error {
	refused := refusalOf(err, code, reason)
	if refused.Reason == reason && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return refuseWith(Unavailable, Canceled, err)
	}
	return refused
}

// refusalOf makes a refusal of the error of a callback. An *Error keeps its
// Code, and a Reason has one; any other error gets code and reason. The result
// is a new Error: a callback may return the same one to every call.
func refusalOf(err error, code Code, reason Reason) *Error {
	if e, ok := errors.AsType[*Error](err); ok && e != nil && (e.Code.isKnown() || e.Reason != "") {
		own := *e
		if !own.Code.isKnown() {
			own.Code = e.Reason.code()
		}
		if own.Reason == "" {
			own.Reason = own.Code.reason(code, reason)
		}
		if err != error(e) {
			own.Err = wrapped{err, e, e.Err}
		}
		return &own
	}
	if r, ok := errors.AsType[Reason](err); ok && r != "" {
		own := refuse(r.code(), r)
		if err != error(r) {
			own.Err = wrapped{err, r, nil}
		}
		return own
	}
	return refuseWith(code, reason, err)
}

// reason is the Reason of a callback's *Error that has none: the callback's
// own if the Code is, too.
func (c Code) reason(code Code, reason Reason) Reason {
	switch {
	case c == code:
		return reason
	case c == NoCredentials:
		return CredentialsMissing
	case c == InvalidRequest:
		return CredentialsMalformed
	case c == InvalidToken:
		return Denied
	case c == InsufficientScope:
		return Forbidden
	default:
		return CheckFailed
	}
}

// keyObserver returns the function that a Source calls with its states, or nil
// if observe is nil.
func keyObserver(iss *issuer, observe func(IssuerStatus)) func(jwks.Status) {
	if observe == nil {
		return nil
	}
	return func(s jwks.Status) { observe(iss.status(s)) }
}
