package tokensource_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/tokensource"
)

const invalidToken = `Bearer realm="api", error="invalid_token"`

// service is a transport that answers requests to services in virtual time.
type service struct {
	mu     sync.Mutex
	seen   []string // method, URL, Authorization and body of each request
	refuse map[string]bool
	delay  time.Duration
	reply  func(r *http.Request) *http.Response // nil: refuse by token, or 200
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	<-time.After(s.delay)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	authorization := strings.Join(r.Header.Values("Authorization"), "+")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, strings.TrimRight(r.Method+" "+r.URL.String()+" "+strings.TrimPrefix(authorization, "Bearer ")+" "+string(body), " "))
	var res *http.Response
	if s.reply != nil {
		res = s.reply(r)
	}
	if res == nil && s.refuse[strings.TrimPrefix(authorization, "Bearer ")] {
		res = response(401, "refused", "Www-Authenticate", invalidToken)
	}
	if res == nil {
		res = response(200, "ok")
	}
	res.Request = r
	return res, nil
}

func (s *service) calls() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.seen, "\n")
}

func (s *service) wantCalls(t *testing.T, want ...string) {
	t.Helper()
	if got := s.calls(); got != strings.Join(want, "\n") {
		t.Errorf("requests to services:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

type world struct {
	*authority
	*service
	*events
	source *tokensource.Source
	client *http.Client
}

// withClient runs f with a client for orders and billing.
func withClient(t *testing.T, change func(*tokensource.Config), f func(t *testing.T, w *world)) {
	t.Helper()
	inBubble(t, change, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		w := &world{a, &service{refuse: map[string]bool{}}, e, s, nil}
		w.client = &http.Client{Transport: must(s.RoundTripper(w.service, orders, billing))}
		f(t, w)
	})
}

func (w *world) do(t *testing.T, r *http.Request) (status int, body string) {
	t.Helper()
	res, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode, string(must(io.ReadAll(res.Body)))
}

func (w *world) get(t *testing.T, url string) int {
	t.Helper()
	status, _ := w.do(t, must(http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)))
	return status
}

func TestOrigins(t *testing.T) {
	for _, tt := range []struct {
		url  string
		want bool
	}{
		{orders, true}, {orders + "/a?b#c", true}, {"https://orders.example.com:443/", true}, {"https://ORDERS.example.com/", true},
		{billing + "/", true}, {"https://user:pass@orders.example.com/", true},
		{"http://orders.example.com/", false}, {"https://orders.example.com:8443/", false}, {"https://orders.example.com./", false},
		{"https://example.com/", false}, {"https://a.orders.example.com/", false}, {"https://orders.example.com.evil.example/", false},
		{"https://orders.example.com@evil.example/", false}, {"https://evil.example/?u=" + orders, false},
	} {
		withClient(t, nil, func(t *testing.T, w *world) {
			w.get(t, tt.url)
			if got := strings.Contains(w.calls(), "token-1"); got != tt.want {
				t.Errorf("%s gets the token: %v, want %v", tt.url, got, tt.want)
			}
			if !tt.want {
				w.wantFetches(t, 0)
			}
		})
	}
	withClient(t, nil, func(t *testing.T, w *world) {
		for host, want := range map[string]bool{"orders.example.com:443": true, "Orders.example.com": true, "evil.example": false} {
			r := must(http.NewRequestWithContext(t.Context(), http.MethodGet, orders, nil))
			r.Host = host
			w.seen = nil
			w.do(t, r)
			if got := strings.Contains(w.calls(), "token-1"); got != want {
				t.Errorf("Host %s gets the token: %v, want %v", host, got, want)
			}
		}
	})
}

func TestRoundTripperMistakes(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *authority, s *tokensource.Source, _ *events) {
		_, err := s.RoundTripper(nil)
		wantError(t, "RoundTripper()", err, "no origins")
		_, err = s.RoundTripper(nil, "http://api.example.com", orders+"/v1", "api.example.com", "https://u:hunter2@a.example", "https://a.example?x", "https://a.example:", "http://127.0.0.1:8080", "http://localhost/")
		for _, want := range []string{`"http://api.example.com" is not https`, `/v1" has a path`, `"api.example.com" is no absolute URL`, `"https://a.example:" is no absolute URL`, "holds credentials", "a query"} {
			wantError(t, "RoundTripper", err, want)
		}
		if strings.Count(err.Error(), "\n") != 5 || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("RoundTripper = %v, want six mistakes", err)
		}
	})
	_, err := new(tokensource.Source).RoundTripper(nil, orders)
	wantError(t, "RoundTripper", err, "zero value")
}

