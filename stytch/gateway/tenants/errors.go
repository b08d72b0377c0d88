package tenants

import (
	"errors"
	"time"

	"github.com/m2mauth/m2mauth/stytch"
)

// Error is the error of every call of [Clients].
//
//	if errors.Is(err, tenants.NotFound) { … }
//
// Its text may be shown to the customer: it holds no secret, nothing that Stytch wrote,
// and nothing of other tenants. The cause, for the operator, is in [Event] and can be
// unwrapped.
type Error struct {
	Reason Reason
	Detail string // says what to change; "" if there is nothing to say beyond Reason

	// RetryAfter is the time after which a call that failed as Busy succeeds, at the
	// latest, or after which one that failed as Uncertain can be repeated; 0 otherwise.
	RetryAfter time.Duration

	cause error // nil if the Reason says it all
}

// Error returns the Reason and the Detail.
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Reason.Error()
	}
	return e.Reason.Error() + ": " + e.Detail
}

// Is reports whether target is the Error's Reason, for [errors.Is].
func (e *Error) Is(target error) bool {
	reason, ok := target.(Reason)
	return ok && reason == e.Reason
}

// Unwrap returns the cause, such as a [*stytch.Error] or an error of the Store. It is not
// for customers.
func (e *Error) Unwrap() error { return e.cause }

// Reason says why a call failed, as an error for [errors.Is].
type Reason string

// Error returns the Reason in words.
func (r Reason) Error() string {
	if words, ok := reasonWords[r]; ok {
		return words
	}
	return string(r)
}

// HTTPStatus returns the status in parentheses below, which suits an API for customers. It
// returns 500 for unknown Reasons.
func (r Reason) HTTPStatus() int {
	switch r {
	case Invalid:
		return 400
	case NotFound:
		return 404
	case LimitFull, Busy, Rotating, NotRotating:
		return 409
	case KeyUsed:
		return 422
	case Unavailable, Uncertain:
		return 503
	default:
		return 500
	}
}

// The Reasons, with their HTTP status.
const (
	NotFound    Reason = "not_found"    // the tenant has no such client (404)
	Invalid     Reason = "invalid"      // Detail names the mistake (400)
	KeyUsed     Reason = "key_used"     // the key belongs to another registration, or to a deleted client (422)
	LimitFull   Reason = "limit_full"   // the tenant has as many clients as it may have (409)
	Busy        Reason = "busy"         // another call is in progress: repeat after RetryAfter (409)
	Rotating    Reason = "rotating"     // a rotation is in progress: complete or cancel it (409)
	NotRotating Reason = "not_rotating" // the rotation that the call names is not in progress (409)
	Unavailable Reason = "unavailable"  // Stytch or the Store failed; nothing has changed (503)
	Uncertain   Reason = "uncertain"    // Stytch or the Store failed; the change may have been made (503)
	NoCaller    Reason = "no_caller"    // Caller is incomplete: a mistake of the SaaS (500)
)

var reasonWords = map[Reason]string{
	NotFound:    "there is no such client",
	Invalid:     "the request is malformed",
	KeyUsed:     "the key was used before",
	LimitFull:   "the limit of clients is reached",
	Busy:        "another call is in progress",
	Rotating:    "a rotation is in progress",
	NotRotating: "that rotation is not in progress",
	Unavailable: "the service is unavailable",
	Uncertain:   "the service failed, and the change may have been made",
	NoCaller:    "the caller is incomplete",
}

// invalid returns the error for a mistake of the customer.
func invalid(detail string) error { return &Error{Reason: Invalid, Detail: detail} }

// unavailable returns the error of a call that failed before it changed anything.
func unavailable(cause error) error { return &Error{Reason: Unavailable, cause: cause} }

// failed returns the error of a call that changes something. Only a response of Stytch
// that refuses the request proves that nothing has changed.
func failed(cause error) error {
	if isRefusal(cause) {
		return unavailable(cause)
	}
	return &Error{Reason: Uncertain, Detail: "repeat it in a minute", RetryAfter: abandoned, cause: cause}
}

// isRefusal reports whether Stytch has refused the request, so that it had no effect. A
// timeout and a 5xx are no refusals: they can be the response of a proxy.
func isRefusal(err error) bool {
	e, ok := errors.AsType[*stytch.Error](err)
	return ok && e.Status >= 400 && e.Status < 500 && e.Status != 408
}

// causeOf returns what the operator should know of err; nil for nil.
func causeOf(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.cause != nil {
		return e.cause
	}
	return err
}
