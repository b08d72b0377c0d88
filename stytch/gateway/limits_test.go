package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// limited holds a token endpoint in virtual time.
type limited struct {
	*m2mtest.Authority
	http.Handler
	upstream   *stytchtest.Transport
	id, secret string
}

func newLimited(t *testing.T, opts gateway.TokenEndpointOptions) *limited {
	t.Helper()
	a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
	l := &limited{Authority: a, upstream: &stytchtest.Transport{Handler: a}}
	l.id, l.secret = a.CreateClient("customer")
	opts.BaseURL, opts.Transport = "http://localhost", l.upstream
	h, err := gateway.NewTokenEndpoint(a.ProjectID(), &opts)
	if err != nil {
		t.Fatal(err)
	}
	l.Handler = h
	return l
}

// ask sends a token request from an address, and returns the status and Retry-After.
func (l *limited) ask(addr, id, secret string) (int, string) {
	r := httptest.NewRequest("POST", "/", strings.NewReader("grant_type=client_credentials&client_id="+id+"&client_secret="+secret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = addr
	w := httptest.NewRecorder()
	l.Handler.ServeHTTP(w, r)
	return w.Code, w.Header().Get("Retry-After")
}

func (l *limited) want(t *testing.T, addr, id, secret string, status int, retry string) {
	t.Helper()
	if got, after := l.ask(addr, id, secret); got != status || after != retry {
		t.Errorf("from %s: status %d, Retry-After %q; want %d, %q", addr, got, after, status, retry)
	}
}

func TestLimitPerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, gateway.TokenEndpointOptions{PerAddress: gateway.Limit{PerSecond: 0.5, Burst: 3}})
		for _, group := range [][3]string{
			{"192.0.2.1:1", "192.0.2.1:2", "[::ffff:192.0.2.1]:3"}, // one address, whatever the port and spelling
			{"192.0.2.2:1", "192.0.2.2:1", "192.0.2.2:1"},
			{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::ffff:ffff:ffff:ffff%eth0]:1"}, // one /64
			{"[2001:db8:0:1::1]:1", "[2001:db8:0:1::1]:1", "[2001:db8:0:1::1]:1"},            // the next
			{"@", "", "pipe"}, // no addresses: one limit for all
		} {
			for _, addr := range group {
				l.want(t, addr, l.id, l.secret, 200, "")
			}
			l.want(t, group[0], l.id, l.secret, 429, "2")
			l.want(t, group[2], l.id, l.secret, 429, "2")
		}
		pass(2 * time.Second)
		l.want(t, "192.0.2.1:1", l.id, l.secret, 200, "")
		l.want(t, "192.0.2.1:1", l.id, l.secret, 429, "2")
	})
}

func TestLimitFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, gateway.TokenEndpointOptions{Failures: gateway.Limit{PerSecond: 0.1, Burst: 3}})
		const guesser, customer = "192.0.2.1:1", "198.51.100.1:1"
		for range 20 {
			l.want(t, customer, l.id, l.secret, 200, "") // successes cost nothing
		}
		for range 3 {
			l.want(t, guesser, l.id, "wrong-secret", 401, "")
		}
		asked := l.upstream.Count()
		l.want(t, guesser, l.id, "wrong-secret", 429, "10")
		l.want(t, guesser, l.id, l.secret, 429, "10") // a lucky guess is not told apart
		if l.upstream.Count() != asked {
			t.Error("upstream was asked beyond the limit")
		}
		l.want(t, customer, l.id, l.secret, 200, "") // the customer is not locked out
		other, secret := l.CreateClient("other")
		l.want(t, guesser, other, secret, 200, "") // nor its neighbour
		pass(10 * time.Second)
		l.want(t, guesser, l.id, l.secret, 200, "")

		// A failure of upstream does not count as one of the client's.
		l.Fail(m2mtest.Outage{})
		for range 20 {
			l.want(t, customer, other, secret, 503, "5")
		}
		l.Restore()
		l.want(t, customer, other, secret, 200, "")
	})
}

// TestLimitFailuresAtOnce checks that concurrent attempts can't exceed the limit before
// the first one has failed.
func TestLimitFailuresAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, gateway.TokenEndpointOptions{
			PerAddress: gateway.Limit{PerSecond: 1000, Burst: 1000}, Failures: gateway.Limit{PerSecond: 0.1, Burst: 5},
		})
		l.Fail(m2mtest.Outage{Hang: true})
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[int]int{}
		for range 200 {
			wg.Go(func() {
				status, _ := l.ask("192.0.2.1:1", l.id, "wrong-secret")
				mu.Lock()
				defer mu.Unlock()
				got[status]++
			})
		}
		synctest.Wait()
		l.Restore()
		wg.Wait()
		if got[401] != 10 || got[429] != 190 {
			t.Errorf("answers %v, want ten 401", got)
		}
		// The attempts beyond the burst count afterwards.
		l.want(t, "192.0.2.1:1", l.id, "wrong-secret", 429, "60")
	})
}

// TestLimitMemory checks that a flood of addresses is forgotten and does not displace
// addresses that keep sending requests.
func TestLimitMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, gateway.TokenEndpointOptions{
			PerAddress: gateway.Limit{PerSecond: 0.001, Burst: 10}, Tracked: 100,
		})
		refused := 0
		for i := range 2000 {
			addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 1)
			l.ask(addr.String(), fmt.Sprint(i), "wrong-secret")
			if status, _ := l.ask("192.0.2.1:1", l.id, l.secret); status == 429 {
				refused++
			}
		}
		if refused < 1900 {
			t.Errorf("%d of 2000 refused, want nearly all", refused)
		}
	})
}

func TestClientAddr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, gateway.TokenEndpointOptions{
			PerAddress: gateway.Limit{PerSecond: 1, Burst: 1},
			ClientAddr: func(r *http.Request) netip.Addr {
				addr, _ := netip.ParseAddr(strings.TrimSuffix(r.RemoteAddr, ":1"))
				return addr.Next()
			},
		})
		l.want(t, "192.0.2.1:1", l.id, l.secret, 200, "")
		l.want(t, "192.0.2.1:1", l.id, l.secret, 429, "1")
		l.want(t, "192.0.2.2:1", l.id, l.secret, 200, "")
	})
}
