package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/strictjson"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

const (
	maxTokenAnswer     = 128 << 10
	maxTokenLife       = 366 * 24 * 60 * 60 // seconds
	standardRetryAfter = 5 * time.Second
	longestRetryAfter  = 5 * time.Minute
)

// tokenUpstream requests tokens from Stytch.
type tokenUpstream struct {
	url     string
	http    *http.Client
	timeout time.Duration
	slots   slots
}

// request sends a rebuilt request to Stytch and returns the token or the refusal.
func (u *tokenUpstream) request(ctx context.Context, req *tokenRequest) (token *issuedToken, refused *tokenRefusal) {
	if err := u.slots.take(ctx); err != nil {
		return nil, unavailable(0, err)
	}
	defer u.slots.release()
	defer func() {
		if p := recover(); p != nil { // the value is dropped, because it may hold the secret
			token, refused = nil, unavailable(0, fmt.Errorf("the transport panicked with a %T", p))
		}
	}()
	form := url.Values{}
	for name, values := range req.extra {
		form[name] = values
	}
	form.Set("grant_type", stytchwire.GrantClientCredentials)
	form.Set("client_id", req.clientID)
	form.Set("client_secret", req.clientSecret)
	if req.scope != "" {
		form.Set("scope", req.scope)
	}
	ctx, cancel := context.WithTimeout(ctx, u.timeout)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, unavailable(0, outbound.WithoutURL(err))
	}
	out.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	out.Header.Set("Accept", "application/json")
	out.Header.Set("User-Agent", outbound.UserAgent)
	res, err := u.http.Do(out)
	if err != nil {
		return nil, unavailable(0, outbound.ErrorWithoutSecrets(outbound.WithoutURL(err), req.clientSecret))
	}
	defer res.Body.Close()
	body, readErr := outbound.ReadBody(res.Body, maxTokenAnswer)
	doc, parseErr := strictjson.Parse(string(body), strictjson.Limits{Depth: 8, Members: 256}, nil)
	switch {
	case res.StatusCode != http.StatusOK:
		return nil, refusalFrom(res, doc, req) // doc is empty if the body is not JSON
	case readErr != nil:
		return nil, unavailable(0, outbound.ErrorWithoutSecrets(readErr, req.clientSecret))
	case parseErr != nil:
		return nil, unavailable(0, parseErr)
	}
	token, refused = tokenFrom(doc)
	id := outbound.Code(text(doc, "request_id"), req.secrets()...)
	if refused != nil {
		refused.requestID = id
	} else {
		token.requestID = id
	}
	return token, refused
}

// unavailable returns the refusal for a failure of Stytch or of this process. The
// client may retry after wait, or after 5 s if wait is 0.
func unavailable(wait time.Duration, cause error) *tokenRefusal {
	if wait <= 0 {
		wait = standardRetryAfter
	}
	return &tokenRefusal{
		status: http.StatusServiceUnavailable, code: codeUnavailable,
		retryAfter: min(wait, longestRetryAfter),
		cause:      fmt.Errorf("upstream: %w", cause),
	}
}

// refusalFrom returns the refusal for a response of Stytch's other than 200. An
// unknown client, a wrong secret and an inactive client become the same refusal.
func refusalFrom(res *http.Response, doc strictjson.Object, req *tokenRequest) *tokenRefusal {
	// Every part of the response may repeat the secret.
	secrets := req.secrets()
	id := outbound.Code(text(doc, "request_id"), secrets...)
	code, kind := outbound.Code(text(doc, "error"), secrets...), outbound.Code(text(doc, "error_type"), secrets...)
	cause := fmt.Errorf("HTTP status %d, error %s, error_type %s, request_id %s",
		res.StatusCode, outbound.Quote(code), outbound.Quote(kind), outbound.Quote(id))
	refuse := func(status int, code string) *tokenRefusal {
		return &tokenRefusal{status: status, code: code, cause: fmt.Errorf("upstream: %w", cause), requestID: id}
	}
	switch {
	case isBadClient(res.StatusCode, code, kind):
		return refuse(http.StatusUnauthorized, stytchwire.OAuthInvalidClient)
	case res.StatusCode == http.StatusBadRequest && (code == stytchwire.OAuthInvalidScope || code == stytchwire.OAuthInvalidRequest):
		return refuse(http.StatusBadRequest, code)
	default:
		refused := unavailable(outbound.RetryAfter(res.Header), cause)
		refused.requestID = id
		return refused
	}
}

// isBadClient reports whether Stytch has refused the client's credentials, which it
// does in several ways.
func isBadClient(status int, code, kind string) bool {
	switch status {
	case http.StatusUnauthorized: // with any body
		return true
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound:
	default:
		return false
	}
	switch kind {
	case stytchwire.TypeClientNotFound, stytchwire.TypeInvalidClientID, stytchwire.TypeInvalidClientSecret,
		stytchwire.TypeUnauthorizedCredentials:
		return true
	}
	switch code {
	case stytchwire.OAuthInvalidClient, stytchwire.OAuthInvalidGrant, stytchwire.OAuthUnauthorizedClient:
		return true
	}
	return false
}

// tokenFrom returns the token of a response with status 200, and drops every other
// member.
func tokenFrom(doc strictjson.Object) (*issuedToken, *tokenRefusal) {
	access, kind := text(doc, "access_token"), text(doc, "token_type")
	value, _ := doc.Get("expires_in")
	literal, _ := value.Number()
	seconds, err := strconv.ParseInt(literal, 10, 64)
	switch {
	case access == "" || strings.ContainsFunc(access, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return nil, unavailable(0, errors.New("the response holds no usable access_token"))
	case !strings.EqualFold(kind, "bearer"):
		return nil, unavailable(0, errors.New("the token_type of the response is not bearer"))
	case err != nil || seconds <= 0 || seconds > maxTokenLife:
		return nil, unavailable(0, errors.New("the response holds no positive expires_in"))
	}
	return &issuedToken{AccessToken: access, TokenType: "Bearer", ExpiresIn: seconds, scope: text(doc, "scope")}, nil
}

func text(doc strictjson.Object, name string) string {
	value, _ := doc.Get(name)
	s, _ := value.Text()
	return s
}