// TestRedirects: the token goes to its own origins on every hop, and to no other.
func TestRedirects(t *testing.T) {
	hops := map[string]string{
		orders + "/1":                 billing + "/2",
		billing + "/2":                "https://evil.example/3",
		"https://evil.example/3":      "http://orders.example.com/4",
		"http://orders.example.com/4": orders + "/5",
	}
	redirect := func(r *http.Request) *http.Response {
		if to := hops[r.URL.String()]; to != "" {
			return response(307, "", "Location", to)
		}
		return nil
	}
	t.Run("by the client", func(t *testing.T) {
		withClient(t, nil, func(t *testing.T, w *world) {
			w.reply = redirect
			if got := w.get(t, orders+"/1"); got != 200 {
				t.Errorf("status %d, want 200", got)
			}
			w.wantCalls(t, "GET "+orders+"/1 token-1", "GET "+billing+"/2 token-1", "GET https://evil.example/3",
				"GET http://orders.example.com/4", "GET "+orders+"/5 token-1")
		})
	})
	t.Run("by hand", func(t *testing.T) {
		withClient(t, nil, func(t *testing.T, w *world) {
			w.reply = redirect
			w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			r := must(http.NewRequestWithContext(t.Context(), http.MethodGet, orders+"/1", nil))
			for range 5 {
				res, err := w.client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if to, err := res.Location(); err == nil {
					r = res.Request.Clone(t.Context())
					r.URL, r.Host = to, ""
				}
			}
			w.wantCalls(t, "GET "+orders+"/1 token-1", "GET "+billing+"/2 token-1", "GET https://evil.example/3",
				"GET http://orders.example.com/4", "GET "+orders+"/5 token-1")
		})
	})
	t.Run("by hand, with the token copied", func(t *testing.T) {
		withClient(t, nil, func(t *testing.T, w *world) {
			r := must(http.NewRequestWithContext(t.Context(), http.MethodGet, "https://evil.example", nil))
			r.Header.Set("Authorization", "Bearer "+token(t, w.source))
			w.do(t, r)
			r.Header.Set("Authorization", "Basic mine")
			w.do(t, r)
			w.wantCalls(t, "GET https://evil.example", "GET https://evil.example Basic mine")
		})
	})
}

// TestRequestUnchanged: a RoundTripper must not change its request, and replaces
// what it has for Authorization.
func TestRequestUnchanged(t *testing.T) {
	withClient(t, nil, func(t *testing.T, w *world) {
		r := must(http.NewRequestWithContext(t.Context(), http.MethodGet, orders, nil))
		r.Header = http.Header{"Authorization": {"mine"}, "authorization": {"mine"}, "X-Y": {"z"}}
		before := maps.Clone(r.Header)
		w.do(t, r)
		if !maps.EqualFunc(r.Header, before, func(a, b []string) bool { return a[0] == b[0] }) {
			t.Errorf("header %v, want %v", r.Header, before)
		}
		res, err := w.client.Transport.RoundTrip(&http.Request{Method: http.MethodGet, URL: r.URL}) // no header at all
		if err != nil || res.StatusCode != 200 {
			t.Errorf("RoundTrip = %v, %v, want 200", res, err)
		}
		w.wantCalls(t, "GET "+orders+" token-1", "GET "+orders+" token-1")
	})
}

