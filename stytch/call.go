package stytch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/m2mauth/m2mauth/internal/jsonv2"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

const (
	maxAnswerBytes = 16 << 20 // a page of 1,000 clients with 4 KiB of metadata each, and more
	firstPause     = 200 * time.Millisecond
	longestPause   = 5 * time.Second
	longestWait    = 30 * time.Second // that Retry-After is heeded for
)

// call is one of the API's calls.
type call struct {
	name   string // the method, for errors
	method string
	path   string
	body   any // nil for none

	// repeat is whether a second request does no harm if the first one was
	// carried out and only its answer lost.
	repeat bool

	// secrets are those that the body holds. Errors must not repeat them.
	secrets []Secret
}

// do makes the call and reads the answer into dst. attempts is how many
// requests it took.
func (c *Client) do(ctx context.Context, k call, dst any) (attempts int, err error) {
	var body []byte
	if k.body != nil {
		if body, err = jsonv2.Marshal(k.body); err != nil {
			return 0, fmt.Errorf("stytch: %s: %w", k.name, err)
		}
	}
	for {
		attempts++
		err = c.attempt(ctx, k, body, dst)
		if err == nil || !k.repeat || attempts > c.retries || !passing(err) || ctx.Err() != nil {
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
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes+1))
	switch {
	case res.StatusCode < 200 || res.StatusCode > 299:
		return c.refusal(k, res, text)
	case err != nil:
		return c.unanswered(ctx, k, err)
	case len(text) > maxAnswerBytes:
		return fmt.Errorf("stytch: %s: the answer is longer than %d bytes", k.name, maxAnswerBytes)
	}
	if err := jsonv2.Unmarshal(text, dst); err != nil {
		// The decoder's own error may quote the answer, and with it a secret.
		return fmt.Errorf("stytch: %s: the answer is not the JSON that it should be", k.name)
	}
	return nil
}

// unansweredError is a call that got no answer.
type unansweredError struct{ error }

func (e unansweredError) Unwrap() error { return e.error }

func (c *Client) unanswered(ctx context.Context, k call, err error) error {
	err = outbound.RedactError(outbound.WithoutURL(err), c.secretsOf(k)...)
	if ctx.Err() != nil { // not the attempt's own timeout
		return fmt.Errorf("stytch: %s: %w", k.name, context.Cause(ctx))
	}
	return unansweredError{fmt.Errorf("stytch: %s: no answer: %w", k.name, err)}
}

// refusal returns the error for an answer. Whatever the answer repeats, the error
// holds none of the request's secrets.
func (c *Client) refusal(k call, res *http.Response, text []byte) error {
	e := &Error{Call: k.name, Status: res.StatusCode, RetryAfter: outbound.RetryAfter(res.Header)}
	var wire stytchwire.Error
	if jsonv2.Unmarshal(text, &wire) == nil {
		secrets := c.secretsOf(k)
		e.Type = ErrorType(outbound.Code(wire.ErrorType, secrets...))
		e.RequestID = outbound.Code(wire.RequestID, secrets...)
		e.Message = outbound.Redact(wire.ErrorMessage, secrets...)
	}
	return e
}

// secretsOf returns the secrets that a request of k holds.
func (c *Client) secretsOf(k call) []string {
	secrets := []string{c.secret.Reveal(), c.projectID + ":" + c.secret.Reveal()}
	for _, s := range k.secrets {
		secrets = append(secrets, s.Reveal())
	}
	return secrets
}

// passing reports whether the same request may succeed later.
func passing(err error) bool {
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

// pause waits before the next attempt: as long as the answer asked for, or
// ever longer, by half at random, so that a fleet does not come back as one. It
// reports false, without waiting, if ctx would end meanwhile.
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
