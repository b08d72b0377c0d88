package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
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

	codeUnauthorizedClient = "unauthorized_client" // RFC 6749 §5.2
)

// tokenUpstream asks Stytch for tokens.
type tokenUpstream struct {
	url     string
	http    *http.Client
	timeout time.Duration
}

// request sends the rebuilt request, and takes of the answer what RFC 6749
// knows.
func (u *tokenUpstream) request(ctx context.Context, req *tokenRequest) (*issuedToken, *tokenRefusal) {
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
		return nil, trouble(0, outbound.WithoutURL(err))
	}
	out.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	out.Header.Set("Accept", "application/json")
	out.Header.Set("User-Agent", outbound.UserAgent)
	res, err := u.http.Do(out)
	if err != nil {
		return nil, trouble(0, outbound.WithoutURL(err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxTokenAnswer+1))
	if err != nil {
		return nil, trouble(0, err)
	}
	doc, err := strictjson.Parse(string(body), strictjson.Limits{Depth: 8, Members: 256}, nil)
	switch {
	case len(body) > maxTokenAnswer:
		return nil, trouble(0, errors.New("the answer is too long"))
	case res.StatusCode != http.StatusOK:
		return nil, refusalFrom(res, doc) // doc is empty if it is not Stytch's
	case err != nil:
		return nil, trouble(0, err)
	}
	return tokenFrom(doc)
}

// trouble is what is no fault of the caller's.
func trouble(wait time.Duration, cause error) *tokenRefusal {
	if wait <= 0 {
		wait = standardRetryAfter
	}
	return &tokenRefusal{
		status: http.StatusServiceUnavailable, code: codeUnavailable,
		retryAfter: min(wait, longestRetryAfter),
		cause:      fmt.Errorf("upstream: %w", cause),
	}
}

// refusalFrom tells the client's faults from trouble. An unknown client, a
// wrong secret and an inactive client become one.
func refusalFrom(res *http.Response, doc strictjson.Object) *tokenRefusal {
	code, kind := text(doc, "error"), text(doc, "error_type")
	cause := fmt.Errorf("upstream: HTTP status %d, error %s, error_type %s, request_id %s",
		res.StatusCode, outbound.Quote(code), outbound.Quote(kind), outbound.Quote(text(doc, "request_id")))
	if res.StatusCode >= 400 && res.StatusCode < 500 && res.StatusCode != http.StatusTooManyRequests {
		switch {
		case code == stytchwire.OAuthInvalidClient,
			kind == stytchwire.TypeClientNotFound,
			kind == stytchwire.TypeInvalidClientID,
			kind == stytchwire.TypeInvalidClientSecret,
			kind == stytchwire.TypeUnauthorizedCredentials:
			return &tokenRefusal{status: http.StatusUnauthorized, code: stytchwire.OAuthInvalidClient, cause: cause}
		case res.StatusCode == http.StatusBadRequest:
			switch code {
			case stytchwire.OAuthInvalidScope, stytchwire.OAuthInvalidRequest, codeUnauthorizedClient:
				return &tokenRefusal{status: http.StatusBadRequest, code: code, cause: cause}
			}
		}
	}
	return trouble(outbound.RetryAfter(res.Header), cause)
}

// tokenFrom takes of a good answer what is passed on. Everything else that it
// holds is dropped.
func tokenFrom(doc strictjson.Object) (*issuedToken, *tokenRefusal) {
	access, kind := text(doc, "access_token"), text(doc, "token_type")
	value, _ := doc.Get("expires_in")
	literal, _ := value.Number()
	seconds, err := strconv.ParseInt(literal, 10, 64)
	switch {
	case access == "" || strings.ContainsFunc(access, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return nil, trouble(0, errors.New("the answer holds no usable access_token"))
	case !strings.EqualFold(kind, "bearer"):
		return nil, trouble(0, fmt.Errorf("the answer's token_type is %s", outbound.Quote(kind)))
	case err != nil || seconds <= 0 || seconds > maxTokenLife:
		return nil, trouble(0, errors.New("the answer holds no positive expires_in"))
	}
	return &issuedToken{AccessToken: access, TokenType: "Bearer", ExpiresIn: seconds}, nil
}

func text(doc strictjson.Object, name string) string {
	value, _ := doc.Get(name)
	s, _ := value.Text()
	return s
}
