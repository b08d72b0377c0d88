package verifier

import (
	"errors"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
)

// Error describes a refusal: every refusal of this package is one. It unwraps
// to its Reason and to its cause, so errors.Is and errors.As find both. It holds
// no part of a token.
type Error struct {
	Code       Code
	Reason     Reason
	Need       scopes.Requirement // the requirement, for the challenge
	RetryAfter time.Duration      // with Unavailable, TooManyRequests and Revoked: how long to wait; 0 if unknown
	Err        error              // the cause, or nil; not for callers

	Realm            string // of the challenge, from the Request: "api" if empty
	ResourceMetadata string // URL in the challenge, from the Request: none if empty

	proofs *proofScheme // nil if no proofs are taken
}

// Error returns Code, Reason and cause, for logs.
func (e *Error) Error() string {
	if e == nil {
		return "m2mauth: no error"
	}
	text := "m2mauth: " + e.Code.String() + ": " + string(e.Reason)
	if e.Err == nil {
		return text
	}
	if cause := e.Err.Error(); cause != "" && cause != string(e.Reason) {
		text += ": " + cause
	}
	return text
}

// MarshalText returns the text of Error, so that JSON shows a refusal, too.
func (e *Error) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// Is reports whether target is e's Reason. errors.Is calls it first, and then
// needs no list from Unwrap.
func (e *Error) Is(target error) bool {
	reason, ok := target.(Reason)
	return ok && e != nil && e.Reason == reason
}

// Unwrap returns the Reason and the cause.
func (e *Error) Unwrap() []error {
	if e == nil {
		return nil
	}
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

// AsError returns err as an *Error, for adapters that render refusals: the
// *Error that err wraps, or a new one of the Reason that it wraps. Any other
// error becomes Unavailable, because it says nothing about the token. So does
// nil: call AsError only if there is an error.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		return e
	}
	return refusalOf(err, Unavailable, CheckFailed)
}

// Forbid returns an error for [Config].Check: the client is authenticated, but
// may not call this operation, whatever its scopes. The call is refused with
// the Code InsufficientScope and the Reason Forbidden. Only Observe sees cause,
// which may be nil.
func Forbid(cause error) error {
	return &Error{Code: InsufficientScope, Reason: Forbidden, Err: cause}
}
