package jwks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
)

// TestLastMoment checks a response at the moment when the call's time is up.
// The call returns the key or an error, and the error must not rest on the
// fetch that brought the key.
func TestLastMoment(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			a := answering(serves(ed("a")))
			s := open(t, a, hourly)
			keytest.Pass(time.Hour / 4)
			a.Now(after(time.Second, serves(ed("a"), ed("b"))))
			if _, _, err := s.Find(t.Context(), asks("b", time.Minute)); err != nil && why(err) != MayBeNewer {
				t.Error(err)
			}
			synctest.Wait()
			wantFind(t, s, a, asks("b", time.Minute), Found, 0, 0)
		})
	}
}

// TestOutdatedAnswer checks that an outdated response, as from a slow node
// of a CDN, does not replace newer keys. It counts as a failed fetch, so the
// next one comes soon, and newer keys count then.
func TestOutdatedAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(aged(0, ed("a")))
		s := open(t, a, hourly)
		keytest.Pass(time.Minute)
		a.Now(aged(10*time.Second, ed("a"), ed("b")))
		s.Refresh(t.Context())
		both, known := s.Current(), s.Status().Confirmed
		keytest.Pass(time.Minute)
		for _, age := range []time.Duration{71 * time.Second, time.Hour} {
			a.Now(aged(age, ed("a")))
			if err := s.Refresh(t.Context()); err != errOutdated && !errors.Is(err, errOutdated) {
				t.Errorf("%v old: %v, want %v", age, err, errOutdated)
			}
			if st := s.Status(); st.Set != both || st.State != Stale || st.Confirmed != known || time.Until(st.Next) > time.Minute {
				t.Errorf("%v old: %+v", age, st)
			}
		}
		a.Now(aged(69*time.Second, ed("a")))
		s.Refresh(t.Context())
		if st := s.Status(); st.Set == both || st.State != Fresh {
			t.Errorf("a second newer: %+v", st)
		}
		// Without keys in use there is nothing to take back.
		a.Now(down)
		keytest.Pass(25 * time.Hour)
		a.Now(aged(48*time.Hour, ed("a")))
		s.Refresh(t.Context())
		if s.Current() == nil {
			t.Error("expired: an old set is better than none")
		}
	})
}

// TestOutdatedForLong checks that an outdated response is accepted after a
// quarter of an hour without any other: some caches always report a high
// Age.
func TestOutdatedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a")))
		s := open(t, a)
		removed, confirmed := s.Current(), s.Status().Confirmed
		a.Now(aged(1<<31*time.Second, ed("b")))
		passUntil(confirmed.Add(maxFresh - time.Second))
		if s.Current() != removed {
			t.Error("believed at once")
		}
		keytest.Pass(backoffWarm + 2*time.Second)
		if s.Current() == removed {
			t.Error("not believed in the end")
		}
	})
}

// TestOutdatedAnswerRevivesNothing checks that a removed key does not come back
// by a response from before its removal, however long a cache serves that. It
// comes back if the authority publishes it again.
func TestOutdatedAnswerRevivesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a"), ed("b")))
		s := open(t, a)
		keytest.Pass(time.Minute)
		stored := time.Now()
		keytest.Pass(time.Minute)
		a.Now(serves(ed("b")))
		refresh(t, s)
		a.Now(func(ctx context.Context, etag string) (Document, error) {
			return aged(time.Since(stored), ed("a"), ed("b"))(ctx, etag)
		})
		keytest.Pass(time.Hour)
		wantFind(t, s, a, asks("a", 0), Dropped, 0, 1)
		wantFind(t, s, a, asks("b", 0), Found, 0, 0)
		wantState(t, s, Fresh)
		a.Now(serves(ed("a"), ed("b")))
		refresh(t, s)
		wantFind(t, s, a, asks("a", 0), Found, 0, 0)
	})
}

// TestOutdatedAnswerConfirms checks that an older response with the same keys
// takes nothing back of what a newer one has proved.
func TestOutdatedAnswerConfirms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a")))
		s := open(t, a, hourly)
		keytest.Pass(time.Minute)
		a.Now(aged(time.Hour, ed("a")))
		s.Refresh(t.Context())
		wantState(t, s, Fresh)
		a.Now(down)
		wantFind(t, s, a, asks("x", 11*time.Minute), NotPublished, 0, 1) // before the first response by Backdating
	})
}
