package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// transportFunc implements http.RoundTripper.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// record collects the Answers that Observe receives.
type record struct {
	mu      sync.Mutex
	answers []gateway.Answer
}

func (r *record) observe(_ context.Context, a gateway.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, a)
}

// ask sends a token request to h.
func ask(h http.Handler, addr, id, secret string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/", strings.NewReader("grant_type=client_credentials&client_id="+id+"&client_secret="+secret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = addr
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func newEndpoint(t *testing.T, projectID string, opts gateway.TokenEndpointOptions) http.Handler {
	t.Helper()
	h, err := gateway.NewTokenEndpoint(projectID, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var plenty = gateway.Limit{PerSecond: 1e6, Burst: 1e6}

// TestPanicIsPaidBack checks that attempts whose transport panics don't lock a client
// out, and that the panic's value is not shown.
func TestPanicIsPaidBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
		id, secret := a.CreateClient("customer")
		broken, good := true, &stytchtest.Transport{Handler: a}
		var seen record
		h := newEndpoint(t, a.ProjectID(), gateway.TokenEndpointOptions{
			BaseURL: "http://localhost", PerAddress: plenty, Observe: seen.observe,
			Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				if broken {
					panic(errors.New("hush " + secret))
				}
				return good.RoundTrip(r)
			}),
		})
		for range 300 {
			if w := ask(h, "192.0.2.1:1", id, secret); w.Code != 503 || strings.Contains(w.Body.String(), "hush") {
				t.Fatalf("ask(panic) = %d %s, want 503", w.Code, w.Body)
			}
		}
		if text := fmt.Sprint(seen.answers[0].Err); !strings.Contains(text, "panicked") || strings.Contains(text, "hush") || strings.Contains(text, secret) {
			t.Errorf("Err = %q, want a panic without its value", text)
		}
		broken = false
		if w := ask(h, "192.0.2.1:1", id, secret); w.Code != 200 {
			t.Errorf("ask(after panics) = %d, want 200", w.Code)
		}
	})
}

// TestInFlightIsBounded sends 1,000 requests while Stytch hangs: 128 are forwarded, 256
// wait for two seconds, and the others are refused at once.
func TestInFlightIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
		id, secret := a.CreateClient("customer")
		upstream := &stytchtest.Transport{Handler: a}
		h := newEndpoint(t, a.ProjectID(), gateway.TokenEndpointOptions{
			BaseURL: "http://localhost", Transport: upstream, PerAddress: plenty, Failures: plenty,
		})
		a.Fail(m2mtest.Outage{Hang: true})
		began := time.Now()
		var mu sync.Mutex
		took := map[time.Duration]int{}
		codes := map[int]int{}
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				w := ask(h, "192.0.2.1:1", id, secret)
				mu.Lock()
				defer mu.Unlock()
				took[time.Since(began)]++
				codes[w.Code]++
				if w.Code == 503 && w.Header().Get("Retry-After") != "5" {
					t.Errorf("Retry-After = %q, want 5", w.Header().Get("Retry-After"))
				}
			})
		}
		synctest.Wait()
		if got := upstream.Count(); got != 128 {
			t.Errorf("requests in flight = %d, want 128", got)
		}
		pass(3 * time.Second)
		a.Restore()
		wg.Wait()
		if took[0] != 1000-128-256 || took[2*time.Second] != 256 || codes[200] != 128 {
			t.Errorf("answers by time %v, by status %v; want 616 at once, 256 after 2 s, 128 tokens", took, codes)
		}
	})
}

// TestLeavingCallerGivesItsSlotBack checks that clients that disconnect free their
// slots, whether they wait or Stytch hangs.
func TestLeavingCallerGivesItsSlotBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
		id, secret := a.CreateClient("customer")
		h := newEndpoint(t, a.ProjectID(), gateway.TokenEndpointOptions{
			BaseURL: "http://localhost", Transport: &stytchtest.Transport{Handler: a}, PerAddress: plenty, Failures: plenty,
		})
		a.Fail(m2mtest.Outage{Hang: true})
		for range 5 {
			ctx, leave := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			var answered atomic.Int32
			for range 384 {
				wg.Go(func() {
					r := httptest.NewRequestWithContext(ctx, "POST", "/", strings.NewReader("grant_type=client_credentials&client_id="+id+"&client_secret="+secret))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					h.ServeHTTP(httptest.NewRecorder(), r)
					answered.Add(1)
				})
			}
			synctest.Wait()
			if n := answered.Load(); n != 0 {
				t.Errorf("answered at once = %d, want 0: there is room for 128 and 256", n)
			}
			leave()
			wg.Wait()
		}
		a.Restore()
		if w := ask(h, "192.0.2.1:1", id, secret); w.Code != 200 {
			t.Errorf("ask(after everybody left) = %d, want 200", w.Code)
		}
	})
}

