package verifier_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

func newList(t testing.TB, cfg revocation.Config) *revocation.List {
	t.Helper()
	l, err := revocation.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func withList(l *revocation.List) func(*verifier.Config) {
	return func(c *verifier.Config) { c.Revocations = l }
}

// cutOff shuts out what a client got up to now.
func cutOff(t testing.TB, v *verifier.Verifier, l *revocation.List, client string) {
	t.Helper()
	err := l.Add(revocation.Cutoff{Issuer: v.Issuers()[0], Select: revocation.Client(client), IssuedUpTo: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
}

// silent is a Source that delivers nothing until the test sends an update.
type silent chan revocation.Update

func (s silent) Follow(ctx context.Context, apply func(revocation.Update) error) error {
	for {
		select {
		case u := <-s:
			if err := apply(u); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TestRevokedRetryAfter: a client can get another token once the bound has passed,
// and the refusal says when.
func TestRevokedRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newList(t, revocation.Config{})
		s := newKeyServer(t, healthy)
		v := s.trust(t, withList(l))
		token := s.Token(spec{ClientID: "c"})
		bound := time.Now().Truncate(time.Second).Add(2 * time.Second)
		if err := l.Add(revocation.Cutoff{Issuer: v.Issuers()[0], Select: revocation.Client("c"), IssuedUpTo: bound, Note: "INC-7"}); err != nil {
			t.Fatal(err)
		}
		for _, wait := range []time.Duration{0, time.Second, 10 * time.Second} {
			time.Sleep(wait)
			_, err := v.Verify(t.Context(), token)
			e := verifier.AsError(err)
			if want := max(time.Until(bound.Add(time.Second)), 0); e.Reason != verifier.Revoked || e.RetryAfter != want {
				t.Errorf("Verify() = %v with RetryAfter %v, want %s with %v", e, e.RetryAfter, verifier.Revoked, want)
			}
			if !strings.Contains(e.Error(), `client "c"`) || !strings.Contains(e.Error(), "INC-7") || strings.Contains(strings.Join(e.Challenges(), ""), "INC-7") {
				t.Errorf("Error() = %q, Challenges() = %q; want the client and the note in the first alone", e, e.Challenges())
			}
		}
		if _, err := v.Verify(t.Context(), s.Token(spec{ClientID: "c"})); err != nil {
			t.Errorf("Verify(a token issued after the bound) = %v, want nil", err)
		}
	})
}

// TestRevocationsUnavailable: what is never loaded, or too old, decides nothing,
// and a readiness probe knows.
func TestRevocationsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := make(silent)
		l := newList(t, revocation.Config{Source: source, MaxAge: 10 * time.Second})
		s := newKeyServer(t, healthy)
		v := s.trust(t, withList(l))
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		token := s.Token(spec{})
		refused := func(when string) {
			t.Helper()
			_, err := v.Verify(t.Context(), token)
			if e := verifier.AsError(err); e.Reason != verifier.RevocationsUnavailable || e.Code != verifier.Unavailable || e.RetryAfter <= 0 {
				t.Errorf("Verify(%s) = %v with RetryAfter %v, want %s", when, err, e.RetryAfter, verifier.RevocationsUnavailable)
			}
		}
		refused("never loaded")
		if err := v.Ready(ended); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "revocation") {
			t.Errorf("Ready(never loaded) = %v, want an error about the list", err)
		}
		source <- revocation.Update{Snapshot: true}
		if err := v.Ready(t.Context()); err != nil {
			t.Errorf("Ready() = %v, want nil", err)
		}
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("Verify(loaded) = %v, want nil", err)
		}
		time.Sleep(11 * time.Second)
		refused("11s old")
		source <- revocation.Update{}
		synctest.Wait()
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("Verify(confirmed) = %v, want nil", err)
		}
		l.Close()
		refused("closed")
	})
}

// TestRevocationsOtherClock: a Verifier whose clock is ahead of the list's decides
// nothing, and the error names the cause. One whose clock is behind, and has no
// monotonic reading, takes no view for younger than it is.
func TestRevocationsOtherClock(t *testing.T) {
	for _, tt := range []struct {
		name   string
		skew   time.Duration // of Config.Now
		age    time.Duration // of the view
		reason verifier.Reason
		text   string
	}{
		{"ahead", time.Minute, 0, verifier.RevocationsUnavailable, "has to be the same clock"},
		{"behind", -time.Minute, 0, "", ""},
		{"behind, and the view is old", -time.Minute, 11 * time.Second, verifier.RevocationsUnavailable, "11s old, want at most 10s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := make(silent)
				l := newList(t, revocation.Config{Source: source, MaxAge: 10 * time.Second})
				s := newKeyServer(t, healthy)
				v := s.trust(t, withList(l), func(c *verifier.Config) {
					c.Now = func() time.Time { return time.Now().Round(0).Add(tt.skew) }
				})
				source <- revocation.Update{Snapshot: true}
				synctest.Wait()
				time.Sleep(tt.age)
				_, err := v.Verify(t.Context(), s.Token(spec{IssuedAt: time.Now().Add(tt.skew)}))
				if got := reasonOf(err); got != tt.reason || tt.text != "" && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("Verify() = %v, want %q and %q", err, tt.reason, tt.text)
				}
			})
		})
	}
}

