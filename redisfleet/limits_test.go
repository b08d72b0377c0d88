package redisfleet_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

var _ gateway.Limiter = (*redisfleet.Limits)(nil)

func newLimits(t *testing.T, addr string) *redisfleet.Limits {
	t.Helper()
	l, err := redisfleet.NewLimits(redisfleet.LimitsOptions{Server: redisfleet.Server{Addr: addr}, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// take spends tokens, and reports whether there were any.
func take(t *testing.T, l *redisfleet.Limits, key string, perSecond float64, burst, n int) (wait time.Duration) {
	t.Helper()
	wait, err := l.Take(t.Context(), key, perSecond, burst, n)
	if err != nil {
		t.Fatalf("Take(%s) = %v", key, err)
	}
	return wait
}

func TestLimitsShared(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	a, b := newLimits(t, s.Addr()), newLimits(t, s.Addr())
	const rate = 0.001 // nothing comes back during the test
	for i, l := range []*redisfleet.Limits{a, b, a} {
		if wait := take(t, l, "k", rate, 3, 1); wait != 0 {
			t.Fatalf("Take %d = %v, want 0", i, wait)
		}
	}
	for _, l := range []*redisfleet.Limits{a, b} {
		if wait := take(t, l, "k", rate, 3, 1); wait < 990*time.Second || wait > 1000*time.Second {
			t.Errorf("Take beyond the burst = %v, want about 1000s", wait)
		}
		if wait := take(t, l, "other", rate, 3, 0); wait != 0 {
			t.Errorf("Take(another key) = %v, want 0", wait)
		}
	}
	s.Do("SCRIPT", "FLUSH")
	if wait := take(t, a, "k", rate, 3, 0); wait == 0 {
		t.Error("after a SCRIPT FLUSH, the budget is forgotten")
	}
	// A charge goes into debt.
	if err := b.Charge(t.Context(), "k", rate, 3); err != nil {
		t.Fatal(err)
	}
	if wait := take(t, a, "k", rate, 3, 1); wait < 1990*time.Second || wait > 2000*time.Second {
		t.Errorf("Take after a charge = %v, want about 2000s", wait)
	}
	for _, key := range strings.Fields(s.Do("KEYS", "*")) {
		if ttl := s.Do("PTTL", key); strings.HasPrefix(ttl, "-") || !strings.HasPrefix(key, "m2mauth:limits:") {
			t.Errorf("key %s expires in %s ms, want a time", key, ttl)
		}
	}
	if got := s.Do("DBSIZE"); got != "1" {
		t.Errorf("DBSIZE = %s, want 1: looking writes nothing", got)
	}
}

// TestLimitsRefill checks that a token comes back in its time, by the store's clock.
func TestLimitsRefill(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	l := newLimits(t, s.Addr())
	taken := 0
	start := time.Now()
	for time.Since(start) < 500*time.Millisecond {
		if take(t, l, "k", 20, 5, 1) == 0 {
			taken++
		}
	}
	if most := 5 + int(20*time.Since(start).Seconds()) + 1; taken < 6 || taken > most {
		t.Errorf("%d taken, want 6 to %d", taken, most)
	}
}

// TestLimitsClockSetBack plants a bucket that a store whose clock was a day ahead has
// left: it owes ten bursts at most.
func TestLimitsClockSetBack(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	l := newLimits(t, s.Addr())
	take(t, l, "k", 1, 2, 1)
	key := s.Do("KEYS", "*")
	s.Do("SET", key, "99999999999999999")
	if wait := take(t, l, "k", 1, 2, 1); wait > 20*time.Second || wait < 18*time.Second {
		t.Errorf("Take = %v, want 19s: ten bursts of 2, less one burst, and a token", wait)
	}
}

func TestLimitsOutage(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{AOF: true})
	p := redistest.NewProxy(t, s.Addr())
	l, err := redisfleet.NewLimits(redisfleet.LimitsOptions{Server: redisfleet.Server{Addr: p.Addr()}, Timeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	recovered := func(what string) {
		t.Helper()
		redistest.Eventually(t, what, func() bool {
			_, err := l.Take(t.Context(), "k", 0.001, 100, 1)
			return err == nil
		})
	}
	recovered("the first")
	for _, fault := range []struct {
		name         string
		begin, ended func()
	}{
		{"blackhole", p.Blackhole, p.Heal},
		{"cut", p.Cut, p.Heal},
		{"kill -9", s.Kill, s.Restart},
		{"SIGSTOP", s.Pause, s.Resume},
	} {
		fault.begin()
		for range 50 { // at once, after the first
			if _, err := l.Take(t.Context(), "k", 0.001, 100, 1); err == nil {
				t.Errorf("%s: Take returned no error", fault.name)
			}
		}
		fault.ended()
		recovered("recovery after " + fault.name)
	}
	// A caller that goes away is no outage, and costs the others nothing.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Take(gone, "k", 0.001, 100, 1); err == nil {
		t.Error("Take(canceled) returned no error")
	}
	if _, err := l.Take(t.Context(), "k", 0.001, 100, 1); err != nil {
		t.Errorf("Take after a canceled one = %v", err)
	}
	l.Close()
	if _, err := l.Take(t.Context(), "k", 1, 1, 1); err == nil {
		t.Error("Take after Close returned no error")
	}
	redistest.Eventually(t, "no connection is left", func() bool { return p.Clients() == 0 })
}

// TestGatewayReplicas runs two gateways that share their limits on a real server.
func TestGatewayReplicas(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	p := redistest.NewProxy(t, s.Addr())
	authority := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
	id, secret := authority.CreateClient("customer")
	var answer gateway.Answer
	var replicas [2]http.Handler
	for i := range replicas {
		h, err := gateway.NewTokenEndpoint(authority.ProjectID(), &gateway.TokenEndpointOptions{
			BaseURL: "http://localhost", Transport: &stytchtest.Transport{Handler: authority},
			PerAddress: gateway.Limit{PerSecond: 1000, Burst: 1000}, Failures: gateway.Limit{PerSecond: 0.001, Burst: 4},
			Limiter: newLimits(t, p.Addr()), Observe: func(_ context.Context, a gateway.Answer) { answer = a },
		})
		if err != nil {
			t.Fatal(err)
		}
		replicas[i] = h
	}
	ask := func(replica int, secret string) int {
		r := httptest.NewRequest("POST", "/", strings.NewReader("grant_type=client_credentials&client_id="+id+"&client_secret="+secret))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		replicas[replica].ServeHTTP(w, r)
		return w.Code
	}
	want := func(what string, replica int, secret string, status int, outage bool) {
		t.Helper()
		if got := ask(replica, secret); got != status || (answer.LimiterErr != nil) != outage {
			t.Errorf("%s: status %d, LimiterErr %v; want %d, outage %v", what, got, answer.LimiterErr, status, outage)
		}
	}
	want("at first", 0, secret, 200, false)
	for i := range 4 {
		want("a guess", i%2, "wrong-secret", 401, false)
	}
	for i := range replicas {
		want("the budget of both is spent", i, secret, 429, false)
	}
	p.Cut()
	want("the store is down: the replica's own budget", 0, secret, 200, true)
	want("a guess of its own", 0, "wrong-secret", 401, true)
	want("another", 0, "wrong-secret", 401, true)
	want("its own budget is spent", 0, secret, 429, true)
	p.Heal()
	redistest.Eventually(t, "the store counts again", func() bool {
		return ask(1, secret) == 429 && answer.LimiterErr == nil
	})
	for _, key := range strings.Fields(s.Do("KEYS", "*")) {
		if strings.Contains(key, id) || strings.Contains(key, secret) || strings.Contains(key, "192.0.2") {
			t.Errorf("key %s shows a client or an address", key)
		}
	}
}

func TestLimitsMistakes(t *testing.T) {
	_, err := redisfleet.NewLimits(redisfleet.LimitsOptions{Name: "a b", Timeout: time.Hour, Server: redisfleet.Server{Addr: "redis.example:6379"}})
	for _, want := range []string{"LimitsOptions.Name", "LimitsOptions.Timeout", "LimitsOptions.Server.TLS"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewLimits = %v, want a word on %s", err, want)
		}
	}
	l := newLimits(t, "127.0.0.1:1")
	for _, limit := range []struct {
		perSecond float64
		burst, n  int
	}{{0, 1, 1}, {-1, 1, 1}, {1, 0, 0}, {1, 1, -1}, {1, 1, 2}, {1e-300, 1, 1}} {
		if _, err := l.Take(t.Context(), "k", limit.perSecond, limit.burst, limit.n); err == nil || !strings.Contains(err.Error(), "can't be counted") {
			t.Errorf("Take(%v) = %v, want a refusal", limit, err)
		}
	}
	if _, err := (*redisfleet.Limits)(nil).Take(t.Context(), "k", 1, 1, 1); err == nil {
		t.Error("Take of nil returned no error")
	}
}
