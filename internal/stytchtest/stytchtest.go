// Package stytchtest serves the tests of packages stytch and gateway: an authority
// that plays Stytch, and a transport that works in virtual time.
package stytchtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// Project is the ID of a project that no authority plays.
const Project = "project-test-11111111-1111-4111-8111-111111111111"

// NewAuthority returns an authority that is closed when the test ends. Its key is
// ES256 by default, because RSA keys take long to generate.
func NewAuthority(t *testing.T, opts m2mtest.Options) *m2mtest.Authority {
	t.Helper()
	if opts.Key == nil {
		opts.Key = m2mtest.NewKey("ES256")
	}
	a := m2mtest.NewAuthority(&opts)
	t.Cleanup(a.Close)
	return a
}

// Transport is an http.RoundTripper that calls a handler on the caller's goroutine.
// It works in virtual time and counts the requests.
type Transport struct {
	http.Handler
	mu       sync.Mutex
	requests []string
}

// RoundTrip calls the handler. A panic in it becomes an error, like a dropped
// connection.
func (t *Transport) RoundTrip(r *http.Request) (res *http.Response, err error) {
	t.mu.Lock()
	t.requests = append(t.requests, r.Method+" "+r.URL.Path)
	t.mu.Unlock()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("connection dropped: %v", p)
		}
		if r.Context().Err() != nil {
			res, err = nil, r.Context().Err()
		}
	}()
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:1"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	t.ServeHTTP(w, in)
	return w.Result(), nil
}

// Requests returns the method and path of each request so far.
func (t *Transport) Requests() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.requests...)
}

// Count returns the number of requests so far.
func (t *Transport) Count() int { return len(t.Requests()) }
