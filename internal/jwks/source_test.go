package jwks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
)

// wantState asserts where s stands, and that Current agrees.
func wantState(t *testing.T, s *Source, want State) {
	t.Helper()
	st := s.Status()
	if st.State != want {
		t.Errorf("state %d, want %d", st.State, want)
	}
	if serving := want == Fresh || want == Stale; (s.Current() != nil) != serving || st.Set != s.Current() {
		t.Errorf("in state %d there is a set: %t", want, s.Current() != nil)
	}
}

// TestStates goes through every state.
func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(after(time.Second, serves(ed("a"))))
		s := open(t, a)
		wantState(t, s, Cold)
		keytest.Pass(time.Second)
		wantState(t, s, Fresh)

		a.Now(down)
		passUntil(s.Status().Next) // the first periodic fetch
		wantState(t, s, Stale)
		wantFetches(t, a, 2)
		if err := s.Status().LastError; !errors.Is(err, errDown) {
			t.Errorf("last error %v", err)
		}

		a.Now(after(time.Second, serves(ed("a"))))
		keytest.Pass(1500 * time.Millisecond)
		wantState(t, s, Fresh)
		if st := s.Status(); st.LastError != nil || time.Since(st.Confirmed) != time.Second || st.Fetches != 3 {
			t.Errorf("status %+v", st)
		}

		a.Now(down)
		expiry := s.Status().Confirmed.Add(24 * time.Hour)
		passUntil(expiry.Add(-1))
		wantState(t, s, Stale)
		passUntil(expiry)
		wantState(t, s, Expired)
		wantFind(t, s, a, asks("a", 0), NoKeys, 0, 1)
		keytest.Pass(time.Hour)
		wantState(t, s, Expired)

		a.Now(serves(ed("a")))
		keytest.Pass(5 * time.Second) // the cold limit: there is nothing to lose
		wantState(t, s, Fresh)

		a.Now(down)
		passUntil(s.Status().Next)
		wantState(t, s, Stale)
		s.Close()
		wantState(t, s, Closed)
		n := a.Fetches()
		keytest.Pass(48 * time.Hour)
		wantState(t, s, Closed)
		wantFetches(t, a, n)
		s.Close()
	})
}

// TestNextAttempt checks that the time of the next fetch is always set.
// During the first fetch it is not in the future.
func TestNextAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(after(time.Second, serves(ed("a"))))
		s := open(t, a)
		keytest.Pass(500 * ms)
		if next := s.Status().Next; time.Since(next) != 500*ms {
			t.Errorf("during the first fetch: %v, want the time at which it was asked for", next)
		}
		keytest.Pass(500 * ms)
		for range 3 {
			if next := s.Status().Next; !next.After(time.Now()) {
				t.Errorf("%v, want a time to come", next)
			}
			a.Now(down)
			s.Refresh(t.Context())
		}
	})
}

// TestColdForEver checks that a Source which never had keys does not expire.
func TestColdForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, answering(down), func(o *Options) { o.MaxStale = 10 * time.Minute })
		keytest.Pass(time.Hour)
		wantState(t, s, Cold)
	})
}

// TestOverdue checks a fetch that gets no slot: it does not fail, but the
// state is Stale.
func TestOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a")))
		slots := NewSlots(1)
		s := open(t, a, func(o *Options) { o.Slots = slots })
		slots.shared <- struct{}{}
		passUntil(s.Status().Next.Add(5 * time.Second))
		wantState(t, s, Fresh)
		keytest.Pass(1)
		wantState(t, s, Stale)
		wantFetches(t, a, 1)
		<-slots.shared
		keytest.Pass(0)
		wantState(t, s, Fresh)
		wantFetches(t, a, 2)
	})
}

// TestSlots checks that as many Sources fetch for the first time at once as there are
// slots that are not reserved, and that a Source which waits for one can be closed.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(8)
		a := answering(after(time.Second, serves(ed("a"))))
		for range 20 {
			open(t, a, func(o *Options) { o.Slots = slots })
		}
		for _, want := range []int{7, 14, 20} {
			wantFetches(t, a, want)
			keytest.Pass(time.Second)
		}
		if a.most != 7 {
			t.Errorf("%d fetches at once", a.most)
		}
		for range cap(slots.shared) {
			slots.shared <- struct{}{}
		}
		for range cap(slots.reserved) {
			slots.reserved <- struct{}{}
		}
		s := open(t, a, func(o *Options) { o.Slots = slots })
		s.Close()
		if n := len(slots.shared) + len(slots.reserved); n != 8 {
			t.Errorf("%d slots are taken, want %d", n, 8)
		}
		wantFetches(t, a, 20) // and none for the one that never had its turn
	})
}

// TestHungSources checks that Sources whose fetches hang don't delay others,
// except once, for their timeout.
func TestHungSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(64)
		share := func(o *Options) { o.Slots = slots }
		hung, healthy := answering(hang), answering(serves(ed("a")))
		for range 100 {
			open(t, hung, share)
		}
		s := open(t, healthy, share)
		keytest.Pass(5 * time.Second)
		wantState(t, s, Fresh)
		healthy.Now(serves(ed("a"), ed("b")))
		for range 20 {
			keytest.Pass(7 * time.Second)
			if took, err := timed(func() error { return s.Refresh(t.Context()) }); err != nil || took != 0 {
				t.Fatalf("Refresh beside hung ones: %v after %v", err, took)
			}
		}
		if hung.most > 64 {
			t.Errorf("%d fetches at once", hung.most)
		}
	})
}

// TestHungAtStart: a rotation is learnt at once while many others hang in their first
// fetch.
func TestHungAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(64)
		share := func(o *Options) { o.Slots = slots }
		hung, healthy := answering(hang), answering(serves(ed("a")))
		s := open(t, healthy, share)
		keytest.Pass(0)
		wantState(t, s, Fresh)
		for range 450 {
			open(t, hung, share)
		}
		for range 10 {
			keytest.Pass(time.Second)
			if took, err := timed(func() error { return s.Refresh(t.Context()) }); err != nil || took != 0 {
				t.Fatalf("Refresh beside hung ones: %v after %v, want nil at once", err, took)
			}
		}
	})
}

// TestFirstPeriodicFetch checks that the first periodic fetch is spread over
// the interval, whatever the authority allows, and that later ones are not.
func TestFirstPeriodicFetch(t *testing.T) {
	for _, random := range []float64{0.1, 0.5, nearlyOne} {
		synctest.Test(t, func(t *testing.T) {
			a := answering(func(context.Context, string) (Document, error) {
				return Document{Body: document(ed("a")), FreshFor: 10 * time.Minute}, nil
			})
			open(t, a, func(o *Options) { o.RandomFraction = func() float64 { return random } })
			keytest.Pass(time.Hour)
			asked, _ := a.log()
			wait := func(n int) time.Duration { return asked[n].Sub(asked[n-1]) }
			first := time.Duration(random * float64(10*time.Minute))
			if d := wait(1) - first; d.Abs() > time.Microsecond {
				t.Errorf("random %v: the first after %v, want %v", random, wait(1), first)
			}
			later := time.Duration((0.9 + 0.2*random) * float64(10*time.Minute))
			for n := 2; n < len(asked); n++ {
				if d := wait(n) - later; d.Abs() > time.Microsecond {
					t.Errorf("random %v: another after %v, want %v", random, wait(n), later)
				}
			}
		})
	}
}
