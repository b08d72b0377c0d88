package verifier_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestCallbacksMayCallBack: no lock is held during a callback, so it may
// call the Verifier.
func TestCallbacksMayCallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v *verifier.Verifier
		s := newKeyServer(t, healthy)
		var inner, own string
		calls := map[string]int{}
		// reenter does everything that a callback might, once: the calls that
		// it makes come back to it.
		var busy bool
		reenter := func(who string) {
			if busy || v == nil {
				return
			}
			busy = true
			defer func() { busy = false }()
			calls[who]++
			if _, err := v.Authorize(t.Context(), bearer(inner), scopes.All("a")); err != nil {
				t.Errorf("%s: Authorize: %v", who, err)
			}
			if _, err := v.Verify(t.Context(), own); err != nil {
				t.Errorf("%s: Verify of the token that is being decided: %v", who, err)
			}
			if err := v.Refresh(t.Context()); err != nil {
				t.Errorf("%s: Refresh: %v", who, err)
			}
			if err := v.Ready(t.Context()); err != nil {
				t.Errorf("%s: Ready: %v", who, err)
			}
			if err := v.Recheck(t.Context()); reasonOf(err) != verifier.NotVerified {
				t.Errorf("%s: Recheck: %v", who, err)
			}
			if st := v.Status(); len(st) != 1 || st[0].State != verifier.KeysFresh {
				t.Errorf("%s: Status: %+v", who, st)
			}
		}
		v = s.warm(t, func(c *verifier.Config) {
			c.Issuers[0].Accept = func(verifier.Client) error { reenter("Accept"); return nil }
			c.Check = func(context.Context, verifier.Client, verifier.Request) error { reenter("Check"); return nil }
			c.Observe = []func(context.Context, verifier.Decision){func(context.Context, verifier.Decision) { reenter("Observe") }}
			c.Now = func() time.Time { reenter("Now"); return time.Now() }
		})
		inner, own = s.Token(spec{Scopes: []string{"a"}}), s.Token(spec{ClientID: "own"})
		for range 2 {
			client, err := v.Verify(t.Context(), own)
			if err != nil || client.ID != "own" {
				t.Errorf("%v, %v", client, err)
			}
		}
		for _, who := range []string{"Accept", "Check", "Observe", "Now"} {
			if calls[who] == 0 {
				t.Errorf("%s did not call back", who)
			}
		}
	})
}