// TestRefusal: the refused token is replaced and the request repeated once. Other
// origins keep the token until then.
func TestRefusal(t *testing.T) {
	withClient(t, nil, func(t *testing.T, w *world) {
		w.refuse["token-1"], w.delay = true, time.Millisecond
		w.reply = func(r *http.Request) *http.Response {
			if r.URL.Host == "billing.example.com" {
				return response(200, "")
			}
			return nil
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if got := w.get(t, orders); got != 200 {
					t.Errorf("status %d, want 200", got)
				}
			})
		}
		pass(2 * time.Millisecond)
		w.get(t, billing) // not delayed
		wg.Wait()
		w.wantFetches(t, 2)
		got := w.calls()
		if strings.Count(got, orders+" token-1") != 20 || strings.Count(got, orders+" token-2") != 20 || strings.Count(got, billing+" token-1") != 1 {
			t.Errorf("requests:\n%s", got)
		}
		w.get(t, billing)
		if !strings.HasSuffix(w.calls(), billing+" token-2") {
			t.Error("billing does not get the new token")
		}
	})
}

// TestRefusesEverything: a service that refuses each token.
func TestRefusesEverything(t *testing.T) {
	withClient(t, nil, func(t *testing.T, w *world) {
		w.reply = func(*http.Request) *http.Response {
			return response(401, "refused", "Www-Authenticate", invalidToken)
		}
		for range 100 {
			status, body := w.do(t, must(http.NewRequestWithContext(t.Context(), http.MethodGet, orders, nil)))
			if status != 401 || body != "refused" {
				t.Fatalf("%d %q, want the service's 401", status, body)
			}
		}
		w.wantFetches(t, 4)
		if got := len(w.seen); got != 103 {
			t.Errorf("%d requests to the service, want 100 and 3 repeated ones", got)
		}
		for range 120 { // two minutes
			w.get(t, orders)
			pass(time.Second)
		}
		w.wantFetches(t, 6)
	})
}

// TestSameToken: an authority that issues the same token again.
func TestSameToken(t *testing.T) {
	withClient(t, nil, func(t *testing.T, w *world) {
		w.same = true
		w.refuse["token-1"] = true
		if got := w.get(t, orders); got != 401 {
			t.Errorf("status %d, want 401", got)
		}
		w.wantFetches(t, 2)
		w.wantCalls(t, "GET "+orders+" token-1")
		delete(w.refuse, "token-1")
		if got := w.get(t, billing); got != 200 { // nothing was dropped
			t.Errorf("status %d, want 200", got)
		}
		w.wantFetches(t, 2)
	})
}

// TestRefusalInOutage: the 401 is returned at once, and the token stays.
func TestRefusalInOutage(t *testing.T) {
	withClient(t, nil, func(t *testing.T, w *world) {
		w.get(t, orders)
		w.refuse["token-1"] = true
		w.down()
		for range 10 {
			if got := w.get(t, orders); got != 401 {
				t.Errorf("status %d, want 401", got)
			}
		}
		w.wantFetches(t, 2)
		w.up()
		pass(2 * time.Second) // in the background
		if got := w.get(t, orders); got != 200 {
			t.Errorf("status %d after the outage, want 200", got)
		}
		if got := strings.Count(w.calls(), "token-2"); got != 1 {
			t.Errorf("%d requests with the new token, want 1", got)
		}
	})
}

