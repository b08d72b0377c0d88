package stytch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/m2mauth/m2mauth/internal/jsonv2"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

const (
	maxAnswerBytes = 16 << 20 // more than a page of 1,000 clients with 4 KiB of metadata each
	firstPause     = 200 * time.Millisecond
	longestPause   = 5 * time.Second
	longestWait    = 30 * time.Second // the longest Retry-After that is followed
)

// call describes a call of the API.
type call struct {
	name   string // the Client's method, for errors
	method string
	path   string
	body   any // nil if there is none

	// repeat permits further requests after the first one. They must do no harm if
	// the first one took effect and only its response was lost.
	repeat bool

	// secrets are the secrets in the body. Errors must not repeat them.
	secrets []Secret
}

// do sends the call and decodes the response into dst. It returns the number of
// requests that it has sent.
func (c *Client) do(ctx context.Context, k call, dst any) (attempts int, err error) {
	if c.http == nil {
		return 0, fmt.Errorf("stytch: %s: the Client is a zero value: make it with New", k.name)
	}
	var body []byte
	if k.body != nil {
		if body, err = jsonv2.Marshal(k.body); err != nil {
			return 0, fmt.Errorf("stytch: %s: %w", k.name, err)
		}
	}
	for {
		attempts++
		err = c.attempt(ctx, k, body, dst)
		if err == nil || !k.repeat || attempts > c.retries || !isTransient(err) || ctx.Err() != nil {
			return attempts, err
		}
		if !pause(ctx, attempts, err) {
			return attempts, err
		}
	}
}

// attempt sends one request.
func (c *Client) attempt(ctx context.Context, k call, body []byte, dst any) error {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, k.method, c.base+k.path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("stytch: %s: %w", k.name, outbound.WithoutURL(err))
	}
	req.SetBasicAuth(c.projectID, c.secret.Reveal())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", outbound.UserAgent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.unanswered(ctx, k, err)
	}
	defer res.Body.Close()
	text, err := outbound.ReadBody(res.Body, maxAnswerBytes)
	switch {
	case res.StatusCode < 200 || res.StatusCode > 299:
		return c.refusal(k, res, text)
	case errors.Is(err, outbound.ErrTooLong):
		return fmt.Errorf("stytch: %s: %w", k.name, err)
	case err != nil:
		return c.unanswered(ctx, k, err)
	}
	if err := jsonv2.Unmarshal(text, dst); err != nil {
		// The decoder's own error may quote a secret of the response.
		return fmt.Errorf("stytch: %s: the response is not the expected JSON", k.name)
	}
	return nil
}

// unansweredError is the error of a call without a response.
type unansweredError struct{ error }

func (e unansweredError) Unwrap() error { return e.error }

func (c *Client) unanswered(ctx context.Context, k call, err error) error {
	err = outbound.ErrorWithoutSecrets(outbound.WithoutURL(err), c.secretsOf(k)...)
	if ctx.Err() != nil { // the caller's context, not the attempt's timeout
		return fmt.Errorf("stytch: %s: %w", k.name, context.Cause(ctx))
	}
	return unansweredError{fmt.Errorf("stytch: %s: no response: %w", k.name, err)}
}

// refusal returns the error for a response. The error holds none of the request's
// secrets, even if the response repeats them.
func (c *Client) refusal(k call, res *http.Response, text []byte) error {
	e := &Error{Call: k.name, Status: res.StatusCode, RetryAfter: outbound.RetryAfter(res.Header)}
	var wire stytchwire.Error
	if jsonv2.Unmarshal(text, &wire) == nil {
		secrets := c.secretsOf(k)
		e.Type = ErrorType(outbound.Code(wire.ErrorType, secrets...))
		e.RequestID = outbound.Code(wire.RequestID, secrets...)
		e.Message = outbound.WithoutSecrets(wire.ErrorMessage, secrets...)
	}
	return e
}

// secretsOf returns the secrets in a request of k.
func (c *Client) secretsOf(k call) []string {
	secrets := []string{c.secret.Reveal(), c.projectID + ":" + c.secret.Reveal()}
	for _, s := range k.secrets {
		secrets = append(secrets, s.Reveal())
	}
	return secrets
}

// isTransient reports whether the same request may succeed later.
func isTransient(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		switch e.Status {
		case 429, 500, 502, 503, 504:
			return e.RetryAfter <= longestWait
		}
		return false
	}
	_, ok := errors.AsType[unansweredError](err)
	return ok
}

// pause waits before the next attempt: for the response's Retry-After, or else for a
// time that doubles with each attempt. Half of that is random, so that a fleet's
// retries spread. pause reports false, without waiting, if ctx would end first.
func pause(ctx context.Context, attempts int, err error) bool {
	wait := min(firstPause<<(attempts-1), longestPause)
	wait = wait/2 + rand.N(wait/2)
	if e, ok := errors.AsType[*Error](err); ok && e.RetryAfter > 0 {
		wait = e.RetryAfter + rand.N(firstPause)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
