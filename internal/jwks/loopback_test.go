package jwks

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

// These tests are of what a scripted transport can't show: they fetch over
// sockets, through the transport that is taken if none is given.

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// zeros is n bytes of them, compressed.
func zeros(n int64) []byte {
	var b bytes.Buffer
	w := must(gzip.NewWriterLevel(&b, gzip.BestSpeed))
	io.CopyN(w, zero{}, n)
	w.Close()
	return b.Bytes()
}

// quiet logs nothing: handshakes fail on purpose.
var quiet = log.New(io.Discard, "", 0)

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestGzip(t *testing.T) {
	const limit = 4 << 10
	tests := []struct {
		name string
		size int64
		err  error // wrapped
	}{
		{"a document", 1000, nil},
		{"as long as the limit", limit, nil},
		{"a bomb", 4 << 20, outbound.ErrTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			packed := zeros(tt.size)
			fetch := FromURL(serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				w.Write(packed)
			}), nil, limit)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			doc, err := fetch(t.Context(), "")
			runtime.ReadMemStats(&after)
			if !errors.Is(err, tt.err) || err == nil && len(doc.Body) != int(tt.size) {
				t.Errorf("FromURL(%s) = %d bytes, %v; want %d bytes or %v", tt.name, len(doc.Body), err, tt.size, tt.err)
			}
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 2<<20 {
				t.Errorf("a fetch takes %d bytes of memory", spent)
			}
		})
	}
}

func TestLoopback(t *testing.T) {
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
	tests := []struct {
		name    string
		handler http.HandlerFunc
		err     string
	}{
		{"truncated", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "{")
		}, "unexpected EOF"},
		{"dropped", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, http.StatusFound) }, "answered 302"},
		{"redirect loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, "answered 302"},
		{"endless header", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 128<<10))
		}, "exceeded"},
		{"not gzip", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "{}")
		}, "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var hits atomic.Int32
			fetch := FromURL(serve(t, func(w http.ResponseWriter, r *http.Request) {
				hits.Add(1)
				tt.handler(w, r)
			}), nil, 1000)
			_, err := fetch(t.Context(), "")
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if n := hits.Load(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestCertificate(t *testing.T) {
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a redirect to http was followed") })
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	}))
	server.Config.ErrorLog = quiet
	server.StartTLS()
	t.Cleanup(server.Close)
	if _, err := FromURL(server.URL, nil, 1000)(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v, want one about the certificate", err)
	}
	if _, err := FromURL(server.URL, server.Client().Transport, 1000)(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "answered 307") {
		t.Errorf("error %v, want one about the answer", err)
	}
}

// TestNoConnectionIsKept checks that no connection stays open between two
// fetches, which are minutes apart, or after Close.
func TestNoConnectionIsKept(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(document(ed("a"))) })
	before := goleak.IgnoreCurrent()
	if _, err := FromURL(url, nil, 1000)(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
}

func TestProgramsOwnTransport(t *testing.T) {
	defer func(was http.RoundTripper) { http.DefaultTransport = was }(http.DefaultTransport)
	http.DefaultTransport = roundTrip(func(*http.Request) (*http.Response, error) {
		return response(200, nil, strings.NewReader("mine")), nil
	})
	if doc, err := FromURL(address, nil, 1000)(t.Context(), ""); string(doc.Body) != "mine" || err != nil {
		t.Errorf("document %q, error %v", doc.Body, err)
	}
}
