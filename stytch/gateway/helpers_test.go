package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/m2mauth/m2mauth/m2mtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testProject = "project-test-11111111-1111-4111-8111-111111111111"

// newAuthority makes one with a key that is quick to make.
func newAuthority(t *testing.T, opts m2mtest.Options) *m2mtest.Authority {
	t.Helper()
	if opts.Key == nil {
		opts.Key = m2mtest.NewKey("ES256")
	}
	a := m2mtest.NewAuthority(&opts)
	t.Cleanup(a.Close)
	return a
}

// pass lets virtual time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// direct is a transport that calls a handler on the caller's goroutine: it
// works in virtual time, and counts.
type direct struct {
	http.Handler
	mu       sync.Mutex
	requests []string
}

func (d *direct) RoundTrip(r *http.Request) (res *http.Response, err error) {
	d.mu.Lock()
	d.requests = append(d.requests, r.Method+" "+r.URL.Path)
	d.mu.Unlock()
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
	d.ServeHTTP(w, in)
	return w.Result(), nil
}

func (d *direct) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.requests)
}
