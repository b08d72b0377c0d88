package httpmw_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestHTTP2: with TLS and without it (h2c), calls that share a connection
// are decided each by its own token, and each handler finds its own client.
func TestHTTP2(t *testing.T) {
	authority, guard := newGuard(t, nil)
	const callers = 8
	together := make(chan struct{})
	h := guard.Require(scopes.All("a"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/together" { // several are in the handler at the same time
			// A send meets a receive: half of them wait for the other half.
			select {
			case together <- struct{}{}:
			case <-together:
			case <-r.Context().Done():
			}
		}
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprint(w, r.Proto, " ", client.ID)
	}))
	pair := tlstest.New(t)
	for name, start := range map[string]func(*httptest.Server) *http.Transport{
		"TLS": func(s *httptest.Server) *http.Transport {
			s.TLS, s.EnableHTTP2 = pair.ServerConfig(), true
			s.StartTLS()
			return &http.Transport{TLSClientConfig: pair.ClientConfig(nil), ForceAttemptHTTP2: true}
		},
		"h2c": func(s *httptest.Server) *http.Transport {
			var protocols http.Protocols
			protocols.SetUnencryptedHTTP2(true)
			s.Config.Protocols = &protocols
			s.Start()
			return &http.Transport{Protocols: &protocols}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(h)
			transport := start(server)
			defer server.Close()
			defer transport.CloseIdleConnections()
			call := func(path string, authorization ...string) (int, string) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				req, _ := http.NewRequestWithContext(ctx, "GET", server.URL+path, nil)
				req.Header["Authorization"] = authorization
				res, err := transport.RoundTrip(req)
				if err != nil {
					t.Error(err)
					return 0, ""
				}
				defer res.Body.Close()
				body, _ := io.ReadAll(res.Body)
				return res.StatusCode, string(body)
			}
			token := func(id string, granted ...string) string {
				return "Bearer " + authority.Token(m2mtest.TokenSpec{ClientID: id, Scopes: granted})
			}
			good := token("m2m-client-test-1", "a")
			for _, tt := range []struct {
				name   string
				values []string
				want   int
			}{
				{"good", []string{good}, 200},
				{"none", nil, 401},
				{"without the scope", []string{token("m2m-client-test-2", "b")}, 403},
				{"two", []string{good, good}, 400},
				{"a trailing space, which HTTP/2 does not trim", []string{good + " "}, 400},
			} {
				if code, body := call("/", tt.values...); code != tt.want || code == 200 && body != "HTTP/2.0 m2m-client-test-1" {
					t.Errorf("%s: %d %q, want %d", tt.name, code, body, tt.want)
				}
			}
			var group sync.WaitGroup
			for i := range callers {
				group.Go(func() {
					id := fmt.Sprintf("m2m-client-test-%d", i)
					if code, body := call("/together", token(id, "a")); code != 200 || body != "HTTP/2.0 "+id {
						t.Errorf("%s: %d %q", id, code, body)
					}
				})
			}
			group.Wait()
		})
	}
}

// punctual is a guard without leeway.
func punctual(t *testing.T) (*m2mtest.Authority, *verifier.Verifier, *httpmw.Middleware) {
	t.Helper()
	authority, v := m2mtest.Trust(t, &verifier.Config{Leeway: -1})
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	return authority, v, guard
}

// TestEventsOutliveTheirToken: the guard decides once. The handler continues
// past the expiry, unless it takes a context that ends with the token.
func TestEventsOutliveTheirToken(t *testing.T) {
	for name, until := range map[string]bool{"with WhileValid": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				authority, v, guard := punctual(t)
				h := guard.Require(scopes.Authenticated())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ctx := r.Context()
					if until {
						var cancel context.CancelFunc
						ctx, cancel = v.WhileValid(ctx)
						defer cancel()
					}
					tick := time.NewTicker(time.Second)
					defer tick.Stop()
					for range 90 {
						select {
						case <-ctx.Done():
							fmt.Fprintf(w, "event: end\ndata: %v\n\n", verifier.AsError(context.Cause(ctx)).Reason)
							return
						case <-tick.C:
							if ctx.Err() == nil { // of two that are ready, select takes either
								fmt.Fprint(w, "data: x\n\n")
							}
						}
					}
				}))
				began := time.Now()
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("Authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{TTL: time.Minute}))
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				events, lasted := strings.Count(w.Body.String(), "data: x"), time.Since(began)
				if until && (lasted != time.Minute || events < 59 || !strings.HasSuffix(w.Body.String(), "event: end\ndata: expired\n\n")) {
					t.Errorf("%d events in %v: %s", events, lasted, w.Body)
				}
				if !until && (lasted != 90*time.Second || events != 90) {
					t.Errorf("%d events in %v", events, lasted)
				}
			})
		})
	}
}

// TestHijackedConnectionsEnd: the ResponseWriter is passed on unchanged, so
// a handler can hijack the connection. WhileValid ends the work on it. The
// connection of a refused call is never hijacked.
func TestHijackedConnectionsEnd(t *testing.T) {
	authority, v, guard := punctual(t)
	hijacked := 0
	server := httptest.NewServer(guard.Require(scopes.Authenticated())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hijacked++
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		ctx, cancel := v.WhileValid(r.Context())
		defer cancel()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\nhello\n")
		rw.Flush()
		<-ctx.Done()
		if cause := context.Cause(ctx); !errors.Is(cause, verifier.Expired) {
			t.Errorf("cause %v, want %s", cause, verifier.Expired)
		}
		fmt.Fprint(conn, "bye\n")
	})))
	defer server.Close()
	dial := func(token string) (status int, lines string) {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: lines\r\nAuthorization: Bearer %s\r\n\r\n", token)
		br := bufio.NewReader(conn)
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode == 101 {
			rest, _ := io.ReadAll(br)
			lines = string(rest)
		}
		return res.StatusCode, lines
	}
	soon := float64(time.Now().Add(600*time.Millisecond).UnixMicro()) / 1e6
	if status, lines := dial(authority.Token(m2mtest.TokenSpec{Claims: map[string]any{"exp": soon}})); status != 101 || lines != "hello\nbye\n" {
		t.Errorf("%d %q", status, lines)
	}
	if status, _ := dial(authority.Token(m2mtest.TokenSpec{TTL: -time.Minute})); status != 401 || hijacked != 1 {
		t.Errorf("an expired token: %d; %d connections were taken over", status, hijacked)
	}
}
