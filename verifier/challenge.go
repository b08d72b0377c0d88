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
// the response (RFC 6750 §3, RFC 9110 §11.6.1), one field for each. It returns
// nil for Unavailable and TooManyRequests: a client that is challenged would
// discard a good token. Nothing of the Reason or the cause is in a challenge.
//
// A Realm or ResourceMetadata that a challenge can't hold is not repeated.
func (e *Error) Challenges() []string {
	if e == nil {
		return nil
	}
	var b strings.Builder
	b.WriteString(`Bearer realm="` + challenge.Realm(e.Realm) + `"`)
	switch e.Code {
	case NoCredentials: // no error code without credentials (RFC 6750 §3.1)
	case InvalidRequest, InvalidToken:
		b.WriteString(`, error="` + e.Code.String() + `"`)
	case InsufficientScope:
		b.WriteString(`, error="insufficient_scope"`)
		// Scope names hold no quote and no backslash, so they need no escape.
		if scope := strings.Join(e.Need.Scopes(), " "); scope != "" && len(scope) <= maxChallengeScope {
			b.WriteString(`, scope="` + scope + `"`)
		}
	default:
		return nil
	}
	if e.ResourceMetadata != "" && challenge.Quotable(e.ResourceMetadata) {
		b.WriteString(`, resource_metadata="` + e.ResourceMetadata + `"`) // RFC 9728 §5.1
	}
	return []string{b.String()}
}
