package jwks

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
)

// TestRemoved checks that a removed key is refused from the first set
// without it. It is NoLongerPublished after one Refresh, or once a second
// response lacks it, a second later and outside the budget.
func TestRemoved(t *testing.T) {
	young := asks // a removed key can't be newer, however young the token is
	t.Run("by the timer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := answering(serves(ed("a"), ed("b")))
			s := open(t, a)
			a.Now(serves(ed("b")))
			passUntil(s.Status().Next)
			wantFetches(t, a, 2)
			wantFind(t, s, a, young("a", 0), MayBeNewer, 0, 0)
			if _, _, err := s.Find(t.Context(), young("a", 0)); !strings.Contains(err.Error(), `kid "a" is missing in the last response`) {
				t.Error(err)
			}
			keytest.Pass(time.Second - 1)
			wantFind(t, s, a, young("a", 0), MayBeNewer, 0, 0)
			keytest.Pass(1)
			wantFetches(t, a, 3)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 0)
			keytest.Pass(ms)
			a.Now(hang)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 1)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 0)
			wantFind(t, s, a, young("b", 0), Found, 0, 0)
		})
	})
	t.Run("the second look fails", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := answering(serves(ed("a"), ed("b")))
			s := open(t, a)
			a.Now(serves(ed("b")))
			passUntil(s.Status().Next)
			a.Now(down)
			keytest.Pass(time.Second)
			wantFetches(t, a, 3)
			wantFind(t, s, a, young("a", 0), MayBeNewer, 0, 0)
			a.Now(serves(ed("b")))
			keytest.Pass(time.Second)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 1)
		})
	})
	t.Run("a cache answers twice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := answering(serves(ed("a"), ed("b")))
			s := open(t, a)
			keytest.Pass(time.Minute)
			stored := time.Now()
			a.Now(func(ctx context.Context, etag string) (Document, error) {
				return aged(time.Since(stored).Truncate(time.Second), ed("b"))(ctx, etag)
			})
			keytest.Pass(2500 * ms)
			passUntil(s.Status().Next)
			keytest.Pass(time.Second)
			wantFetches(t, a, 3)
			wantFind(t, s, a, young("a", 0), MayBeNewer, 0, 1) // woken: no look is due
			a.Now(serves(ed("b")))
			keytest.Pass(15 * time.Second)
			wantFind(t, s, a, young("a", 0), MayBeNewer, 0, 1)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 0)
		})
	})
	t.Run("by Refresh", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := answering(serves(ed("a"), ed("b")))
			s := open(t, a, hourly)
			a.Now(serves(ed("b")))
			refresh(t, s)
			keytest.Pass(10 * time.Second)
			wantFetches(t, a, 2) // no second look
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 1)
		})
	})
	t.Run("by the timer, and Refresh at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := answering(serves(ed("a"), ed("b")))
			s := open(t, a)
			a.Now(serves(ed("b")))
			passUntil(s.Status().Next)
			wantFind(t, s, a, young("a", 0), MayBeNewer, 0, 0)
			refresh(t, s)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 0)
			n := a.Fetches()
			keytest.Pass(10 * time.Second)
			wantFetches(t, a, n) // no second look is needed
		})
	})
	t.Run("while there were no keys", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := answering(serves(ed("a")))
			s := open(t, a, func(o *Options) { o.MaxStale = 10 * time.Minute })
			a.Now(down)
			keytest.Pass(10 * time.Minute)
			wantState(t, s, Expired)
			a.Now(serves(ed("b")))
			refresh(t, s)
			wantFind(t, s, a, young("a", 0), NoLongerPublished, 0, 0)
		})
	})
	t.Run("an authority that publishes new keys each time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			a := answering(func(ctx context.Context, etag string) (Document, error) {
				n++
				return serves(ed(fmt.Sprint(n)))(ctx, etag)
			})
			open(t, a)
			keytest.Pass(time.Hour)
			// The first, 12 of the timer, and a second look after each.
			if n := a.Fetches(); n > 30 {
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
		a := answering(first)
		s := open(t, a)
		problem := func() string {
			for _, p := range s.Status().Problems {
				if strings.Contains(p.Text, "replicas") {
					return p.KeyID
				}
			}
			return ""
		}
		keytest.Pass(time.Second)
		a.Now(second)
		wantFind(t, s, a, asks("b", 0), Found, 0, 1)
		wantFind(t, s, a, asks("a", 0), MayBeNewer, 0, 0) // the second look is due
		if id := problem(); id != "" {
			t.Errorf("key %q is said to differ", id)
		}
		a.Now(first)
		keytest.Pass(time.Second)
		wantFetches(t, a, 3)
		wantFind(t, s, a, asks("a", 0), Found, 0, 0)
		if id := problem(); id != "a" {
			t.Errorf("the problem names key %q", id)
		}
		// It is known now, so there is no second look for b.
		keytest.Pass(5 * time.Second)
		wantFetches(t, a, 3)

		// Old tokens and young ones: the budgeted fetch decides, or nothing does.
		wantFind(t, s, a, asks("b", time.Hour), NoLongerPublished, 0, 1) // its fetch got the first replica
		keytest.Pass(ms)
		wantFind(t, s, a, asks("b", time.Hour), MayBeNewer, 0, 0)
		wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 0)
		a.Now(second)
		keytest.Pass(15 * time.Second)
		wantFind(t, s, a, asks("b", time.Hour), Found, 0, 1)
		n := a.Fetches()
		keytest.Pass(5 * time.Second)
		wantFetches(t, a, n) // a is gone, and there is no second look for it either
		wantFind(t, s, a, asks("a", time.Hour), MayBeNewer, 0, 0)
		keytest.Pass(30 * time.Second)
		wantFind(t, s, a, asks("a", 0), MayBeNewer, 0, 1)
		wantFind(t, s, a, asks("a", time.Hour), NoLongerPublished, 0, 0)

		// A day after, the removal counts again.
		a.Now(serves(ed("b"), ed("c")))
		keytest.Pass(24*time.Hour + time.Minute)
		if id := problem(); id != "" {
			t.Errorf("after a day, key %q is said to differ", id)
		}
		a.Now(hang)
		wantFind(t, s, a, asks("a", 0), NoLongerPublished, 0, 1)
	})
}

