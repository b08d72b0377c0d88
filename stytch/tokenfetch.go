package stytch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// tokenFetcher sends token requests.
type tokenFetcher struct {
	url         string
	credentials func(context.Context) (Credentials, error)
	scopes      []string
	http        *http.Client
	timeout     time.Duration
}

// fetch requests a token. If the authority refuses the credentials, fetch calls
// credentials again and sends a second request if they have changed: a rotation may
// just have been completed.
func (f *tokenFetcher) fetch(ctx context.Context) (*oauth2.Token, error) {
	used, err := f.current(ctx)
	if err != nil {
		return nil, err
	}
	token, err := f.request(ctx, used)
	if !isInvalidClient(err) {
		return token, err
	}
	now, currentErr := f.current(ctx)
	if currentErr != nil || now.ClientID == used.ClientID && now.ClientSecret.Equal(used.ClientSecret) {
		return nil, err
	}
	return f.request(ctx, now)
}

// current calls credentials, a function of the user's.
func (f *tokenFetcher) current(ctx context.Context) (c Credentials, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	defer func() {
		if recover() != nil { // the value is dropped, because it may hold the secret
			err = errors.New("stytch: TokenSource: credentials panicked")
		}
	}()
	c, err = f.credentials(ctx)
	switch {
	case err != nil:
		return c, fmt.Errorf("stytch: TokenSource: credentials: %w", err)
	case c.ClientID == "" || c.ClientSecret.IsZero():
		return c, errors.New("stytch: TokenSource: credentials returned an empty ClientID or ClientSecret")
	}
	return c, nil
}

func (f *tokenFetcher) request(ctx context.Context, c Credentials) (*oauth2.Token, error) {
	config := clientcredentials.Config{
		ClientID:     c.ClientID,
		ClientSecret: c.ClientSecret.Reveal(),
		TokenURL:     f.url,
		Scopes:       f.scopes,
		// Not AuthStyleAutoDetect, which sends every refused secret twice. Not
		// Basic, which some servers form-decode and others don't.
		AuthStyle: oauth2.AuthStyleInParams,
	}
	limited, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	token, err := config.Token(context.WithValue(limited, oauth2.HTTPClient, f.http))
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, fmt.Errorf("stytch: TokenSource: %w", context.Cause(ctx))
	default:
		return nil, newTokenError(err, c)
	}
	switch {
	case token.Type() != "Bearer":
		return nil, errors.New("stytch: TokenSource: the token_type is not bearer")
	case !token.Expiry.After(time.Now()): // optional in RFC 6749 §5.1, but needed to replace the token in time
		return nil, errors.New("stytch: TokenSource: the response holds no positive expires_in")
	}
	return token, nil
}

// tokenError is the error of a failed request. It wraps an *oauth2.RetrieveError if
// the authority responded.
type tokenError struct{ err error }

// newTokenError returns the error of a failed request with c. oauth2's own error holds
// the response's body and the request, which may hold the secret. Only the status,
// Retry-After and a well-formed error code are kept.
func newTokenError(err error, c Credentials) error {
	err = outbound.WithoutURL(err)
	secret := c.ClientSecret.Reveal()
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refused.Response == nil {
		return &tokenError{outbound.ErrorWithoutSecrets(err, secret)}
	}
	kept := &http.Response{
		Status:     fmt.Sprintf("%d %s", refused.Response.StatusCode, http.StatusText(refused.Response.StatusCode)),
		StatusCode: refused.Response.StatusCode,
		Header:     http.Header{}, Body: http.NoBody,
	}
	if wait := refused.Response.Header.Get("Retry-After"); outbound.RetryAfter(refused.Response.Header) > 0 {
		kept.Header.Set("Retry-After", wait)
	}
	return &tokenError{&oauth2.RetrieveError{
		Response:  kept,
		ErrorCode: outbound.Code(refused.ErrorCode, secret, c.ClientID+":"+secret),
	}}
}

func (e *tokenError) Unwrap() error { return e.err }

func (e *tokenError) Error() string {
	refused, ok := errors.AsType[*oauth2.RetrieveError](e.err)
	switch {
	case !ok:
		return fmt.Sprintf("stytch: TokenSource: %v", e.err)
	case refused.ErrorCode != "":
		return fmt.Sprintf("stytch: TokenSource: HTTP status %d, error %q", refused.Response.StatusCode, refused.ErrorCode)
	default:
		return fmt.Sprintf("stytch: TokenSource: HTTP status %d", refused.Response.StatusCode)
	}
}

func isInvalidClient(err error) bool {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	return ok && (refused.ErrorCode == stytchwire.OAuthInvalidClient || refused.Response.StatusCode == http.StatusUnauthorized)
}

// wantedWait returns the Retry-After of a failed request.
func wantedWait(err error) time.Duration {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response != nil {
		return outbound.RetryAfter(refused.Response.Header)
	}
	return 0
}
