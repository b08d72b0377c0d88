package verifier_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// authorized is the context of a call with a token of sp.
func (s *keyServer) authorized(t *testing.T, v *verifier.Verifier, sp spec) context.Context {
	t.Helper()
	r := verifier.Request{
		Operation:        "GET /stream",
		Authorization:    []string{"Bearer " + s.Token(sp)},
		PeerCertificates: []*x509.Certificate{{Raw: []byte("leaf")}},
	}
	ctx, err := v.Authorize(t.Context(), r, scopes.Authenticated())
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

func reasonOf(err error) verifier.Reason {
	if e, ok := errors.AsType[*verifier.Error](err); ok {
		return e.Reason
	}
	return ""
}

// TestWhileValid: the context ends when the token does.
func TestWhileValid(t *testing.T) {
	const never = time.Duration(-1)
	planted := func(expires time.Duration) func(context.Context) context.Context {
		return func(ctx context.Context) context.Context {
			c := verifier.Client{ID: "c"}
			if expires != 0 {
				c.ExpiresAt = time.Now().Add(expires)
			}
			return verifier.ContextWithClient(ctx, c)
		}
	}
	tests := []struct {
		name    string
		config  func(*verifier.Config)
		ttl     time.Duration // of the token
		claims  map[string]any
		context func(context.Context) context.Context // in its place, if not nil
		wait    time.Duration                         // before WhileValid is called
		want    time.Duration                         // after the token was issued
		reason  verifier.Reason
	}{
		{name: "exp and leeway", ttl: time.Hour, want: time.Hour + 30*time.Second, reason: verifier.Expired},
		{name: "another leeway", config: func(c *verifier.Config) { c.Leeway = time.Minute }, ttl: time.Hour,
			want: time.Hour + time.Minute, reason: verifier.Expired},
		{name: "no leeway", config: func(c *verifier.Config) { c.Leeway = -1 }, ttl: time.Hour, want: time.Hour, reason: verifier.Expired},
		{name: "MaxTokenAge comes first", config: func(c *verifier.Config) { c.Issuers[0].MaxTokenAge = time.Minute }, ttl: time.Hour,
			want: 90 * time.Second, reason: verifier.TooOld},
		{name: "MaxTokenAge comes later", config: func(c *verifier.Config) { c.Issuers[0].MaxTokenAge = 2 * time.Hour }, ttl: time.Hour,
			want: time.Hour + 30*time.Second, reason: verifier.Expired},
		{name: "asked later", ttl: time.Hour, wait: 59 * time.Minute, want: time.Hour + 30*time.Second, reason: verifier.Expired},
		{name: "within the leeway", ttl: time.Hour, wait: time.Hour + 29*time.Second, want: time.Hour + 30*time.Second, reason: verifier.Expired},
		{name: "expired in this moment", ttl: time.Hour, wait: time.Hour + 30*time.Second, want: time.Hour + 30*time.Second, reason: verifier.Expired},
		{name: "expired long ago", ttl: time.Hour, wait: 2 * time.Hour, want: 2 * time.Hour, reason: verifier.Expired},
		{name: "too old long ago", config: func(c *verifier.Config) { c.Issuers[0].MaxTokenAge = time.Minute }, ttl: time.Hour,
			wait: 2 * time.Hour, want: 2 * time.Hour, reason: verifier.TooOld},
		{name: "until the end of time", claims: map[string]any{"exp": int64(253402300799)}, want: never},
		{name: "no client", context: func(ctx context.Context) context.Context { return ctx }, want: never},
		{name: "planted", context: planted(time.Hour), want: time.Hour + 30*time.Second, reason: verifier.Expired},
		{name: "planted, expired", context: planted(-time.Hour), want: 0, reason: verifier.Expired},
		{name: "planted without an expiry", context: planted(0), want: never},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				var change []func(*verifier.Config)
				if tt.config != nil {
					change = append(change, tt.config)
				}
				v := s.trust(t, change...)
				if err := v.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				issued := time.Now() // a whole second, in a bubble
				var ctx context.Context
				if tt.context != nil {
					ctx = tt.context(t.Context())
				} else {
					ctx = s.authorized(t, v, spec{TTL: tt.ttl, Claims: tt.claims})
				}
				keytest.Pass(tt.wait)
				ctx, cancel := v.WhileValid(ctx)
				defer cancel()
				if tt.want == never {
					keytest.Pass(48 * time.Hour)
					if ctx.Err() != nil {
						t.Fatalf("it ended: %v", context.Cause(ctx))
					}
					cancel()
					if context.Cause(ctx) != context.Canceled {
						t.Errorf("cause %v, want %v", context.Cause(ctx), context.Canceled)
					}
					return
				}
				<-ctx.Done()
				if d := time.Since(issued); d != tt.want {
					t.Errorf("it ended after %v, want %v", d, tt.want)
				}
				cause := context.Cause(ctx)
				if e, ok := errors.AsType[*verifier.Error](cause); !ok || e.Code != verifier.InvalidToken || e.Reason != tt.reason || ctx.Err() != context.Canceled {
					t.Errorf("cause %v, error %v; want %s", cause, ctx.Err(), tt.reason)
				}
			})
		})
	}
}

