package verifier_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"go.uber.org/goleak"
)

// TestOneOfThreeDown: an issuer without keys affects only its own clients.
func TestOneOfThreeDown(t *testing.T) {
	for name, tt := range map[string]struct {
		answer roundTrip
		cold   time.Duration
	}{
		"hung":    {hangs, 2 * time.Second},
		"failing": {status(503, nil, ""), 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				servers := []*keyServer{newKeyServer(t, healthy), newKeyServer(t, tt.answer), newKeyServer(t, healthy)}
				down := servers[1]
				var cfg verifier.Config
				for _, s := range servers {
					cfg.Issuers = append(cfg.Issuers, s.issuer())
				}
				v := newVerifier(t, cfg)
				synctest.Wait()
				for range 5 {
					for _, s := range servers {
						if s != down {
							s.want(t, v, spec{}, outcome{})
						}
					}
				}
				if o, err := down.call(t.Context(), v, down.Token(spec{})); o.reason != verifier.KeysUnavailable || o.waited != tt.cold {
					t.Errorf("%+v: %v", o, err)
				}
				for what, f := range map[string]func(context.Context) error{"Ready": v.Ready, "Refresh": v.Refresh} {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					err := f(ctx)
					cancel()
					if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("keys of %q", down.issuer().Name)) || strings.Count(err.Error(), "keys of") != 1 {
						t.Errorf("%s: %v", what, err)
					}
				}
				for i, want := range []verifier.KeyState{verifier.KeysFresh, verifier.KeysCold, verifier.KeysFresh} {
					if st := v.Status()[i]; st.State != want || st.Issuer != cfg.Issuers[i].Name {
						t.Errorf("issuer %d: %+v", i, st)
					}
				}
				// The same key ID at another issuer is another key.
				stolen := spec{Issuer: servers[2].issuer().Name, Audience: cfg.Issuers[2].Audiences, Header: map[string]any{"kid": servers[2].Keys()[0]}}
				servers[0].want(t, v, stolen, outcome{reason: verifier.BadSignature})
				down.Now(healthy)
				if err := v.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				for _, s := range servers {
					s.want(t, v, spec{}, outcome{})
				}
			})
		})
	}
}

// TestFetchesAtOnce: at most 64 fetches run at a time, for any number of
// issuers.
func TestFetchesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cfg verifier.Config
		var active, most atomic.Int32
		for range 100 {
			s := newKeyServer(t, func(s *keyServer, r *http.Request) (*http.Response, error) {
				most.Store(max(most.Load(), active.Add(1))) // all begin in one moment
				defer active.Add(-1)
				return after(time.Second, healthy)(s, r)
			})
			cfg.Issuers = append(cfg.Issuers, s.issuer())
		}
		v := newVerifier(t, cfg)
		synctest.Wait()
		if n := active.Load(); n != 56 { // an eighth of 64 is kept for issuers that were fetched before
			t.Errorf("%d fetches at once, want 56", n)
		}
		began := time.Now()
		if err := v.Ready(t.Context()); err != nil || time.Since(began) != 2*time.Second || most.Load() > 64 {
			t.Errorf("%v after %v, at most %d at once", err, time.Since(began), most.Load())
		}
	})
}

// TestWallClock: a jump of the wall clock by a day neither fetches nor
// expires keys, and does not change the age of an unknown key.
func TestWallClock(t *testing.T) {
	for name, jump := range map[string]time.Duration{"forward": 24 * time.Hour, "back": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var offset atomic.Int64
				now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
				s := newKeyServer(t, healthy)
				v := s.warm(t, func(c *verifier.Config) { c.Now = now })
				at := func(ago time.Duration) spec { return spec{IssuedAt: now().Add(-ago)} }
				unknownAt := func(ago time.Duration) spec { return unknown(now().Add(-ago)) }
				before := v.Status()[0]
				offset.Store(int64(jump))
				keytest.Pass(0)
				if st := v.Status()[0]; st.State != verifier.KeysFresh || st.NextAttempt != before.NextAttempt || st.Fetches != before.Fetches {
					t.Errorf("status %+v, want %+v", st, before)
				}
				s.want(t, v, at(0), outcome{})
				s.want(t, v, at(10*time.Minute), outcome{})

				// The last good fetch is a minute ago, on any clock.
				s.want(t, v, unknownAt(0), outcome{verifier.KeysUnavailable, 0, 1})
				s.Now(status(503, nil, ""))
				s.want(t, v, unknownAt(0), outcome{verifier.KeysUnavailable, 0, 1})
				s.want(t, v, unknownAt(10*time.Minute-time.Second), outcome{verifier.KeysUnavailable, 0, 0})
				s.want(t, v, unknownAt(10*time.Minute+time.Second), outcome{verifier.KeyUnknown, 0, 0})
				confirmed := v.Status()[0].Confirmed
				keytest.Pass(time.Until(confirmed.Add(24*time.Hour - 1)))
				s.want(t, v, at(0), outcome{})
				keytest.Pass(1)
				if st := v.Status()[0]; st.State != verifier.KeysExpired {
					t.Errorf("status %+v", st)
				}
			})
		})
	}
}

