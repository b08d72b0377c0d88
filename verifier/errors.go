package verifier

import (
	"errors"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
)

// Code classifies a refusal by what the caller should do about it. The zero
// Code is none of them.
type Code int

const (
	// NoCredentials: present a bearer token. HTTP 401, gRPC Unauthenticated.
	NoCredentials Code = iota + 1
	// InvalidRequest: the credential is malformed or there are several; mend
	// the client. HTTP 400, gRPC Unauthenticated.
	InvalidRequest
	// InvalidToken: get a new token. HTTP 401, gRPC Unauthenticated.
	InvalidToken
	// InsufficientScope: the token is good but not for this; a new one will
	// not help. HTTP 403, gRPC PermissionDenied.
	InsufficientScope
	// Unavailable: it can't be judged now; keep the token and try again later.
	// HTTP 503, gRPC Unavailable.
	Unavailable
	// TooManyRequests: like Unavailable, but too many tokens name keys that are
	// not known. HTTP 429, gRPC ResourceExhausted: what ejects servers that
	// answer 5xx does not count it, so nobody can take a healthy server out of
	// service with made-up tokens.
	TooManyRequests
)

// String is the code as RFC 6750 §3.1 names it where it does.
func (c Code) String() string {
	switch c {
	case NoCredentials:
		return "no_credentials"
	case InvalidRequest:
		return "invalid_request"
	case InvalidToken:
		return "invalid_token"
	case InsufficientScope:
		return "insufficient_scope"
	case Unavailable:
		return "unavailable"
	case TooManyRequests:
		return "too_many_requests"
	default:
		return "unknown"
	}
}

func (c Code) isKnown() bool { return c.String() != Code(0).String() }

// Message is the fixed text that callers are told. The cause of a refusal is
// for [Config].Observe alone: it would help an attacker more than a caller.
func (c Code) Message() string {
	switch c {
	case NoCredentials:
		return "A bearer token is required."
	case InvalidRequest:
		return "The credentials are malformed."
	case InvalidToken:
		return "The access token is invalid or expired."
	case InsufficientScope:
		return "The access token does not permit this operation."
	default:
		return "The access token cannot be checked at the moment."
	}
}

// Reason says exactly why a call was refused. There are few of them, so they
// can label metrics. A Reason is an error, to be matched with errors.Is:
//
//	if errors.Is(err, verifier.Expired) { … }
//
// The callbacks of a configuration may return one, alone or wrapped: the call
// is then refused with it, and with the Code below which it is listed here. A
// Reason of your own has the Code InvalidToken; to choose another, return an
// [*Error].
type Reason string

// Error returns the Reason itself.
func (r Reason) Error() string { return string(r) }

// Reasons of [NoCredentials].
const (
	CredentialsMissing Reason = "credentials_missing" // no Authorization value
	SchemeUnsupported  Reason = "scheme_unsupported"  // Basic, DPoP or another scheme
)

// Reasons of [InvalidRequest].
const (
	CredentialsMultiple  Reason = "credentials_multiple"  // more than one Authorization value
	CredentialsMalformed Reason = "credentials_malformed" // not RFC 6750 §2.1
)

// Reasons of [InvalidToken].
const (
	TooLarge        Reason = "token_too_large"     // longer than Config.MaxTokenBytes
	Malformed       Reason = "token_malformed"     // not a compact JWS of two JSON objects
	HeaderExtension Reason = "header_extension"    // crit, b64, zip, enc or a nested JWT
	Algorithm       Reason = "algorithm"           // not the issuer's, or not the key's
	KeyID           Reason = "key_id"              // malformed, or missing where it is needed
	TokenType       Reason = "token_type"          // "typ" is not among Issuer.TokenTypes
	UnknownIssuer   Reason = "issuer_unknown"      // "iss" is nobody's Name or alias
	Audience        Reason = "audience"            // not meant for this service
	Expired         Reason = "expired"             // "exp" has passed
	NotYetValid     Reason = "not_yet_valid"       // "nbf" has not come
	IssuedInFuture  Reason = "issued_in_future"    // "iat" has not come
	TooOld          Reason = "too_old"             // older than Issuer.MaxTokenAge
	ClaimMalformed  Reason = "claim_malformed"     // a claim of the wrong type or out of range
	KeyUnknown      Reason = "key_unknown"         // the issuer does not publish this key
	KeyUnusable     Reason = "key_unusable"        // the issuer publishes it, but it was dropped
	KeyRemoved      Reason = "key_removed"         // the issuer no longer publishes this key
	BadSignature    Reason = "signature"           // the signature does not match
	ClientIDMissing Reason = "client_id"           // no client ID, or an empty one
	NotMachine      Reason = "not_machine"         // a person's token
	NotAccepted     Reason = "not_accepted"        // refused by Issuer.Accept or ClientIDIn
	Bound           Reason = "sender_constrained"  // bound to a key that the caller did not prove
	Revoked         Reason = "revoked"             // refused by Config.Check
	Denied          Reason = "denied"              // refused by a callback, without a Reason
	NotVerified     Reason = "client_not_verified" // Recheck of a Client that this Verifier did not verify
)

