package jwks

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRemoved checks that a removed key is refused from the first set
// without it. It is NoLongerPublished after one Refresh, or once a second
// response lacks it, a second later and outside the budget.
func TestRemoved(t *testing.T) {
	young := asks // a removed key can't be newer, however young the token is
	t.Run("by the timer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := &authority{answer: serves(ed("a"), ed("b"))}
			s := open(t, a)
			a.now(serves(ed("b")))
			passUntil(s.Status().Next)
			wantFetches(t, a, 2)
			wantFind(t, s, a, young("a", 0), MayBeNewer, 0, 0)
			if _, _, err := s.Find(t.Context(), young("a", 0)); !strings.Contains(err.Error(), `kid "a" is missing in the last response`) {
				t.Error(err)
			}
			pass(time.Second - 1)
			wantFind(t, s, a, young("a", 0), MayBeNewer, 0, 0)
			pass(1)
			wantFetches(t, a, 3)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 0)
			pass(ms)
			a.now(hang)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 1)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 0)
			wantFind(t, s, a, young("b", 0), Found, 0, 0)
		})
	})
	t.Run("the second look fails", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := &authority{answer: serves(ed("a"), ed("b"))}
			s := open(t, a)
			a.now(serves(ed("b")))
			passUntil(s.Status().Next)
			a.now(down)
			pass(time.Second)
			wantFetches(t, a, 3)
			wantFind(t, s, a, young("a", 0), MayBeNewer, 0, 0)
			a.now(serves(ed("b")))
			pass(time.Second)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 1)
		})
	})
	t.Run("a cache answers twice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := &authority{answer: serves(ed("a"), ed("b"))}
			s := open(t, a)
			pass(time.Minute)
			stored := time.Now()
			a.now(func(ctx context.Context, etag string) (Document, error) {
				return aged(time.Since(stored).Truncate(time.Second), ed("b"))(ctx, etag)
			})
			pass(2500 * ms)
			passUntil(s.Status().Next)
			pass(time.Second)
			wantFetches(t, a, 3)
			wantFind(t, s, a, young("a", 0), MayBeNewer, 0, 1) // woken: no look is due
			a.now(serves(ed("b")))
			pass(15 * time.Second)
			wantFind(t, s, a, young("a", 0), MayBeNewer, 0, 1)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 0)
		})
	})
	t.Run("by Refresh", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := &authority{answer: serves(ed("a"), ed("b"))}
			s := open(t, a, hourly)
			a.now(serves(ed("b")))
			refresh(t, s)
			pass(10 * time.Second)
			wantFetches(t, a, 2) // no second look
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 1)
		})
	})
	t.Run("by the timer, and Refresh at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := &authority{answer: serves(ed("a"), ed("b"))}
			s := open(t, a)
			a.now(serves(ed("b")))
			passUntil(s.Status().Next)
			wantFind(t, s, a, young("a", 0), MayBeNewer, 0, 0)
			refresh(t, s)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 0)
			n := a.fetches()
			pass(10 * time.Second)
			wantFetches(t, a, n) // no second look is needed
		})
	})
	t.Run("while there were no keys", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := &authority{answer: serves(ed("a"))}
			s := open(t, a, func(o *Options) { o.MaxStale = 10 * time.Minute })
			a.now(down)
			pass(10 * time.Minute)
			wantState(t, s, Expired)
			a.now(serves(ed("b")))
			refresh(t, s)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 0)
		})
	})
	t.Run("an authority that publishes new keys each time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			a := &authority{answer: func(ctx context.Context, etag string) (Document, error) {
				n++
				return serves(ed(fmt.Sprint(n)))(ctx, etag)
			}}
			open(t, a)
			pass(time.Hour)
			// The first, 12 of the timer, and a second look after each.
			if n := a.fetches(); n > 30 {
				t.Errorf("%d fetches in an hour", n)
			}
		})
	})
}

// TestReplicas checks an authority whose replicas publish different sets.
// Once that is known, a missing key is fetched for as if no set had held it,
// and an older response of another replica never makes it NotPublished.
func TestReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := serves(ed("a"))
		second := serves(ed("b"))
		a := &authority{answer: first}
		s := open(t, a)
		problem := func() string {
			for _, p := range s.Status().Problems {
				if strings.Contains(p.Text, "replicas") {
					return p.KeyID
				}
			}
			return ""
		}
		pass(time.Second)
		a.now(second)
		wantFind(t, s, a, asks("b", 0), Found, 0, 1)
		wantFind(t, s, a, asks("a", 0), MayBeNewer, 0, 0) // the second look is due
		if id := problem(); id != "" {
			t.Errorf("key %q is said to differ", id)
		}
		a.now(first)
		pass(time.Second)
		wantFetches(t, a, 3)
		wantFind(t, s, a, asks("a", 0), Found, 0, 0)
		if id := problem(); id != "a" {
			t.Errorf("the problem names key %q", id)
		}
		// It is known now, so there is no second look for b.
		pass(5 * time.Second)
		wantFetches(t, a, 3)

		// Old tokens and young ones: the budgeted fetch decides, or nothing does.
		wantFind(t, s, a, asks("b", time.Hour), NoLongerPublished, 0, 1) // its fetch got the first replica
		pass(ms)
		wantFind(t, s, a, asks("b", time.Hour), MayBeNewer, 0, 0)
		wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 0)
		a.now(second)
		pass(15 * time.Second)
		wantFind(t, s, a, asks("b", time.Hour), Found, 0, 1)
		n := a.fetches()
		pass(5 * time.Second)
		wantFetches(t, a, n) // a is gone, and there is no second look for it either
		wantFind(t, s, a, asks("a", time.Hour), MayBeNewer, 0, 0)
		pass(30 * time.Second)
		wantFind(t, s, a, asks("a", 0), MayBeNewer, 0, 1)
		wantFind(t, s, a, asks("a", time.Hour), NoLongerPublished, 0, 0)

		// A day after, the removal counts again.
		a.now(serves(ed("b"), ed("c")))
		pass(24*time.Hour + time.Minute)
		if id := problem(); id != "" {
			t.Errorf("after a day, key %q is said to differ", id)
		}
		a.now(hang)
		wantFind(t, s, a, asks("a", 0), NoLongerPublished, 0, 1)
	})
}

// TestNotReplicas checks that another key under a removed key's ID is not
// taken for a return.
func TestNotReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"), ed("b"))}
		s := open(t, a)
		for _, keys := range [][]jwk{{ed("b")}, {ed("b"), ed("c").under("a")}} {
			a.now(serves(keys...))
			refresh(t, s)
		}
		if p := s.Status().Problems; len(p) != 0 {
			t.Errorf("problems %v", p)
		}
		wantFind(t, s, a, asks("a", 0), Found, 0, 0)
	})
}
