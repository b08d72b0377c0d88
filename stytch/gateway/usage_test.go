package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// usage is a TokenEndpoint in virtual time, with two clients.
type usage struct {
	endpoint            *gateway.TokenEndpoint
	seen                record
	id, secret, another string
}

func withUsage(t *testing.T, opts gateway.TokenEndpointOptions, f func(t *testing.T, u *usage)) {
	synctest.Test(t, func(t *testing.T) {
		a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
		u := &usage{}
		u.id, u.secret = a.CreateClient("customer", "read:reports")
		u.another, _ = a.CreateClient("another customer")
		opts.BaseURL, opts.Transport, opts.PerAddress, opts.Observe = "http://localhost", &stytchtest.Transport{Handler: a}, plenty, u.seen.observe
		var err error
		if u.endpoint, err = gateway.NewTokenEndpoint(a.ProjectID(), &opts); err != nil {
			t.Fatal(err)
		}
		f(t, u)
	})
}

// ask sends a request of the n-th address and returns its Answer.
func (u *usage) ask(n int, id, secret string) gateway.Answer {
	ask(u.endpoint, fmt.Sprintf("192.0.2.%d:1", n), id, secret)
	return u.seen.answers[len(u.seen.answers)-1]
}

// TestFailedFrom: a guess from many addresses exceeds the limit of none of them, and is
// reported.
func TestFailedFrom(t *testing.T) {
	withUsage(t, gateway.TokenEndpointOptions{}, func(t *testing.T, u *usage) {
		step := func(name string, n int, id, secret string, want int) {
			t.Helper()
			if got := u.ask(n, id, secret).FailedFrom; got != want {
				t.Errorf("%s: FailedFrom = %d, want %d", name, got, want)
			}
		}
		for n := range 4 {
			step("few addresses", n, u.id, "wrong-secret", 0)
			step("the same again", n, u.id, "wrong-secret", 0)
			step("no secret", 10+n, u.id, "", 0)
		}
		step("the fifth", 4, u.id, "wrong-secret", 5)
		step("another client", 4, u.another, "wrong-secret", 0)
		step("the right secret", 4, u.id, u.secret, 0)
		for n := 5; n < 30; n++ {
			step("further ones", n, u.id, "wrong-secret", min(n+1, 8))
		}
		time.Sleep(59 * time.Minute)
		step("within the hour", 30, u.id, "wrong-secret", 8)
		time.Sleep(2 * time.Minute)
		step("after the hour", 31, u.id, "wrong-secret", 0)
	})
}

// broken is a Limiter that fails.
type broken struct{}

func (broken) Take(context.Context, string, float64, int, int) (time.Duration, error) {
	return 0, errors.New("the store is down")
}

func (broken) Charge(context.Context, string, float64, int) error {
	return errors.New("the store is down")
}

// TestCounts counts responses without Observe, too; there are no labels of a caller's
// choice.
func TestCounts(t *testing.T) {
	withUsage(t, gateway.TokenEndpointOptions{}, func(t *testing.T, u *usage) {
		if n := maps.Collect(u.endpoint.Counts())[gateway.Count{Status: 200}]; n != 0 {
			t.Errorf("Counts() before the first request = %d, want 0", n)
		}
		for range 3 {
			u.ask(1, u.id, u.secret)
		}
		for n := range 6 {
			u.ask(n, u.id, "wrong-secret")
		}
		u.ask(1, u.id, u.secret+"&scope=nothing")
		for range 11 {
			u.ask(9, "made up", "wrong-secret")
		}
		want := map[gateway.Count]uint64{
			{Status: 200}:                                        3,
			{Status: 401, Code: "invalid_client"}:                14, // 4 and 10
			{Status: 401, Code: "invalid_client", Guessed: true}: 2,
			{Status: 400, Code: "invalid_scope"}:                 1,
			{Status: 429, Code: "temporarily_unavailable"}:       1,
			{Status: 503, Code: "temporarily_unavailable"}:       0,
		}
		if got := maps.Collect(u.endpoint.Counts()); !maps.Equal(got, want) {
			t.Errorf("Counts() = %v, want %v", got, want)
		}
	})
	withUsage(t, gateway.TokenEndpointOptions{Limiter: broken{}}, func(t *testing.T, u *usage) {
		u.ask(1, u.id, u.secret)
		if n := maps.Collect(u.endpoint.Counts())[gateway.Count{Status: 200, Local: true}]; n != 1 {
			t.Errorf("Counts() with a Limiter that fails = %d local, want 1", n)
		}
	})
	var zero gateway.TokenEndpoint
	for c, n := range zero.Counts() {
		if n != 0 {
			t.Errorf("Counts() of the zero value has %d of %v, want 0", n, c)
		}
	}
}

// TestAudit: each Answer is one record, with its level and without a secret.
func TestAudit(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	addr := netip.MustParseAddr("192.0.2.1")
	for _, tt := range []struct {
		name   string
		answer gateway.Answer
		want   string
	}{
		{
			"a token",
			gateway.Answer{ClientID: "c", Addr: addr, Status: 200, Took: time.Millisecond, SecretLastFour: "WXYZ", Scopes: []string{"a", "b"}, Expires: at, RequestID: "request-1"},
			`level=INFO msg="token request" outcome=issued status=200 client_id=c addr=192.0.2.1 secret_last_four=WXYZ scopes="[a b]" expires_at=2026-11-26T12:00:00.000Z request_id=request-1 duration=1ms`,
		},
		{
			"a wrong secret",
			gateway.Answer{ClientID: "c", Addr: addr, Status: 401, Code: "invalid_client", Err: errors.New("upstream")},
			`level=WARN msg="token request" outcome=invalid_client status=401 client_id=c addr=192.0.2.1 duration=0s cause=upstream`,
		},
		{
			"many addresses",
			gateway.Answer{ClientID: "c", Status: 401, Code: "invalid_client", FailedFrom: 5},
			`level=ERROR msg="token request" outcome=invalid_client status=401 client_id=c duration=0s failed_from=5`,
		},
		{
			"Stytch is down",
			gateway.Answer{Status: 503, Code: "temporarily_unavailable", Err: errors.New("upstream")},
			`level=ERROR msg="token request" outcome=temporarily_unavailable status=503 duration=0s cause=upstream`,
		},
		{
			"limits of this process alone",
			gateway.Answer{Status: 200, LimiterErr: errors.New("no store"), Warning: "one address"},
			`level=ERROR msg="token request" outcome=issued status=200 duration=0s limiter_error="no store" warning="one address"`,
		},
	} {
		var text strings.Builder
		log := gateway.Audit(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		})))
		log(t.Context(), tt.answer)
		if got := strings.TrimSpace(text.String()); got != tt.want {
			t.Errorf("Audit(%s) wrote\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
	gateway.Audit(nil)(t.Context(), gateway.Answer{Status: http.StatusOK}) // slog.Default
}
