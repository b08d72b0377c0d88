package tokensource

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

const maxResponse = 256 << 10

// parseResponse reads a token response (RFC 6749 §5). Of an error response, only
// the status, Retry-After and an error code that reads like one are kept: its text
// could repeat the request.
func parseResponse(res *http.Response, body []byte, began time.Time, scheme string, secrets []string) (*oauth2.Token, error) {
	obj, err := strictjson.Parse(string(body), responseLimits, nil)
	if code := textMember(obj, "error"); code != "" || res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, newRetrieveError(res, outbound.Code(code, secrets...))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot parse json: %w", err)
	}
	accessToken, tokenType := textMember(obj, "access_token"), textMember(obj, "token_type")
	if err := checkToken(accessToken, tokenType, scheme); err != nil {
		return nil, err
	}
	life, err := expiresIn(obj)
	if err != nil {
		return nil, err
	}
	token := &oauth2.Token{AccessToken: accessToken, TokenType: scheme}
	if life > 0 {
		token.Expiry = began.Add(life)
		token.ExpiresIn = int64(life / time.Second)
	}
	if scope := textMember(obj, "scope"); scope != "" {
		token = token.WithExtra(map[string]any{"scope": scope})
	}
	return token, nil
}

// maxLife bounds expires_in: no token serves for longer.
const maxLife = 366 * 24 * time.Hour

// expiresIn reads expires_in: 0 if it is absent. Some authorities write the number
// as a string.
func expiresIn(obj strictjson.Object) (time.Duration, error) {
	v, _ := obj.Get("expires_in")
	if v.IsAbsent() || v.IsNull() {
		return 0, nil
	}
	text, ok := v.Text()
	if !ok {
		text, _ = v.Number()
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds >= 1) {
		return 0, errors.New("the answer holds no positive expires_in")
	}
	return time.Duration(min(seconds, maxLife.Seconds())) * time.Second, nil
}

func newRetrieveError(res *http.Response, code string) error {
	kept := &http.Response{
		Status:     fmt.Sprintf("%d %s", res.StatusCode, http.StatusText(res.StatusCode)),
		StatusCode: res.StatusCode,
		Header:     http.Header{},
		Body:       http.NoBody,
	}
	if wait := outbound.RetryAfter(res.Header); wait > 0 {
		kept.Header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	return &oauth2.RetrieveError{Response: kept, ErrorCode: code}
}

func retrieveError(err error) (*oauth2.RetrieveError, bool) {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	return e, ok && e.Response != nil
}

// isInvalidClient reports whether the authority refused the client.
func isInvalidClient(err error) bool {
	e, ok := retrieveError(err)
	return ok && (e.ErrorCode == "invalid_client" || e.Response.StatusCode == http.StatusUnauthorized)
}

// mayBeOutdated reports whether the authority may have refused the credentials.
// Ory Hydra answers a wrong signature with invalid_request, and most authorities
// an outdated grant with invalid_grant.
func mayBeOutdated(err error) bool {
	e, ok := retrieveError(err)
	if !ok || isInvalidClient(err) {
		return ok
	}
	switch e.ErrorCode {
	case "", "invalid_request", "invalid_grant", "unauthorized_client":
		return e.Response.StatusCode == http.StatusBadRequest
	}
	return false
}

// retryAfter returns how long a failed request asks to wait.
func retryAfter(err error) time.Duration {
	if e, ok := retrieveError(err); ok {
		return outbound.RetryAfter(e.Response.Header)
	}
	return 0
}