// TestSuspended: the monotonic clock stands still while a machine is
// suspended, so old keys look as if they were just fetched. A token of a key
// that was published meanwhile is not refused as InvalidToken.
func TestSuspended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slept atomic.Int64
		s := newKeyServer(t, healthy)
		v := s.warm(t, func(c *verifier.Config) {
			c.Now = func() time.Time { return time.Now().Add(time.Duration(slept.Load())) }
		})
		s.Now(status(503, nil, "")) // the network is not up yet
		slept.Store(int64(2 * time.Hour))
		issued := func(ago time.Duration) spec { return unknown(time.Now().Add(time.Duration(slept.Load())).Add(-ago)) }
		s.want(t, v, issued(time.Hour), outcome{verifier.KeysUnavailable, 0, 1})
		s.want(t, v, issued(time.Minute), outcome{verifier.KeysUnavailable, 0, 1})
		s.want(t, v, issued(3*time.Hour), outcome{verifier.Expired, 0, 0})
		s.Now(healthy)
		if err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.want(t, v, issued(11*time.Minute), outcome{verifier.KeyUnknown, 0, 0})
	})
}

// TestUnknownKeyByAge: an unknown key is InvalidToken only if a good fetch
// began at least Backdating after the token was issued.
func TestUnknownKeyByAge(t *testing.T) {
	const back = 10 * time.Minute
	tests := []struct {
		name       string
		ago        time.Duration // before the last good fetch the token was issued; negative: after it
		noIat      bool
		backdating time.Duration
		want       verifier.Reason
	}{
		{"issued long before", time.Hour, false, 0, verifier.KeyUnknown},
		{"issued just long enough before", back, false, 0, verifier.KeyUnknown},
		{"issued within Backdating", back - time.Second, false, 0, verifier.KeysUnavailable},
		{"dated back by 5 minutes", 5 * time.Minute, false, 0, verifier.KeysUnavailable},
		{"issued after", -time.Second, false, 0, verifier.KeysUnavailable},
		{"no iat", 0, true, 0, verifier.KeysUnavailable},
		{"a shorter Backdating", time.Minute, false, time.Minute, verifier.KeyUnknown},
		{"a shorter Backdating, within it", time.Minute - time.Second, false, time.Minute, verifier.KeysUnavailable},
		{"a longer Backdating", back, false, time.Hour, verifier.KeysUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				v := s.warm(t, func(c *verifier.Config) { c.Issuers[0].Backdating = tt.backdating })
				s.Now(status(500, nil, ""))
				sp := unknown(v.Status()[0].Confirmed.Truncate(time.Second).Add(-tt.ago))
				sp.TTL = 24 * time.Hour
				if tt.noIat {
					sp.Claims = map[string]any{"iat": m2mtest.Absent}
				}
				s.want(t, v, sp, outcome{tt.want, 0, 1})
			})
		})
	}
}

// TestNoIssuedAt: for a token without "iat", only a fetch after its arrival
// proves that its key is not published.
func TestNoIssuedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newKeyServer(t, healthy)
		v := s.warm(t)
		sp := unknown(time.Now())
		sp.Claims = map[string]any{"iat": m2mtest.Absent}
		s.Now(after(trip, healthy))
		s.want(t, v, sp, outcome{verifier.KeyUnknown, trip, 1})
		s.want(t, v, sp, outcome{verifier.KeyUnknown, trip, 1})
		s.want(t, v, sp, outcome{verifier.KeysUnavailable, 0, 0})
	})
}