// TestWhileValidStops: the context ends with its parent and by its
// CancelFunc, and its timer stops.
func TestWhileValidStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int32
		s := newKeyServer(t, healthy)
		v := s.trust(t, func(c *verifier.Config) {
			c.Now = func() time.Time { looks.Add(1); return time.Now() }
		})
		cause := errors.New("cause")
		parent, end := context.WithCancelCause(s.authorized(t, v, spec{}))
		ctx, cancel := v.WhileValid(parent)
		end(cause)
		<-ctx.Done()
		if got := context.Cause(ctx); got != cause {
			t.Errorf("cause %v, want the parent's", got)
		}
		cancel()
		cancel()

		ctx, cancel = v.WhileValid(s.authorized(t, v, spec{}))
		keytest.Pass(10 * time.Minute)
		before := looks.Load()
		keytest.Pass(10 * time.Minute)
		if looks.Load() == before {
			t.Error("nobody looked at the clock")
		}
		cancel()
		before, fetches := looks.Load(), v.Status()[0].Fetches
		keytest.Pass(24 * time.Hour)
		fetches = v.Status()[0].Fetches - fetches // each notes the time
		if n := int(looks.Load()-before) - fetches; n != 0 {
			t.Errorf("the clock was looked at %d times after the CancelFunc", n)
		}
		if got := context.Cause(ctx); got != context.Canceled {
			t.Errorf("cause %v, want %v", got, context.Canceled)
		}
	})
}

// TestWhileValidClock: the remaining time is measured by Config.Now, also if
// that clock is set during the work.
func TestWhileValidClock(t *testing.T) {
	tests := []struct {
		name             string
		jump             time.Duration
		earliest, latest time.Duration // after a quarter of an hour, and the jump then
	}{
		{"no jump", 0, 45*time.Minute + 30*time.Second, 45*time.Minute + 30*time.Second},
		{"a day forward", 24 * time.Hour, 0, 30 * time.Second},
		{"half an hour forward", 30 * time.Minute, 15*time.Minute + 30*time.Second, 15*time.Minute + 30*time.Second},
		{"half an hour back", -30 * time.Minute, 75*time.Minute + 30*time.Second, 75*time.Minute + 30*time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var offset atomic.Int64
				offset.Store(int64(7 * time.Hour))
				s := newKeyServer(t, healthy)
				v := s.trust(t, func(c *verifier.Config) {
					c.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
				})
				ctx, cancel := v.WhileValid(s.authorized(t, v, spec{IssuedAt: time.Now().Add(7 * time.Hour)}))
				defer cancel()
				keytest.Pass(15 * time.Minute)
				offset.Add(int64(tt.jump))
				jumped := time.Now()
				<-ctx.Done()
				if d := time.Since(jumped); d < tt.earliest || d > tt.latest {
					t.Errorf("it ended after %v, want %v to %v", d, tt.earliest, tt.latest)
				}
				if reasonOf(context.Cause(ctx)) != verifier.Expired {
					t.Errorf("cause %v", context.Cause(ctx))
				}
			})
		})
	}
}