// Reasons of [InsufficientScope].
const (
	ScopeMissing  Reason = "scope_missing"         // the client's scopes do not meet the requirement
	NoRequirement Reason = "operation_undeclared"  // the operation has no requirement, so nobody may
	Forbidden     Reason = "operation_not_allowed" // refused by Config.Check (see Forbid)
)

// Reasons of [TooManyRequests].
const (
	UnknownKeysFlood Reason = "unknown_keys_flood" // more than 20 KeysUnavailable for unknown keys of an issuer in a second
)

// Reasons of [Unavailable].
const (
	KeysUnavailable Reason = "keys_unavailable" // there are no keys of the issuer, or the token's key may be newer than they are
	PeerUnknown     Reason = "peer_unknown"     // Request.PeerCertificatesFrom failed
	CheckFailed     Reason = "check_failed"     // Config.Check, or another callback, failed
	Panicked        Reason = "panicked"         // a callback panicked
	Canceled        Reason = "canceled"         // the caller's own context ended first
	Closed          Reason = "verifier_closed"  // after Close, or a Verifier that New did not make
)

// code is the Code that a Reason of this package belongs to; any other Reason
// is one of InvalidToken.
func (r Reason) code() Code {
	switch r {
	case CredentialsMissing, SchemeUnsupported:
		return NoCredentials
	case CredentialsMultiple, CredentialsMalformed:
		return InvalidRequest
	case ScopeMissing, NoRequirement, Forbidden:
		return InsufficientScope
	case UnknownKeysFlood:
		return TooManyRequests
	case KeysUnavailable, PeerUnknown, CheckFailed, Panicked, Canceled, Closed:
		return Unavailable
	default:
		return InvalidToken
	}
}

// Error is every refusal of this package. It unwraps to its Reason and to its
// cause, so errors.Is and errors.As find both. It holds no part of a token.
type Error struct {
	Code       Code
	Reason     Reason
	Need       scopes.Requirement // what was required, for the challenge
	RetryAfter time.Duration      // with Unavailable and TooManyRequests: when to try again; 0 says nothing
	Err        error              // the cause, if there is more to say; not for callers

	Realm            string // of the challenge, from the Request: "api" if empty
	ResourceMetadata string // URL in the challenge, from the Request: none if empty
}

// Error is for logs: Code, Reason and cause.
func (e *Error) Error() string {
	if e == nil {
		return "m2mauth: no error"
	}
	text := "m2mauth: " + e.Code.String() + ": " + string(e.Reason)
	if e.Err == nil {
		return text
	}
	if cause := e.Err.Error(); cause != "" && cause != string(e.Reason) { // said once
		text += ": " + cause
	}
	return text
}

// MarshalText returns what Error does, so that JSON shows a refusal, too.
func (e *Error) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// Is reports whether target is e's Reason. It is what errors.Is calls, and
// spares it the list that Unwrap has to make.
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
// *Error that err wraps, or a new one of the Reason that it wraps. An error of
// any other kind becomes Unavailable, for nothing is known of the token then.
// The same goes for nil: ask before whether there is an error.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		return e
	}
	return refusalOf(err, Unavailable, CheckFailed)
}