// TestOptional: Ready does not wait for an Optional issuer, and Status shows it.
func TestOptional(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up, down := newKeyServer(t, after(trip, healthy)), newKeyServer(t, hangs)
		cfg := verifier.Config{Issuers: []verifier.Issuer{up.issuer(), down.issuer()}}
		cfg.Issuers[1].Optional = true
		v := newVerifier(t, cfg)
		began := time.Now()
		if err := v.Ready(t.Context()); err != nil || time.Since(began) != trip {
			t.Errorf("Ready = %v after %v", err, time.Since(began))
		}
		if st := v.Status(); st[0].Optional || !st[1].Optional || st[1].State != verifier.KeysCold {
			t.Errorf("status %+v", st)
		}
		up.want(t, v, spec{}, outcome{})
		down.want(t, v, spec{}, outcome{verifier.KeysUnavailable, 2 * time.Second, 0})
	})
}

// TestCheckOfACallerWhoIsGone: if Check returns the error of the call's own
// ended context, the Reason is Canceled. The error of another context is
// CheckFailed.
func TestCheckOfACallerWhoIsGone(t *testing.T) {
	var answer error
	a, v := local(t, func(c *verifier.Config) {
		c.Check = func(context.Context, verifier.Client, verifier.Request) error { return answer }
	})
	token := a.Token(spec{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		answer error
		want   verifier.Reason
	}{
		{"gone", gone, fmt.Errorf("asking: %w", context.Canceled), verifier.Canceled},
		{"late", late, fmt.Errorf("asking: %w", context.DeadlineExceeded), verifier.Canceled},
		{"gone, and Check was late", gone, context.DeadlineExceeded, verifier.CheckFailed},
		{"late, and Check was stopped", late, context.Canceled, verifier.CheckFailed},
		{"gone, and no database", gone, errors.New("no database"), verifier.CheckFailed},
		{"there, and Check was late", t.Context(), context.DeadlineExceeded, verifier.CheckFailed},
		{"there, and an Error in another", t.Context(), fmt.Errorf("tenant 7: %w", &verifier.Error{Code: verifier.InvalidToken}), verifier.Denied},
		{"gone, and revoked", gone, errors.Join(context.Canceled, verifier.Revoked), verifier.Revoked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer = tt.answer
			_, err := v.Verify(tt.ctx, token)
			e := verifier.AsError(err)
			if e.Reason != tt.want || (e.Code == verifier.InvalidToken) != (tt.want == verifier.Revoked || tt.want == verifier.Denied) || !errors.Is(err, tt.answer) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

// TestCauseOfAnOutage: Observe receives the error of the last fetch.
// RetryAfter is spread over the time until the next one.
func TestCauseOfAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lookout
		broken := errors.New("no route to host")
		s := newKeyServer(t, func(*keyServer, *http.Request) (*http.Response, error) { return nil, broken })
		v := s.trust(t, l.watch)
		next := func() time.Duration { return time.Until(v.Status()[0].NextAttempt) }
		r := bearer(s.Token(spec{}))
		for next() < 4*time.Second { // the pauses grow, and are up to chance
			keytest.Pass(next())
			l.call(t, v, r, scopes.Authenticated()) // which may make the next attempt itself
		}
		left := next()
		var soonest, latest time.Duration
		for range 100 {
			d := l.call(t, v, r, scopes.Authenticated())
			if reasonOfDecision(d) != verifier.KeysUnavailable || !errors.Is(d.Err, broken) {
				t.Fatalf("%v; want %s, and the cause", d.Err, verifier.KeysUnavailable)
			}
			if soonest == 0 || verifier.AsError(d.Err).RetryAfter < soonest {
				soonest = verifier.AsError(d.Err).RetryAfter
			}
			latest = max(latest, verifier.AsError(d.Err).RetryAfter)
		}
		if longest := min(left, 30*time.Second); soonest < time.Second || latest > longest || soonest > longest/2 || latest < longest/2 {
			t.Errorf("told to come back after %v to %v, with %v to go until the next attempt", soonest, latest, left)
		}
	})
}

// TestCallersContext: a call waits no longer than its context. An ended
// context does not refuse a call with a known key.
func TestCallersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newKeyServer(t, healthy)
		v := s.warm(t)
		s.Now(hangs)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		o, err := s.call(ctx, v, s.Token(unknown(time.Now())))
		if o != (outcome{verifier.Canceled, 300 * time.Millisecond, 1}) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%+v: %v", o, err)
		}
		checkRefusal(t, err)
		if o, err := s.call(ctx, v, s.Token(spec{})); o != (outcome{}) {
			t.Errorf("a known key: %+v: %v", o, err)
		}
		o, _ = s.call(ctx, v, s.Token(unknown(time.Now())))
		if o != (outcome{reason: verifier.Canceled}) {
			t.Errorf("an unknown key: %+v", o)
		}
	})
}

