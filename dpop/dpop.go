// Package dpop implements demonstrating proof of possession (DPoP, RFC 9449): a
// token is bound to a key of its client, and each call carries a proof, signed by
// that key for this method, this URL and this token. A stolen token is worth
// nothing without the key.
//
// A service sets a [Checker] in verifier.Config.DPoP, and the Origin of its guards.
// A client sets a [Signer] in tokensource.Config.DPoP, and calls through the
// source's RoundTripper.
//
// Nonces of a server (RFC 9449 §8, §9) are not issued: proofs expire by their
// "iat", and [Replay] refuses a second use.
package dpop

import (
	"errors"
	"strconv"

	"github.com/m2mauth/m2mauth/internal/redact"
)

// The kinds of error that [Checker.Check] returns.
var (
	// ErrMissing reports a call without a proof.
	ErrMissing = errors.New("the DPoP proof is missing")

	// ErrMalformed reports a proof that is not of the form of RFC 9449 §4.2.
	ErrMalformed = errors.New("malformed DPoP proof")

	// ErrMismatch reports a proof for another key, token, request or time.
	ErrMismatch = errors.New("the DPoP proof does not match")

	// ErrReplayed reports a proof that was used before.
	ErrReplayed = errors.New("the DPoP proof was used before")

	// ErrUnavailable reports that it is unknown whether the proof was used before.
	ErrUnavailable = errors.New("the DPoP proof's use could not be recorded")
)

// proofError is one of the kinds above, with a detail and a cause. It shows single
// values of the proof, cut and without what looks like a secret, and never the proof.
type proofError struct {
	kind  error
	text  func() string // made when it is read: most refusals are never logged
	cause error
}

func (e *proofError) Error() string { return e.kind.Error() + ": " + e.text() }
func (e *proofError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}

func malformed(text string) error { return &proofError{kind: ErrMalformed, text: says(text)} }
func mismatch(text string) error  { return &proofError{kind: ErrMismatch, text: says(text)} }

func says(text string) func() string { return func() string { return text } }

// is describes a member of a proof that differs from what was expected. The sender
// wrote found.
func is(name, found, want string) func() string {
	return func() string {
		return strconv.Quote(name) + " is " + redact.Quote(found) + ", want " + redact.Quote(want)
	}
}