// TestRevokedEndsWork: a cut-off ends open work at once, and only that of its
// client; so does a list that is no longer fresh.
func TestRevokedEndsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := make(silent)
		l := newList(t, revocation.Config{Source: source, MaxAge: 10 * time.Second})
		s := newKeyServer(t, healthy)
		v := s.trust(t, withList(l))
		source <- revocation.Update{Snapshot: true}
		work := func(client string) context.Context {
			ctx, cancel := v.WhileValid(s.authorized(t, v, spec{ClientID: client}))
			t.Cleanup(cancel)
			return ctx
		}
		synctest.Wait()
		thief, honest := work("thief"), work("honest")
		began := time.Now()
		cutOff(t, v, l, "thief")
		synctest.Wait()
		if got := reasonOf(context.Cause(thief)); got != verifier.Revoked || time.Since(began) != 0 || honest.Err() != nil {
			t.Errorf("after the cut-off: cause %q after %v, of the other %v; want %s at once, nil", got, time.Since(began), honest.Err(), verifier.Revoked)
		}
		if err := v.Recheck(honest); err != nil {
			t.Errorf("Recheck(honest) = %v, want nil", err)
		}
		if err := v.Reauthorize(thief, "op", scopes.Authenticated()); reasonOf(err) != verifier.Revoked {
			t.Errorf("Reauthorize(thief) = %v, want %s", err, verifier.Revoked)
		}
		keytest.Pass(5 * time.Second)
		if honest.Err() != nil {
			t.Errorf("work ended with %v, while the view is fresh", context.Cause(honest))
		}
		keytest.Pass(7 * time.Second)
		if got := reasonOf(context.Cause(honest)); got != verifier.RevocationsUnavailable {
			t.Errorf("after 12s without a view: cause %q, want %s", got, verifier.RevocationsUnavailable)
		}
	})
}

// TestRevokedBeforeWork: work does not begin with a token that is shut out between
// the decision and WhileValid.
func TestRevokedBeforeWork(t *testing.T) {
	l := newList(t, revocation.Config{})
	a, v := local(t, withList(l))
	ctx, err := v.Authorize(t.Context(), bearer(a.Token(spec{ClientID: "thief"})), scopes.Authenticated())
	if err != nil {
		t.Fatal(err)
	}
	cutOff(t, v, l, "thief")
	work, cancel := v.WhileValid(ctx)
	defer cancel()
	if got := reasonOf(context.Cause(work)); got != verifier.Revoked {
		t.Errorf("WhileValid(shut out) has the cause %q, want %s", got, verifier.Revoked)
	}
}

// TestRevokedUnderLoad: once Add has returned, no call that begins is accepted.
func TestRevokedUnderLoad(t *testing.T) {
	l := newList(t, revocation.Config{})
	a, v := local(t, withList(l))
	const clients = 8
	var out [clients]atomic.Bool
	var all sync.WaitGroup
	done := make(chan struct{})
	for n := range clients {
		token := a.Token(spec{ClientID: string(rune('a' + n))})
		for range 2 {
			all.Go(func() {
				for {
					before := out[n].Load()
					_, err := v.Verify(t.Context(), token)
					if before && reasonOf(err) != verifier.Revoked || err != nil && reasonOf(err) != verifier.Revoked {
						t.Errorf("Verify() = %v, when Add had returned: %t", err, before)
						return
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
	}
	for n := range clients {
		cutOff(t, v, l, string(rune('a'+n)))
		out[n].Store(true)
	}
	close(done)
	all.Wait()
}

// TestMaxTokenLifeOfList: no issuer accepts tokens that live longer than a cut-off.
func TestMaxTokenLifeOfList(t *testing.T) {
	l := newList(t, revocation.Config{MaxTokenLife: 2 * time.Hour})
	a, v := local(t, withList(l))
	for life, want := range map[time.Duration]verifier.Reason{2 * time.Hour: "", 2*time.Hour + time.Second: verifier.TooLongLived} {
		now := time.Now()
		if _, err := v.Verify(t.Context(), a.Token(spec{IssuedAt: now, ExpiresAt: now.Add(life)})); reasonOf(err) != want {
			t.Errorf("Verify(life %v) = %v, want %q", life, err, want)
		}
	}
	_, err := verifier.New(verifier.Config{Revocations: l, Issuers: []verifier.Issuer{func() verifier.Issuer {
		i := goodIssuer()
		i.MaxTokenLife = 3 * time.Hour
		return i
	}()}})
	if err == nil || !strings.Contains(err.Error(), "MaxTokenLife is 3h0m0s: want at most that of Revocations, 2h0m0s") {
		t.Errorf("New(MaxTokenLife 3h) = %v, want an error that names both", err)
	}
}

// TestRevocationsAllocate nothing for a token that was seen before.
func TestRevocationsAllocate(t *testing.T) {
	l := newList(t, revocation.Config{})
	a, v := local(t, withList(l))
	token := a.Token(spec{ClientID: "c"})
	verify := func() {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	verify()
	if n := testing.AllocsPerRun(100, verify); n != 0 {
		t.Errorf("Verify(seen again) = %v allocations, want 0", n)
	}
	cutOff(t, v, l, "other") // another generation, once
	if n := testing.AllocsPerRun(100, verify); n != 0 {
		t.Errorf("Verify(seen again, the list changed) = %v allocations, want 0", n)
	}
}