// TestCloseDuringFetch: a waiting call is refused, and no goroutine is left.
func TestCloseDuringFetch(t *testing.T) {
	for name, sp := range map[string]spec{"cold": {}, "warm, known kid": {}, "warm, unknown kid": unknown(time.Now())} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := goleak.IgnoreCurrent()
				s := newKeyServer(t, hangs)
				var v *verifier.Verifier
				if name == "cold" {
					v = s.trust(t)
					sp = spec{}
				} else {
					s.Now(healthy)
					v = s.warm(t)
					s.Now(hangs)
				}
				if name == "warm, unknown kid" {
					sp = unknown(time.Now())
				}
				var group sync.WaitGroup
				for range 10 {
					group.Go(func() {
						o, err := s.call(context.Background(), v, s.Token(sp))
						checkRefusal(t, err)
						o.fetches = 0
						want := outcome{reason: verifier.Closed, waited: 100 * time.Millisecond}
						if name == "warm, known kid" {
							want = outcome{}
						}
						if o != want {
							t.Errorf("%+v, want %+v", o, want)
						}
					})
				}
				go v.Refresh(context.Background())
				keytest.Pass(100 * time.Millisecond)
				fetches := s.Fetches()
				if err := v.Close(); err != nil {
					t.Error(err)
				}
				group.Wait()
				synctest.Wait()
				if err := goleak.Find(before); err != nil {
					t.Error(err)
				}
				s.want(t, v, sp, outcome{reason: verifier.Closed})
				keytest.Pass(time.Hour)
				if n := s.Fetches(); n != fetches {
					t.Errorf("%d fetches after Close", n-fetches)
				}
				if st := v.Status()[0]; st.State != verifier.KeysClosed {
					t.Errorf("status %+v", st)
				}
			})
		})
	}
}

// TestFaultyFunc: a FetchJWKS that panics, hangs or returns garbage is a
// failed fetch.
func TestFaultyFunc(t *testing.T) {
	deaf := make(chan struct{})
	tests := []struct {
		name  string
		fetch func(context.Context) ([]byte, error)
		wait  time.Duration
	}{
		{"an error", func(context.Context) ([]byte, error) { return nil, errors.New("no") }, 0},
		{"nothing", func(context.Context) ([]byte, error) { return nil, nil }, 0},
		{"too much", func(context.Context) ([]byte, error) { return make([]byte, 1<<20), nil }, 0},
		{"a panic", func(context.Context) ([]byte, error) { panic("no") }, 0},
		{"hung", func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }, time.Second},
		{"deaf", func(context.Context) ([]byte, error) { <-deaf; return nil, nil }, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				deaf = make(chan struct{})
				s := newKeyServer(t, nil)
				var broken atomic.Bool
				broken.Store(true)
				v := s.trust(t, func(c *verifier.Config) {
					c.Issuers[0].JWKSURL, c.Issuers[0].JWKS.Transport = "", nil
					c.Issuers[0].FetchJWKS = func(ctx context.Context) ([]byte, error) {
						if broken.Load() {
							return tt.fetch(ctx)
						}
						return s.FetchJWKS(ctx)
					}
				})
				synctest.Wait()
				s.want(t, v, spec{}, outcome{verifier.KeysUnavailable, 2 * tt.wait, 0})
				broken.Store(false)
				close(deaf)
				if err := v.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				deaf = make(chan struct{})
				broken.Store(true)
				before := v.Status()[0].Fetches
				s.want(t, v, spec{}, outcome{})
				s.want(t, v, unknown(time.Now()), outcome{verifier.KeysUnavailable, tt.wait, 0})
				if n := v.Status()[0].Fetches - before; n != 1 {
					t.Errorf("%d fetches, want 1", n)
				}
				close(deaf)
			})
		})
	}
}
