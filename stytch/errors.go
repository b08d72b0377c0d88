package stytch

import (
	"fmt"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// Error reports a response of Stytch's API with a status other than 2xx. Redirects
// are not followed and are errors too.
//
//	if errors.Is(err, stytch.ClientNotFound) { … }
//	if e, ok := errors.AsType[*stytch.Error](err); ok { log(e.RequestID) }
//
// An Error holds no secret, even if the response repeats one. A call without a
// response fails with another error, which wraps the context's or the network's
// error.
type Error struct {
	Call       string        // the Client's method, such as "GetClient"
	Status     int           // the HTTP status
	Type       ErrorType     // Stytch's error_type; "" if absent or malformed
	RequestID  string        // Stytch's request_id, for its support; "" if absent or malformed
	Message    string        // Stytch's error_message, for people
	RetryAfter time.Duration // the pause that the response requests; 0 if none
}

// Error returns the call, the status and Stytch's own words, quoted and cut.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stytch: %s: HTTP status %d", e.Call, e.Status)
	if e.Type != "" {
		fmt.Fprintf(&b, ", %s", e.Type)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", outbound.Quote(e.Message))
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (%s)", e.RequestID)
	}
	return b.String()
}

// Is reports whether target is the Error's Type, for [errors.Is].
func (e *Error) Is(target error) bool {
	t, ok := target.(ErrorType)
	return ok && t != "" && t == e.Type
}

// ErrorType is Stytch's error_type as an error for [errors.Is]. A type that has no
// constant here can be matched too: errors.Is(err, stytch.ErrorType("…")).
type ErrorType string

// Error returns the type after the package's name.
func (t ErrorType) Error() string { return "stytch: " + string(t) }

// The error types that a program may want to handle.
const (
	UnauthorizedCredentials ErrorType = stytchwire.TypeUnauthorizedCredentials // the project ID or its secret is wrong
	ClientNotFound          ErrorType = stytchwire.TypeClientNotFound          // no client has the ID
	InvalidClientID         ErrorType = stytchwire.TypeInvalidClientID         // an imported ID is malformed or taken
	InvalidClientSecret     ErrorType = stytchwire.TypeInvalidClientSecret     // an imported secret is too short or guessable
	AlreadyRotating         ErrorType = stytchwire.TypeAlreadyRotating         // a rotation is in progress
	NotRotating             ErrorType = stytchwire.TypeNotRotating             // no rotation is in progress
)