// TestLimiterMemory checks the documented memory of Tracked during a flood.
func TestLimiterMemory(t *testing.T) {
	if strconv.IntSize < 64 || raceEnabled {
		t.Skip("measured as programs run: 64 bits, no race detector")
	}
	const documented = 32 << 20
	upstream := transportFunc(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 401, Header: http.Header{}, Body: http.NoBody}, nil
	})
	h := newEndpoint(t, stytchtest.Project, gateway.TokenEndpointOptions{Transport: upstream})
	before := heap()
	for i := range 52_000 {
		addr := netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, byte(i >> 16), byte(i >> 8), byte(i)}), 1)
		ask(h, addr.String(), "client-"+strconv.Itoa(i), "wrong-secret")
	}
	used := heap() - before
	runtime.KeepAlive(h)
	t.Logf("%d KiB for 50,000 addresses, pairs and clients", used>>10)
	if used > documented || used < documented/2 {
		t.Errorf("memory of the limiters = %d KiB, want at most %d, and more than half of it", used>>10, documented>>10)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestOneAddressWarning(t *testing.T) {
	for _, tt := range []struct {
		name string
		addr func(i int) string
		want map[int]string // the request that comes with a warning, and what it says
	}{
		{"a proxy", func(int) string { return "10.0.0.7:1" }, map[int]string{100: "10.0.0.7", 200: "10.0.0.7", 400: "10.0.0.7"}},
		{"loopback", func(int) string { return "[::1]:1" }, map[int]string{100: "::1", 200: "::1", 400: "::1"}},
		{"carrier-grade NAT", func(int) string { return "100.64.0.1:1" }, map[int]string{100: "100.64", 200: "100.64", 400: "100.64"}},
		{"no address", func(int) string { return "@" }, map[int]string{100: "valid address", 200: "valid address", 400: "valid address"}},
		{"a public address", func(int) string { return "198.51.100.7:1" }, nil},
		{"two addresses", func(i int) string { return fmt.Sprintf("10.0.0.%d:1", i%2) }, nil},
		{"a second address, late", func(i int) string {
			if i > 150 {
				return "10.0.0.8:1"
			}
			return "10.0.0.7:1"
		}, map[int]string{100: "10.0.0.7"}},
		{"a public address, first", func(i int) string {
			if i == 1 {
				return "198.51.100.7:1"
			}
			return "10.0.0.7:1"
		}, nil},
	} {
		var seen record
		h := newEndpoint(t, stytchtest.Project, gateway.TokenEndpointOptions{
			PerAddress: plenty, Failures: plenty, Observe: seen.observe,
			Transport: transportFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("offline") }),
		})
		for i := 1; i <= 500; i++ {
			ask(h, tt.addr(i), "client", "secret")
			got := seen.answers[i-1].Warning
			if want, warned := tt.want[i]; (got != "") != warned || !strings.Contains(got, want) || warned && !strings.Contains(got, "ClientAddr") {
				t.Errorf("%s: Warning of request %d = %q, want %q", tt.name, i, got, want)
			}
		}
	}
}

// TestEchoedSecret checks that Observe never gets a secret, even if the authority
// repeats it.
func TestEchoedSecret(t *testing.T) {
	const id, secret = "client", "hush_kR8z42"
	for _, tt := range []struct {
		name, body string
		status     int
	}{
		{"in error", `{"error":"` + secret + `"}`, 400},
		{"in error_type", `{"error_type":"bad ` + secret + `"}`, 400},
		{"in request_id", `{"error":"invalid_client","request_id":"request-` + secret + `"}`, 401},
		{"as base64", `{"error":"Y2xpZW50Omh1c2hfa1I4ejQy"}`, 500},
		{"with a token", `{"access_token":"` + secret + `","token_type":"` + secret + `","expires_in":1}`, 200},
	} {
		var seen record
		h := newEndpoint(t, stytchtest.Project, gateway.TokenEndpointOptions{
			Observe: seen.observe,
			Transport: &stytchtest.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			})},
		})
		w := ask(h, "192.0.2.1:1", id, secret)
		for _, text := range []string{fmt.Sprintf("%+v", seen.answers), fmt.Sprintf("%#v", seen.answers[0].Err), w.Body.String()} {
			if strings.Contains(text, "hush") || strings.Contains(text, "kR8z42") || strings.Contains(text, "Omh1c2hfa1I4") {
				t.Errorf("%s: the secret is in %s", tt.name, text)
			}
		}
		if seen.answers[0].Err == nil {
			t.Errorf("%s: Err = nil, want an error", tt.name)
		}
	}

	var seen record
	h := newEndpoint(t, stytchtest.Project, gateway.TokenEndpointOptions{
		Observe: seen.observe,
		Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf(`malformed HTTP response "client_secret=%s"`, secret)
		}),
	})
	ask(h, "192.0.2.1:1", id, secret)
	if text := fmt.Sprint(seen.answers[0].Err); !strings.Contains(text, "[redacted]") || strings.Contains(text, "hush") {
		t.Errorf("Err = %q, want it without the secret", text)
	}
}
