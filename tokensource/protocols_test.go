package tokensource_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/m2mauth/m2mauth/tokensource"
)

// TestProtocols: a refused request is repeated on its own connection, over
// HTTP/1.1 and HTTP/2, unless the refusal's body is too long to be drained.
func TestProtocols(t *testing.T) {
	for _, tt := range []struct {
		name        string
		http2       bool
		refusal     int // bytes of its body
		connections int32
	}{
		{"HTTP/1.1", false, 60 << 10, 1},
		{"HTTP/2.0", true, 60 << 10, 1},
		{"HTTP/1.1", false, 1 << 20, 2},
		{"HTTP/2.0", true, 1 << 20, 1},
	} {
		t.Run(fmt.Sprint(tt.name, tt.refusal), func(t *testing.T) {
			var opened atomic.Int32
			var mu sync.Mutex
			var bodies []string
			api := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body := must(io.ReadAll(r.Body))
				mu.Lock()
				bodies = append(bodies, r.Proto+" "+r.Header.Get("Authorization")+" "+string(body))
				mu.Unlock()
				if r.Header.Get("Authorization") == "Bearer token-1" {
					w.Header().Set("WWW-Authenticate", invalidToken)
					w.WriteHeader(http.StatusUnauthorized)
					io.WriteString(w, strings.Repeat("x", tt.refusal))
					return
				}
				io.WriteString(w, "ok")
			}))
			api.EnableHTTP2 = tt.http2
			api.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					opened.Add(1)
				}
			}
			api.StartTLS()
			defer api.Close()

			s := must(tokensource.New(tokensource.Config{
				TokenURL: tokenURL, Credentials: tokensource.Secret(clientID, secret), Transport: &authority{},
			}))
			defer s.Close()
			client := &http.Client{Transport: must(s.RoundTripper(api.Client().Transport, api.URL))}
			defer client.CloseIdleConnections()
			req := must(http.NewRequestWithContext(t.Context(), http.MethodPut, api.URL, strings.NewReader("body")))
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if text := must(io.ReadAll(res.Body)); res.StatusCode != 200 || string(text) != "ok" {
				t.Errorf("%d %q, want 200", res.StatusCode, text)
			}
			want := tt.name + " Bearer token-1 body, " + tt.name + " Bearer token-2 body"
			if got := strings.Join(bodies, ", "); got != want {
				t.Errorf("requests: %s, want %s", got, want)
			}
			if got := opened.Load(); got != tt.connections {
				t.Errorf("%d connections, want %d", got, tt.connections)
			}
		})
	}
}