// TestNoToken: without a token, the request is not sent, and its body is closed.
func TestNoToken(t *testing.T) {
	withClient(t, nil, func(t *testing.T, w *world) {
		w.down()
		body := &closing{Reader: strings.NewReader("x")}
		_, err := w.client.Post(orders, "text/plain", body)
		wantError(t, "Post", err, "HTTP status 503")
		if !body.closed || w.calls() != "" {
			t.Errorf("closed: %v, requests %q, want a closed body and none", body.closed, w.calls())
		}
	})
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

// TestUntouched: only a refused token is a reason to repeat.
func TestUntouched(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		header []string
		body   string
	}{
		{"403", 403, []string{"Www-Authenticate", `Bearer error="insufficient_scope", scope="a"`}, "x"},
		{"403 with invalid_token", 403, []string{"Www-Authenticate", invalidToken}, "x"},
		{"503", 503, []string{"Retry-After", "1", "Www-Authenticate", invalidToken}, "x"},
		{"429", 429, []string{"Retry-After", "1"}, "x"},
		{"400", 400, []string{"Www-Authenticate", `Bearer error="invalid_request"`}, "x"},
		{"407", 407, []string{"Proxy-Authenticate", invalidToken}, "x"},
		{"401 without a challenge", 401, nil, invalidToken},
		{"401 without an error", 401, []string{"Www-Authenticate", `Bearer realm="api"`}, "x"},
		{"401 with another error", 401, []string{"Www-Authenticate", `Bearer error="invalid_request"`}, "x"},
		{"401 of another scheme", 401, []string{"Www-Authenticate", `DPoP error="invalid_token"`}, "x"},
		{"401 with metadata", 401, []string{"Www-Authenticate", `Bearer resource_metadata="https://evil.example/meta"`}, "x"},
		{"401 in another field", 401, []string{"X-Www-Authenticate", invalidToken}, "x"},
		{"401 within quotes", 401, []string{"Www-Authenticate", `Basic realm="Bearer error=invalid_token"`}, "x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withClient(t, nil, func(t *testing.T, w *world) {
				w.reply = func(*http.Request) *http.Response { return response(tt.status, tt.body, tt.header...) }
				began := time.Now()
				status, body := w.do(t, must(http.NewRequestWithContext(t.Context(), http.MethodGet, orders, nil)))
				if status != tt.status || body != tt.body || time.Since(began) != 0 {
					t.Errorf("%d %q after %v, want %d %q at once", status, body, time.Since(began), tt.status, tt.body)
				}
				w.wantCalls(t, "GET "+orders+" token-1")
				pass(time.Minute)
				w.wantFetches(t, 1)
			})
		})
	}
}

// TestMetadataNotFollowed: a refusal's resource_metadata is never fetched.
func TestMetadataNotFollowed(t *testing.T) {
	withClient(t, nil, func(t *testing.T, w *world) {
		w.reply = func(r *http.Request) *http.Response {
			if r.Header.Get("Authorization") == "Bearer token-1" {
				return response(401, "", "Www-Authenticate", invalidToken+`, resource_metadata="https://evil.example/meta"`)
			}
			return nil
		}
		w.get(t, orders)
		w.wantCalls(t, "GET "+orders+" token-1", "GET "+orders+" token-2")
	})
}

func TestRepeatable(t *testing.T) {
	text := func() io.Reader { return strings.NewReader("body") }                        // has GetBody
	stream := func() io.Reader { return struct{ io.Reader }{strings.NewReader("body")} } // has none
	for _, tt := range []struct {
		name   string
		method string
		body   func() io.Reader
		header string
		unsafe bool
		want   bool
	}{
		{"GET", "GET", nil, "", false, true},
		{"HEAD", "HEAD", nil, "", false, true},
		{"OPTIONS", "OPTIONS", nil, "", false, true},
		{"DELETE", "DELETE", nil, "", false, true},
		{"PUT", "PUT", text, "", false, true},
		{"PUT of a stream", "PUT", stream, "", false, false},
		{"GET with a body", "GET", text, "", false, true},
		{"POST", "POST", text, "", false, false},
		{"POST without a body", "POST", nil, "", false, false},
		{"PATCH", "PATCH", text, "", false, false},
		{"PURGE", "PURGE", nil, "", false, false},
		{"POST with a key", "POST", text, "Idempotency-Key", false, true},
		{"POST with a key of old", "POST", text, "X-Idempotency-Key", false, true},
		{"POST of a stream with a key", "POST", stream, "Idempotency-Key", false, false},
		{"POST with RepeatUnsafe", "POST", text, "", true, true},
		{"POST of a stream with RepeatUnsafe", "POST", stream, "", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withClient(t, func(c *tokensource.Config) { c.RepeatUnsafe = tt.unsafe }, func(t *testing.T, w *world) {
				w.refuse["token-1"] = true
				var body io.Reader
				sent := ""
				if tt.body != nil {
					body, sent = tt.body(), " body"
				}
				r := must(http.NewRequestWithContext(t.Context(), tt.method, orders, body))
				if tt.header != "" {
					r.Header.Set(tt.header, "1")
				}
				began := time.Now()
				status, _ := w.do(t, r)
				if tt.want {
					if status != 200 {
						t.Errorf("status %d, want 200", status)
					}
					w.wantCalls(t, tt.method+" "+orders+" token-1"+sent, tt.method+" "+orders+" token-2"+sent)
					return
				}
				if status != 401 || time.Since(began) != 0 {
					t.Errorf("status %d after %v, want 401 at once", status, time.Since(began))
				}
				w.wantCalls(t, tt.method+" "+orders+" token-1"+sent)
				pass(time.Second) // the token is replaced for later requests
				w.wantFetches(t, 2)
			})
		})
	}
	withClient(t, nil, func(t *testing.T, w *world) {
		w.refuse["token-1"] = true
		r := must(http.NewRequestWithContext(t.Context(), "PUT", orders, text()))
		r.GetBody = func() (io.ReadCloser, error) { return nil, errBoom }
		if status, body := w.do(t, r); status != 401 || body != "refused" {
			t.Errorf("%d %q, want the 401 if the body can't be had again", status, body)
		}
	})
}