// TestWhileValidEnds: the context ends when the token's key is removed, the
// issuer's keys expire or the Verifier is closed. Its cause is the error of
// Recheck.
func TestWhileValidEnds(t *testing.T) {
	type then = func(s *keyServer, v *verifier.Verifier)
	remove := func(s *keyServer) { s.RotateKeys(); s.RemoveKey(s.Keys()[0]) }
	tests := []struct {
		name   string
		then   then
		after  time.Duration // at most, from then
		code   verifier.Code
		reason verifier.Reason // "" if it does not end
	}{
		{"nothing", func(*keyServer, *verifier.Verifier) {}, time.Hour, 0, ""},
		{"a rotation", func(s *keyServer, v *verifier.Verifier) { s.RotateKeys(); _ = v.Refresh(context.Background()) }, time.Hour, 0, ""},
		{"its key is removed, and Refresh", func(s *keyServer, v *verifier.Verifier) { remove(s); _ = v.Refresh(context.Background()) }, 0,
			verifier.InvalidToken, verifier.KeyRemoved},
		// The second look comes a second after the periodic fetch.
		{"its key is removed", func(s *keyServer, _ *verifier.Verifier) { remove(s) }, 330*time.Second + time.Second,
			verifier.InvalidToken, verifier.KeyRemoved},
		{"its key is missing in one response", func(s *keyServer, _ *verifier.Verifier) {
			lacks := true
			s.Now(func(s *keyServer, r *http.Request) (*http.Response, error) {
				if !lacks {
					return healthy(s, r)
				}
				lacks = false
				return answerWith(200, nil, strings.NewReader(`{"keys":[`+string(stranger)+`]}`)), nil
			})
		}, time.Hour, 0, ""},
		{"an outage", func(s *keyServer, _ *verifier.Verifier) { s.Now(hangs) }, 50 * time.Minute, 0, ""},
		{"an outage longer than MaxStale", func(s *keyServer, _ *verifier.Verifier) { s.Now(hangs) }, time.Hour,
			verifier.Unavailable, verifier.KeysUnavailable},
		{"Close", func(_ *keyServer, v *verifier.Verifier) { v.Close() }, 0, verifier.Unavailable, verifier.Closed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				v := s.trust(t, func(c *verifier.Config) { c.Issuers[0].JWKS.MaxStale = time.Hour })
				if err := v.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				call := s.authorized(t, v, spec{TTL: 24 * time.Hour})
				ctx, cancel := v.WhileValid(call)
				defer cancel()
				began := time.Now()
				tt.then(s, v)
				select {
				case <-ctx.Done():
				case <-time.After(tt.after + 1):
				}
				cause := context.Cause(ctx)
				if reasonOf(cause) != tt.reason {
					t.Fatalf("after %v the cause is %v, want %q", time.Since(began), cause, tt.reason)
				}
				if tt.reason == "" {
					return
				}
				if e := verifier.AsError(cause); e.Code != tt.code {
					t.Errorf("cause %v, want the Code %v", e, tt.code)
				}
				if err := v.Recheck(call); reasonOf(err) != tt.reason {
					t.Errorf("Recheck() = %v, want %s", err, tt.reason)
				}
				late, cancel := v.WhileValid(call)
				defer cancel()
				if got := reasonOf(context.Cause(late)); got != tt.reason {
					t.Errorf("WhileValid afterwards ends with %q, want %s at once", got, tt.reason)
				}
			})
		})
	}
}

// stranger is the JWK of a key that no token is signed with.
var stranger, _ = json.Marshal(m2mtest.NewKey("ES256").JWK())

// TestWhileValidOfAnother: a Client that another Verifier verified lasts until it
// expires, or until the Verifier that was called is closed.
func TestWhileValidOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newKeyServer(t, healthy)
		v, other := s.trust(t), s.trust(t)
		for _, v := range []*verifier.Verifier{v, other} {
			if err := v.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		call := s.authorized(t, other, spec{})
		ctx, cancel := v.WhileValid(call)
		defer cancel()
		other.Close()
		keytest.Pass(time.Minute)
		if ctx.Err() != nil {
			t.Fatalf("it ended with the other Verifier: %v", context.Cause(ctx))
		}
		v.Close()
		if got := reasonOf(context.Cause(ctx)); got != verifier.Closed {
			t.Errorf("after Close the cause is %q, want %s", got, verifier.Closed)
		}
	})
}

// TestWhileValidMany: one registry holds many contexts. Each ends at its own
// time, in any order of registration, and the others remain.
func TestWhileValidMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newKeyServer(t, healthy)
		v := s.trust(t)
		if err := v.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		const many = 1000
		before := runtime.NumGoroutine()
		var contexts [many]context.Context
		var cancels [many]context.CancelFunc
		minutes := func(i int) int { return 1 + i*7919%many } // a permutation
		start := time.Now()
		for i := range many {
			planted := verifier.ContextWithClient(context.Background(),
				verifier.Client{ID: "c", ExpiresAt: start.Add(time.Duration(minutes(i))*time.Minute - 30*time.Second)})
			contexts[i], cancels[i] = v.WhileValid(planted)
		}
		if n := runtime.NumGoroutine() - before; n > 0 {
			t.Errorf("%d contexts started %d goroutines, want none", many, n)
		}
		for i := range many {
			if i%3 == 0 {
				cancels[i]()
			}
		}
		for _, at := range []int{1, 10, 500, 999, 1000} {
			keytest.Pass(time.Until(start.Add(time.Duration(at) * time.Minute)))
			for i, ctx := range contexts {
				want := verifier.Reason("")
				switch {
				case i%3 == 0:
				case minutes(i) <= at:
					want = verifier.Expired
				}
				if got := reasonOf(context.Cause(ctx)); got != want {
					t.Fatalf("after %d minutes context %d, of %d minutes, has the cause %q, want %q", at, i, minutes(i), got, want)
				}
			}
		}
		for _, cancel := range cancels {
			cancel()
		}
	})
}
