package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// issuedToken holds a token response (RFC 6749 §5.1).
type issuedToken struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`

	scope, requestID string // of Stytch's response, for Observe alone
}

// tokenRefusal holds an error response (RFC 6749 §5.2).
type tokenRefusal struct {
	status     int
	code       string
	retryAfter time.Duration
	cause      error  // for Observe alone
	requestID  string // of Stytch's response, for Observe alone
}

// codeUnavailable is the code for too many requests and for failures of Stytch. RFC
// 6749 defines it in §4.1.2.1; §5.2 has no code for them.
const codeUnavailable = "temporarily_unavailable"

func (e *tokenRefusal) Error() string {
	return fmt.Sprintf("gateway: %s: %v", e.code, e.cause)
}
func (e *tokenRefusal) Unwrap() error { return e.cause }

// unready returns the refusal of a zero TokenEndpoint.
func unready() *tokenRefusal {
	return unavailable(0, errors.New("the TokenEndpoint is a zero value: make it with NewTokenEndpoint"))
}

func invalidRequest(cause error) *tokenRefusal {
	return &tokenRefusal{status: http.StatusBadRequest, code: stytchwire.OAuthInvalidRequest, cause: cause}
}

func tooMany(wait time.Duration, cause error) *tokenRefusal {
	return &tokenRefusal{status: http.StatusTooManyRequests, code: codeUnavailable, retryAfter: wait, cause: cause}
}

// description returns a fixed text, without any part of the request or of Stytch's
// response.
func (e *tokenRefusal) description() string {
	switch e.status {
	case http.StatusMethodNotAllowed:
		return "The method is not POST."
	case http.StatusRequestEntityTooLarge:
		return "The request is too large."
	case http.StatusTooManyRequests:
		return "There were too many requests."
	case http.StatusServiceUnavailable:
		return "Tokens can't be issued at the moment."
	}
	switch e.code {
	case stytchwire.OAuthInvalidClient:
		return "Client authentication failed."
	case stytchwire.OAuthInvalidScope:
		return "The scope is malformed, or exceeds what the client may ask for."
	case stytchwire.OAuthUnsupportedGrantType:
		return "The grant type is not client_credentials."
	default:
		return "The request is malformed: send one client_id, client_secret and grant_type, as a form or JSON, by POST."
	}
}

func (e *tokenRefusal) write(w http.ResponseWriter, usedHeader bool) {
	h := w.Header()
	switch {
	case e.status == http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	case e.status == http.StatusUnauthorized && usedHeader: // RFC 6749 §5.2
		h.Set("WWW-Authenticate", `Basic realm="token"`)
	}
	if e.retryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.retryAfter+time.Second-1)/time.Second), 10))
	}
	writeAnswer(w, e.status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{e.code, e.description()})
}

func (t *issuedToken) write(w http.ResponseWriter) { writeAnswer(w, http.StatusOK, t) }

func writeAnswer(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store") // RFC 6749 §5.1
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only if the connection is broken
}
