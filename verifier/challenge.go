package verifier

import (
	"net/http"
	"strings"

	"github.com/m2mauth/m2mauth/internal/challenge"
)

// HTTPStatus returns the status code of an HTTP response to a call that was
// refused with c. It returns 503 for a Code that is not of this package.
func (c Code) HTTPStatus() int {
	switch c {
	case NoCredentials, InvalidToken:
		return http.StatusUnauthorized
	case InvalidRequest:
		return http.StatusBadRequest
	case InsufficientScope:
		return http.StatusForbidden
	case TooManyRequests:
		return http.StatusTooManyRequests
	default:
		return http.StatusServiceUnavailable
	}
}

// maxChallengeScope bounds the scope parameter of a challenge. A longer one is
// left out, because half of it would mislead.
const maxChallengeScope = 2048

// Challenges returns the values of the WWW-Authenticate fields that belong in
// the response (RFC 6750 §3, RFC 9449 §7.1, RFC 9110 §11.6.1), one field for each. It
// returns nil for Unavailable and TooManyRequests: a client that is challenged would
// discard a good token. Nothing of the cause is in a challenge.
//
// Where proofs are taken, there is a challenge of the scheme DPoP, too. The error is
// in the challenge of the scheme that the caller used.
//
// A Realm or ResourceMetadata that a challenge can't hold is not repeated.
func (e *Error) Challenges() []string {
	if e == nil {
		return nil
	}
	var parameters strings.Builder
	switch e.Code {
	case NoCredentials: // no error code without credentials (RFC 6750 §3.1)
	case InvalidRequest, InvalidToken, InsufficientScope:
		parameters.WriteString(`, error="` + e.code() + `"`)
	default:
		return nil
	}
	if e.Code == NoCredentials || e.Code == InsufficientScope {
		// Scope names hold no quote and no backslash, so they need no escape.
		if scope := strings.Join(e.Need.Scopes(), " "); scope != "" && len(scope) <= maxChallengeScope {
			parameters.WriteString(`, scope="` + scope + `"`)
		}
	}
	realm, rest := ` realm="`+challenge.Realm(e.Realm)+`"`, ""
	if e.ResourceMetadata != "" && challenge.Quotable(e.ResourceMetadata) {
		rest = `, resource_metadata="` + e.ResourceMetadata + `"` // RFC 9728 §5.1
	}
	if e.proofs == nil {
		return []string{string(bearer) + realm + parameters.String() + rest}
	}
	ofBearer, ofDPoP := parameters.String(), ""
	switch {
	case e.Code == NoCredentials:
		ofDPoP = ofBearer
	case e.proofs.used:
		ofBearer, ofDPoP = "", ofBearer
	}
	return []string{
		string(bearer) + realm + ofBearer + rest,
		string(dpopBound) + realm + ofDPoP + `, algs="` + strings.Join(e.proofs.algorithms, " ") + `"` + rest,
	}
}

// code returns the error code of the challenge (RFC 6750 §3.1, RFC 9449 §7.1).
func (e *Error) code() string {
	switch e.Reason {
	case ProofMissing, ProofMalformed, ProofMismatch, ProofReplayed:
		if e.Code == InvalidToken {
			return "invalid_dpop_proof"
		}
	}
	return e.Code.String()
}
