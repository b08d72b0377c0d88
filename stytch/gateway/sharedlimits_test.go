package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// counter is a Limiter that admits what its fields say, and records the calls.
type counter struct {
	mu    sync.Mutex
	wait  map[string]time.Duration // by the first word of the key
	err   error
	calls []string
}

func (c *counter) call(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, fmt.Sprintf(format, args...))
}

func (c *counter) Take(ctx context.Context, key string, perSecond float64, burst, n int) (time.Duration, error) {
	c.call("take %s %v %d %d", key, perSecond, burst, n)
	kind, _, _ := strings.Cut(key, " ")
	return c.wait[kind], errors.Join(c.err, ctx.Err())
}

func (c *counter) Charge(ctx context.Context, key string, perSecond float64, burst int) error {
	c.call("charge %s %v %d", key, perSecond, burst)
	return errors.Join(c.err, ctx.Err())
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &counter{wait: map[string]time.Duration{}}
		var answer gateway.Answer
		l := newLimited(t, gateway.TokenEndpointOptions{
			PerAddress: gateway.Limit{PerSecond: 1, Burst: 4}, Failures: gateway.Limit{PerSecond: 0.5, Burst: 2},
			Limiter: shared, Observe: func(_ context.Context, a gateway.Answer) { answer = a },
		})
		const addr = "192.0.2.1:1"
		address, failures := "192.0.2.1 1 4 1", "192.0.2.1 "+l.id+" 0.5 2"
		down := errors.New("the store is down")
		for _, step := range []struct {
			name, secret string
			wait         map[string]time.Duration
			err          error
			status       int
			retry        string
			calls        []string
		}{
			{"a token costs one request and no failure", l.secret, nil, nil, 200, "",
				[]string{"take address " + address, "take failures " + failures + " 0"}},
			{"a failure is charged", "wrong-secret", nil, nil, 401, "",
				[]string{"take address " + address, "take failures " + failures + " 0", "charge failures " + failures}},
			{"others used up the address", l.secret, map[string]time.Duration{"address": 1500 * time.Millisecond}, nil, 429, "2",
				[]string{"take address " + address}},
			{"others used up the failures", l.secret, map[string]time.Duration{"failures": 7 * time.Second}, nil, 429, "7",
				[]string{"take address " + address, "take failures " + failures + " 0"}},
			{"an outage leaves the local limits", l.secret, nil, down, 429, "1", nil},
		} {
			shared.wait, shared.err, shared.calls = step.wait, step.err, nil
			l.want(t, addr, l.id, step.secret, step.status, step.retry)
			if !slices.Equal(shared.calls, step.calls) {
				t.Errorf("%s: calls %q, want %q", step.name, shared.calls, step.calls)
			}
			if answer.LimiterErr != nil {
				t.Errorf("%s: LimiterErr = %v, want nil", step.name, answer.LimiterErr)
			}
		}
		pass(10 * time.Second)
		shared.calls = nil
		l.want(t, addr, l.id, "wrong-secret", 401, "")
		if !errors.Is(answer.LimiterErr, down) || len(shared.calls) != 3 {
			t.Errorf("LimiterErr = %v after %q, want %v after three calls", answer.LimiterErr, shared.calls, down)
		}
		l.want(t, addr, l.id, "wrong-secret", 401, "")
		l.want(t, addr, l.id, l.secret, 429, "2") // the local limit of failures
		for _, call := range shared.calls {
			if strings.Contains(call, l.secret) || strings.Contains(call, "wrong-secret") {
				t.Errorf("the Limiter got a secret: %q", call)
			}
		}
	})
}
