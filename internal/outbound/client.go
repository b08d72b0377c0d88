// Package outbound serves the requests that this module sends to other servers. It
// has the HTTP client and its limits, Retry-After, the rule on plain http, checks
// of configuration, and errors without URLs and secrets.
package outbound

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

const (
	UserAgent      = "m2mauth"        // the header of every request
	DefaultTimeout = 10 * time.Second // for a request with a secret

	maxHeaderBytes   = 64 << 10
	maxIdlePerHost   = 16
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 10 * time.Second
)

// NewClient returns a client that sends requests through transport and follows no
// redirect: a 3xx is returned like any other response. A redirect could point to
// other keys, and a 307 would send the credentials along. If transport is nil, the
// client has a transport of its own that keeps up to 16 idle connections per host.
func NewClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = NewTransport(maxIdlePerHost)
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// NewTransport returns a copy of http.DefaultTransport that reads at most 64 KiB
// of response headers and keeps up to idle connections per host. With 0 it keeps
// none, for requests that are minutes apart. If the program has replaced
// http.DefaultTransport by another type, NewTransport returns that.
func NewTransport(idle int) http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxResponseHeaderBytes = maxHeaderBytes
	t.MaxIdleConnsPerHost = idle
	t.DisableKeepAlives = idle == 0
	if proxy := t.Proxy; proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			u, err := proxy(r)
			if err != nil {
				// err quotes the proxy's URL, which may hold a password.
				return nil, errors.New("the proxy's URL is malformed: check HTTPS_PROXY and HTTP_PROXY")
			}
			return u, nil
		}
	}
	return t
}

// NewDirectTransport returns a transport that uses no proxy and keeps no
// connection. Its limits are those of [NewTransport]. control, if not nil, may
// refuse the address of a connection after its name was resolved
// (see net.Dialer.Control).
func NewDirectTransport(config *tls.Config, control func(network, address string, c syscall.RawConn) error) *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: dialTimeout, Control: control}).DialContext,
		TLSClientConfig:        config,
		ForceAttemptHTTP2:      true, // a TLSClientConfig would turn it off
		DisableKeepAlives:      true,
		TLSHandshakeTimeout:    handshakeTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// ErrTooLong is wrapped by [ReadBody]'s error for a body above the limit.
var ErrTooLong = errors.New("the response is too long")

// ReadBody reads a whole body of at most limit bytes, counted after decompression.
// For a longer body it returns an error that wraps [ErrTooLong]. If reading fails, it
// returns the part before the failure with the error.
func ReadBody(body io.Reader, limit int) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if err == nil && len(text) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLong, limit)
	}
	return text, err
}
