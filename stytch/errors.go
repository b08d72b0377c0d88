package stytch

import (
	"fmt"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// Error is an answer of Stytch's API that is not the one asked for.
//
//	if errors.Is(err, stytch.ClientNotFound) { … }
//	if e, ok := errors.AsType[*stytch.Error](err); ok { log(e.RequestID) }
//
// It holds no secret, even if the answer repeats one. Type and RequestID are "" if
// the answer's don't read like a code and an ID.
//
// A call that got no answer fails with another error, which wraps the
// context's or the network's.
type Error struct {
	Call       string        // the method: "GetClient"
	Status     int           // of HTTP; a redirect is an error too
	Type       ErrorType     // Stytch's error_type; "" if the answer was not Stytch's
	RequestID  string        // to quote to Stytch's support; "" if the answer was not Stytch's
	Message    string        // Stytch's error_message, for people
	RetryAfter time.Duration // when Stytch wants to be asked again; 0 if it did not say
}

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

// Is lets errors.Is match an ErrorType.
func (e *Error) Is(target error) bool {
	t, ok := target.(ErrorType)
	return ok && t != "" && t == e.Type
}

// ErrorType is Stytch's error_type, and an error to be matched with errors.Is.
// Stytch has more of them than are named here.
type ErrorType string

func (t ErrorType) Error() string { return "stytch: " + string(t) }

// The error types of the calls about machines.
const (
	UnauthorizedCredentials ErrorType = stytchwire.TypeUnauthorizedCredentials // wrong project ID or secret
	ClientNotFound          ErrorType = stytchwire.TypeClientNotFound
	InvalidClientID         ErrorType = stytchwire.TypeInvalidClientID     // an imported ID is malformed or taken
	InvalidClientSecret     ErrorType = stytchwire.TypeInvalidClientSecret // an imported secret is too short or guessable
	InvalidStatus           ErrorType = stytchwire.TypeInvalidStatus
	AlreadyRotating         ErrorType = stytchwire.TypeAlreadyRotating
	NotRotating             ErrorType = stytchwire.TypeNotRotating
)
