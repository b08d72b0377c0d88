// Package outbound holds what every request to an authority needs: a client
// that follows no redirects, checks of configured URLs, and error texts without
// secrets.
package outbound

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	UserAgent      = "m2mauth"
	DefaultTimeout = 10 * time.Second

	maxHeaderBytes = 64 << 10
)

// NewClient returns an HTTP client that returns redirects as they are. A client
// that followed a 307 would resend credentials to the host that it names.
//
// If transport is nil, requests go through a transport like
// http.DefaultTransport, with connections of its own.
func NewClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = defaultTransport()
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func defaultTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // the program replaced it, and expects to see every request
	}
	t = t.Clone()
	t.MaxResponseHeaderBytes = maxHeaderBytes
	t.MaxIdleConnsPerHost = 16
	return t
}

// WithoutURL returns what the *url.Errors in err wrap. They repeat the URL,
// which may hold secrets.
func WithoutURL(err error) error {
	for {
		u, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = u.Err
	}
}

// RetryAfter returns the wait that a Retry-After field asks for, given as
// seconds or as a date (RFC 9110 §10.2.3). It returns 0 for an absent or
// malformed field.
func RetryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
