package jwks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
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

// TestStates goes through all of them.
func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: after(time.Second, serves(ed("a")))}
		s := open(t, a)
		wantState(t, s, Cold)
		pass(time.Second)
		wantState(t, s, Fresh)

		a.now(down)
		passUntil(s.Status().Next) // the first periodic fetch
		wantState(t, s, Stale)
		wantFetches(t, a, 2)
		if err := s.Status().LastError; !errors.Is(err, errDown) {
			t.Errorf("last error %v", err)
		}

		a.now(after(time.Second, serves(ed("a"))))
		pass(1500 * time.Millisecond)
		wantState(t, s, Fresh)
		if st := s.Status(); st.LastError != nil || time.Since(st.Confirmed) != time.Second || st.Fetches != 3 {
			t.Errorf("status %+v", st)
		}

		a.now(down)
		expiry := s.Status().Confirmed.Add(24 * time.Hour)
		passUntil(expiry.Add(-1))
		wantState(t, s, Stale)
		old := s.Current()
		passUntil(expiry)
		wantState(t, s, Expired)
		wantNextOf(t, s, old, ErrUnavailable, 0) // nothing is no other set
		pass(time.Hour)
		wantState(t, s, Expired)

		a.now(serves(ed("a")))
		pass(5 * time.Second) // the cold limit: there is nothing to lose
		wantState(t, s, Fresh)

		a.now(down)
		passUntil(s.Status().Next)
		wantState(t, s, Stale)
		s.Close()
		wantState(t, s, Closed)
		n := a.fetches()
		pass(48 * time.Hour)
		wantState(t, s, Closed)
		wantFetches(t, a, n)
		s.Close()
	})
}

// TestNextFetch is what Status says of it.
func TestNextFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"))}
		s := open(t, a)
		for _, want := range []error{nil, errDown} {
			at, err := s.NextFetch()
			if st := s.Status(); err != want || st.LastError != want || !at.Equal(st.Next) || !at.After(time.Now()) {
				t.Errorf("%v and %v; status %+v", at, err, st)
			}
			a.now(down)
			s.Refresh(t.Context())
		}
	})
}

// TestColdForEver: what never had keys does not expire.
func TestColdForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, &authority{answer: down}, func(o *Options) { o.MaxStale = 10 * time.Minute })
		pass(time.Hour)
		wantState(t, s, Cold)
	})
}

// TestOverdue: a fetch that can't be made does not fail, and yet nothing is
// confirmed.
func TestOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"))}
		slots := make(chan struct{}, 1)
		s := open(t, a, func(o *Options) { o.Slots = slots })
		slots <- struct{}{}
		passUntil(s.Status().Next.Add(5 * time.Second))
		wantState(t, s, Fresh)
		pass(1)
		wantState(t, s, Stale)
		wantFetches(t, a, 1)
		<-slots
		pass(0)
		wantState(t, s, Fresh)
		wantFetches(t, a, 2)
	})
}

// TestSlots: as many are fetched at once as there are slots, and a Source that
// waits for one can be closed.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := make(chan struct{}, 8)
		a := &authority{answer: after(time.Second, serves(ed("a")))}
		for range 20 {
			open(t, a, func(o *Options) { o.Slots = slots })
		}
		for _, want := range []int{8, 16, 20} {
			wantFetches(t, a, want)
			pass(time.Second)
		}
		if a.most != 8 {
			t.Errorf("%d fetches at once", a.most)
		}
		for range cap(slots) {
			slots <- struct{}{}
		}
		s := open(t, a, func(o *Options) { o.Slots = slots })
		s.Close()
		if n := len(slots); n != cap(slots) {
			t.Errorf("%d slots are taken, want %d", n, cap(slots))
		}
		wantFetches(t, a, 20) // and none for the one that never had its turn
	})
}

// TestFirstPeriodicFetch is spread over the interval, whatever the authority
// says; the next ones are not.
func TestFirstPeriodicFetch(t *testing.T) {
	for _, random := range []float64{0.1, 0.5, nearlyOne} {
		synctest.Test(t, func(t *testing.T) {
			a := &authority{answer: func(context.Context, string) (Document, error) {
				return Document{Body: document(ed("a")), FreshFor: 10 * time.Minute}, nil
			}}
			open(t, a, func(o *Options) { o.RandomFraction = func() float64 { return random } })
			pass(time.Hour)
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