// TestRetryAfter: a service that refuses tokens until a cut-off has passed says
// when a new one will do.
func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		after string
		want  time.Duration
	}{
		{"", time.Second}, {"0", time.Second}, {"3", 3 * time.Second}, {"60", 5 * time.Second}, {"soon", time.Second},
	} {
		withClient(t, nil, func(t *testing.T, w *world) {
			w.reply = func(r *http.Request) *http.Response {
				if r.Header.Get("Authorization") == "Bearer token-1" {
					return response(401, "", "Www-Authenticate", invalidToken, "Retry-After", tt.after)
				}
				return nil
			}
			began := time.Now()
			if got := w.get(t, orders); got != 200 || time.Since(began) != tt.want {
				t.Errorf("Retry-After %q: status %d after %v, want 200 after %v", tt.after, got, time.Since(began), tt.want)
			}
		})
	}
}

// TestCancelled: a request ends with its context, whatever it waits for, and the
// fetch goes on.
func TestCancelled(t *testing.T) {
	request := func(ctx context.Context) *http.Request {
		return must(http.NewRequestWithContext(ctx, http.MethodGet, orders, nil))
	}
	t.Run("waiting for the first token", func(t *testing.T) {
		withClient(t, nil, func(t *testing.T, w *world) {
			hang := make(chan struct{})
			w.hang = hang
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if _, err := w.client.Do(request(ctx)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Do = %v, want %v", err, context.DeadlineExceeded)
			}
			close(hang)
			token(t, w.source)
			w.wantFetches(t, 1)
			w.wantCalls(t)
		})
	})
	t.Run("waiting for the replacement", func(t *testing.T) {
		withClient(t, nil, func(t *testing.T, w *world) {
			refused := &closing{Reader: strings.NewReader("refused")}
			w.reply = func(*http.Request) *http.Response {
				res := response(401, "", "Www-Authenticate", invalidToken)
				res.Body = refused
				return res
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if _, err := w.client.Do(request(ctx)); !errors.Is(err, context.DeadlineExceeded) || !refused.closed {
				t.Errorf("Do = %v, closed: %v, want %v and a closed body", err, refused.closed, context.DeadlineExceeded)
			}
			pass(time.Second)
			w.wantFetches(t, 2)
		})
	})
	t.Run("before", func(t *testing.T) {
		withClient(t, nil, func(t *testing.T, w *world) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := w.client.Do(request(ctx)); !errors.Is(err, context.Canceled) {
				t.Errorf("Do = %v, want %v", err, context.Canceled)
			}
			synctest.Wait()
		})
	})
}