// TestCloseInCallbacks: Close returns in every callback, and so does the
// call that runs the callback.
func TestCloseInCallbacks(t *testing.T) {
	const grace = 100 * time.Millisecond // for which Close waits for what does not end
	for _, tt := range []struct {
		name   string
		waits  time.Duration
		config func(c *verifier.Config, shut func())
		want   verifier.Reason // of the call that closes it
	}{
		// A call that began before Close is accepted if its token was verified
		// before, and nothing else is wrong.
		{"Accept", 0, func(c *verifier.Config, shut func()) {
			c.Issuers[0].Accept = func(verifier.Client) error { shut(); return nil }
		}, ""},
		{"ScopesFrom", 0, func(c *verifier.Config, shut func()) {
			c.Issuers[0].ScopesFrom = func(verifier.Client) (scopes.Set, error) { shut(); return scopes.Set{}, nil }
		}, ""},
		{"Check", 0, func(c *verifier.Config, shut func()) {
			c.Check = func(context.Context, verifier.Client, verifier.Request) error { shut(); return nil }
		}, ""},
		{"Observe", 0, func(c *verifier.Config, shut func()) {
			c.Observe = []func(context.Context, verifier.Decision){func(context.Context, verifier.Decision) { shut() }}
		}, ""},
		{"Now, asked by the call", 0, func(c *verifier.Config, shut func()) {
			var asked atomic.Int32
			c.Now = func() time.Time {
				if asked.Add(1) == 3 { // after the fetch, and before and after the signature
					shut()
				}
				return time.Now()
			}
		}, ""},
		{"Now, asked by the fetch", grace, func(c *verifier.Config, shut func()) {
			c.Now = func() time.Time { shut(); return time.Now() }
		}, verifier.Closed},
		{"ObserveKeys", grace, func(c *verifier.Config, shut func()) {
			c.ObserveKeys = func(verifier.IssuerStatus) { shut() }
		}, verifier.Closed},
		{"Transport", grace, func(c *verifier.Config, shut func()) {
			keys := c.Issuers[0].JWKS.Transport
			c.Issuers[0].JWKS.Transport = transport(func(r *http.Request) (*http.Response, error) {
				shut()
				return keys.RoundTrip(r)
			})
		}, verifier.Closed},
		{"FetchJWKS", grace, func(c *verifier.Config, shut func()) {
			c.Issuers[0].JWKSURL, c.Issuers[0].JWKS.Transport = "", nil
			c.Issuers[0].FetchJWKS = func(ctx context.Context) ([]byte, error) {
				shut()
				return nil, ctx.Err()
			}
		}, verifier.Closed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var v *verifier.Verifier
				made := make(chan struct{})
				closed := 0
				s := newKeyServer(t, healthy)
				var once sync.Once
				v = s.trust(t, func(c *verifier.Config) {
					tt.config(c, func() {
						once.Do(func() {
							<-made
							began := time.Now()
							if err := v.Close(); err != nil {
								t.Error(err)
							}
							if waited := time.Since(began); waited != tt.waits {
								t.Errorf("Close waited %v, want %v", waited, tt.waits)
							}
							closed++
						})
					})
				})
				close(made)
				if tt.waits > 0 {
					keytest.Pass(time.Second) // it is not the call that closes it
				}
				r := bearer(s.Token(spec{}))
				if _, err := v.Authorize(t.Context(), r, scopes.Authenticated()); reasonOf(err) != tt.want {
					t.Errorf("the call itself: %v, want %q", err, tt.want)
				}
				keytest.Pass(time.Second)
				if _, err := v.Authorize(t.Context(), r, scopes.Authenticated()); reasonOf(err) != verifier.Closed {
					t.Errorf("the next call: %v, want %s", err, verifier.Closed)
				}
				if closed != 1 {
					t.Errorf("closed %d times", closed)
				}
				if err := v.Close(); err != nil {
					t.Errorf("again: %v", err)
				}
			})
		})
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestFetchThatWaitsForItself: a FetchJWKS that waits for its own Verifier's
// keys is a failed fetch with a clear error. Neither New nor Close hangs.
func TestFetchThatWaitsForItself(t *testing.T) {
	for name, wait := range map[string]func(context.Context, *verifier.Verifier) error{
		"Ready":             func(ctx context.Context, v *verifier.Verifier) error { return v.Ready(ctx) },
		"Refresh":           func(ctx context.Context, v *verifier.Verifier) error { return v.Refresh(ctx) },
		"Ready, for ever":   func(_ context.Context, v *verifier.Verifier) error { return v.Ready(context.Background()) },
		"Refresh, for ever": func(_ context.Context, v *verifier.Verifier) error { return v.Refresh(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var v *verifier.Verifier
				made := make(chan struct{})
				s := newKeyServer(t, nil)
				v = s.trust(t, func(c *verifier.Config) {
					c.Issuers[0].JWKSURL, c.Issuers[0].JWKS.Transport = "", nil
					c.Issuers[0].FetchJWKS = func(ctx context.Context) ([]byte, error) {
						<-made
						return nil, wait(ctx, v)
					}
				})
				close(made)
				s.want(t, v, spec{}, outcome{verifier.KeysUnavailable, 2 * time.Second, 0})
				keytest.Pass(time.Minute)
				st := v.Status()[0]
				if st.State != verifier.KeysCold || st.LastError == nil || !strings.Contains(st.LastError.Error(), "fetch") {
					t.Errorf("status %+v", st)
				}
				if o, err := s.call(t.Context(), v, s.Token(spec{})); o.reason != verifier.KeysUnavailable || o.waited > 2*time.Second {
					t.Errorf("%+v: %v", o, err)
				}
			})
		})
	}
}

// TestCloseDuringCalls: a call during Close is either accepted or refused as
// Closed, and every later call is refused. When Close has returned to one
// caller, the Verifier is closed for all.
func TestCloseDuringCalls(t *testing.T) {
	for range 20 {
		a, v := local(t)
		known := bearer(a.Token(spec{ClientID: "known"}))
		if _, err := v.Authorize(t.Context(), known, scopes.Authenticated()); err != nil {
			t.Fatal(err)
		}
		started := make(chan struct{}, 8)
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				for n := 0; ; n++ {
					r := known
					if i%2 == 0 { // one that is not remembered
						r = bearer(a.Token(spec{Claims: map[string]any{"jti": strings.Repeat("x", n+1)}}))
					}
					ctx, err := v.Authorize(context.Background(), r, scopes.Authenticated())
					if n == 0 {
						started <- struct{}{}
					}
					if err == nil {
						if err := v.Recheck(ctx); err != nil && reasonOf(err) != verifier.Closed && reasonOf(err) != verifier.KeysUnavailable {
							t.Errorf("Recheck: %v", err)
						}
						continue
					}
					if e := verifier.AsError(err); e.Code != verifier.Unavailable || e.Reason != verifier.Closed && e.Reason != verifier.KeysUnavailable {
						t.Errorf("%v, want %s", err, verifier.Closed)
					}
					return
				}
			})
		}
		for range 4 {
			<-started
		}
		for range 2 {
			group.Go(func() {
				if err := v.Close(); err != nil {
					t.Error(err)
				}
				if _, err := v.Authorize(context.Background(), known, scopes.Authenticated()); reasonOf(err) != verifier.Closed {
					t.Errorf("after Close: %v", err)
				}
			})
		}
		group.Wait()
	}
}
