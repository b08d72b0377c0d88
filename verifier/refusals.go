package verifier

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/jwks"
)

// This file turns the errors of callbacks, of package jose and of package jwks
// into refusals.

func refuse(code Code, reason Reason) *Error { return &Error{Code: code, Reason: reason} }

func refuseWith(code Code, reason Reason, cause error) *Error {
	return &Error{Code: code, Reason: reason, Err: cause}
}

// refusalWithin does the same as refusalOf for a callback that received ctx. If
// the callback failed because ctx ended, the Reason is Canceled.
func refusalWithin(ctx context.Context, err error, code Code, reason Reason) *Error {
	refused := refusalOf(err, code, reason)
	if refused.Reason == reason && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return refuseWith(Unavailable, Canceled, err)
	}
	return refused
}

// refusalOf returns the refusal for the error of a callback. An *Error keeps
// its Code, a Reason has one of its own, and any other error gets code and
// reason. The result is a new Error: a callback may return the same one to
// every call.
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

// reason returns the Reason of a callback's *Error that has only a Code. It is
// the callback's own reason if c is the callback's own code.
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

// joseError returns the refusal for an error of package jose.
func joseError(err error) *Error {
	reason := Malformed
	for _, m := range []struct {
		kind   error
		reason Reason
	}{
		{jose.ErrAlgorithm, Algorithm},
		{jose.ErrKeyID, KeyID},
		{jose.ErrExtension, HeaderExtension},
		{jose.ErrSignature, BadSignature},
	} {
		if errors.Is(err, m.kind) {
			reason = m.reason
		}
	}
	if found := jose.Found(err); !found.IsAbsent() {
		return refuseWith(InvalidToken, reason, cause(func() string { return err.Error() + ", found " + describe(found) }))
	}
	return refuseWith(InvalidToken, reason, err)
}

const (
	minRetryAfter = 1 * time.Second
	maxRetryAfter = 30 * time.Second
)

// keyError returns the refusal for an error of the issuer's key source. It is
// InvalidToken only if the key's state is certain: a client must not discard a
// good token.
func keyError(err error) *Error {
	if errors.Is(err, jwks.ErrClosed) {
		return refuse(Unavailable, Closed)
	}
	missing, ok := errors.AsType[*jwks.MissingError](err)
	if !ok { // the caller's context ended
		return refuseWith(Unavailable, Canceled, err)
	}
	switch missing.Why {
	case jwks.OtherAlgorithm:
		return refuseWith(InvalidToken, Algorithm, err)
	case jwks.Dropped:
		return refuseWith(InvalidToken, KeyUnusable, err)
	case jwks.NotOne:
		return refuseWith(InvalidToken, KeyID, err)
	case jwks.NotPublished:
		return refuseWith(InvalidToken, KeyUnknown, err)
	case jwks.NoLongerPublished:
		return refuseWith(InvalidToken, KeyRemoved, err)
	}
	e := refuseWith(Unavailable, KeysUnavailable, err)
	if missing.Why == jwks.TooMany {
		e = refuseWith(TooManyRequests, UnknownKeysFlood, err)
	}
	// A random delay spreads the retries of many callers.
	latest := min(max(missing.Next.Sub(missing.At), 2*minRetryAfter), maxRetryAfter)
	e.RetryAfter = minRetryAfter + rand.N(latest-minRetryAfter)
	return e
}