// TestRemovedByOneReplica checks that long-running work continues while one
// response of one replica lacks its key. It ends by a Refresh, or once a
// second response lacks the key.
func TestRemovedByOneReplica(t *testing.T) {
	for _, tt := range []struct {
		name   string
		lookup func(*testing.T, *Source) // makes the fetch that follows the removal
	}{
		{"Refresh", refresh},
		{"a second response", func(_ *testing.T, s *Source) { passUntil(s.Status().Next); keytest.Pass(time.Second) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answering(serves(ed("a"), ed("b")))
				s := open(t, a)
				key, _, err := s.Find(t.Context(), asks("a", 0))
				if err != nil {
					t.Fatal(err)
				}
				for _, keys := range [][]jwk{{ed("b")}, {ed("a"), ed("b")}} { // the replicas differ from now on
					a.Now(serves(keys...))
					refresh(t, s)
				}
				a.Now(after(200*ms, serves(ed("b"))))
				passUntil(s.Status().Next)
				keytest.Pass(time.Second)
				if s.Removed(key) {
					t.Error("Removed = true after one response without the key, want false")
				}
				tt.lookup(t, s)
				if !s.Removed(key) {
					t.Error("Removed = false, want true")
				}
			})
		})
	}
}

// TestNotReplicas checks that another key under a removed key's ID is not
// taken for a return.
func TestNotReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a"), ed("b")))
		s := open(t, a)
		for _, keys := range [][]jwk{{ed("b")}, {ed("b"), ed("c").under("a")}} {
			a.Now(serves(keys...))
			refresh(t, s)
		}
		if p := s.Status().Problems; len(p) != 0 {
			t.Errorf("problems %v", p)
		}
		wantFind(t, s, a, asks("a", 0), Found, 0, 0)
	})
}
