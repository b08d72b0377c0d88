package jwks

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hourly keeps the timer out of the way for half an hour after the first fetch.
func hourly(o *Options) { o.Interval = time.Hour }

// TestUnknownWaits says how long a caller waits for a key that is missing, and
// what it is told then.
func TestUnknownWaits(t *testing.T) {
	const ms = time.Millisecond
	other := serves(ed("b"))
	tests := []struct {
		name    string
		cold    bool // there never was a set
		answer  answer
		patient time.Duration // of the caller; without end if 0
		want    error
		took    time.Duration
		fetches int // for this call
	}{
		{"another set", false, after(200*ms, other), 0, nil, 200 * ms, 1},
		{"the same set", false, after(200*ms, serves(ed("a"))), 0, ErrUnchanged, 200 * ms, 1},
		{"a failure", false, after(200*ms, down), 0, ErrUnavailable, 200 * ms, 1},
		{"no answer", false, hang, 0, ErrUnavailable, 1000 * ms, 1},
		{"an answer that is too late", false, after(1500*ms, other), 0, ErrUnavailable, 1000 * ms, 1},
		{"the caller leaves", false, hang, 300 * ms, context.DeadlineExceeded, 300 * ms, 1},
		{"a panic", false, func(context.Context, string) (Document, error) { panic("no") }, 0, ErrUnavailable, 0, 1},

		{"cold: a set", true, after(1900*ms, other), 0, nil, 1900 * ms, 0},
		{"cold: a failure", true, after(200*ms, down), 0, ErrUnavailable, 200 * ms, 0},
		{"cold: no answer", true, hang, 0, ErrUnavailable, 2000 * ms, 0},
		{"cold: an answer that is too late", true, after(2100*ms, other), 0, ErrUnavailable, 2000 * ms, 0},
		{"cold: the caller leaves", true, hang, 300 * ms, context.DeadlineExceeded, 300 * ms, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &authority{answer: tt.answer}
				if !tt.cold {
					a.answer = serves(ed("a"))
				}
				s := open(t, a, hourly)
				if !tt.cold {
					pass(time.Minute)
				}
				a.now(tt.answer)
				ctx := t.Context()
				if tt.patient > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.patient)
					defer cancel()
				}
				before := a.fetches()
				took, err := timed(func() error { return s.Next(ctx, s.Current(), NewWait(s.Current())) })
				if err != tt.want || took != tt.took {
					t.Errorf("%v after %v, want %v after %v", err, took, tt.want, tt.took)
				}
				synctest.Wait()
				wantFetches(t, a, before+tt.fetches)
			})
		})
	}
}

// TestUnknownBudget: two fetches in half a minute, failed or not.
func TestUnknownBudget(t *testing.T) {
	for name, answer := range map[string]answer{"up": serves(ed("a")), "down": down} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &authority{answer: serves(ed("a"))}
				// After a failure the timer would soon fetch as well.
				s := open(t, a, hourly, func(o *Options) { o.RandomFraction = func() float64 { return 1000 } })
				a.now(answer)
				want := map[string]error{"up": ErrUnchanged, "down": ErrUnavailable}[name]

				wantNext(t, s, want, 0)
				wantFetches(t, a, 2) // the very first is not of the budget
				pass(10 * time.Second)
				wantNext(t, s, want, 0)
				wantFetches(t, a, 3)
				for range 100 {
					wantNext(t, s, ErrUnavailable, 0)
				}
				pass(20*time.Second - 1)
				wantNext(t, s, ErrUnavailable, 0)
				wantFetches(t, a, 3)
				pass(1) // the first of the two is half a minute old
				wantNext(t, s, want, 0)
				wantFetches(t, a, 4)
				wantNext(t, s, ErrUnavailable, 0)
				pass(10*time.Second - 1)
				wantNext(t, s, ErrUnavailable, 0)
				pass(1) // and now the second
				wantNext(t, s, want, 0)
				wantFetches(t, a, 5)
			})
		})
	}
}

// TestBudgetCountsFromTheRequest: a fetch that had to wait for a slot counts
// from when it was made.
func TestBudgetCountsFromTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := make(chan struct{}, 1)
		a := &authority{answer: serves(ed("a"))}
		s := open(t, a, hourly, func(o *Options) { o.Slots = slots })
		slots <- struct{}{}
		wantNext(t, s, ErrUnavailable, time.Second)
		pass(20 * time.Second)
		wantFetches(t, a, 1)
		<-slots
		synctest.Wait()
		wantNext(t, s, ErrUnchanged, 0)
		wantFetches(t, a, 3)
		pass(30*time.Second - 1)
		wantNext(t, s, ErrUnavailable, 0)
		pass(1)
		wantNext(t, s, ErrUnchanged, 0)
	})
}

// TestOthersDontDraw: what the timer and Refresh fetch is not of the budget,
// and a caller that comes in time waits for it.
func TestOthersDontDraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"))}
		s := open(t, a)
		a.now(after(100*time.Millisecond, serves(ed("a"))))
		pass(time.Until(s.Status().Next))
		wantFetches(t, a, 2) // the timer's
		wantNext(t, s, ErrUnchanged, 100*time.Millisecond)
		for range 5 {
			go s.Refresh(context.Background())
			synctest.Wait()
			wantNext(t, s, ErrUnchanged, 100*time.Millisecond)
		}
		wantFetches(t, a, 7)
		for range 2 {
			wantNext(t, s, ErrUnchanged, 100*time.Millisecond)
		}
		wantFetches(t, a, 9)
		wantNext(t, s, ErrUnavailable, 0)
	})
}

// TestOneMore: a fetch that began before the call may have been too early. If
// it does not help, another one is waited for, if the budget has one.
func TestOneMore(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name    string
		takes   time.Duration // each fetch
		answer  answer
		spent   bool // the budget is
		want    error
		took    time.Duration
		fetches int // with the one that is under way
	}{
		{"the second confirms", 600 * ms, serves(ed("a")), false, ErrUnchanged, 900 * ms, 2},
		{"the second fails", 600 * ms, down, false, ErrUnavailable, 900 * ms, 2},
		{"the second is too late", 800 * ms, serves(ed("a")), false, ErrUnavailable, 1000 * ms, 2},
		{"the first is another set", 600 * ms, serves(ed("b")), false, nil, 300 * ms, 1},
		{"no budget for a second", 600 * ms, serves(ed("a")), true, ErrUnchanged, 300 * ms, 1},
		{"no budget, and it fails", 600 * ms, down, true, ErrUnavailable, 300 * ms, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &authority{answer: serves(ed("a"))}
				s := open(t, a, hourly, func(o *Options) { o.RandomFraction = func() float64 { return 100 } })
				if tt.spent {
					wantNext(t, s, ErrUnchanged, 0)
					wantNext(t, s, ErrUnchanged, 0)
				}
				before := a.fetches()
				a.now(after(tt.takes, tt.answer))
				go s.Refresh(context.Background())
				pass(300 * ms)
				wantNext(t, s, tt.want, tt.took)
				synctest.Wait()
				wantFetches(t, a, before+tt.fetches)
			})
		})
	}
}

// TestBudgetReturnsDuringAWait: what counts is the moment at which the budget
// is asked for, and not the one at which the call came.
func TestBudgetReturnsDuringAWait(t *testing.T) {
	const ms = time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"))}
		s := open(t, a, hourly)
		wantNext(t, s, ErrUnchanged, 0)
		wantNext(t, s, ErrUnchanged, 0)
		a.now(after(400*ms, serves(ed("a"))))
		pass(29_700 * ms)
		go s.Refresh(context.Background())
		pass(100 * ms)
		// The rest of that fetch, which began too early, and then one more.
		wantNext(t, s, ErrUnchanged, 700*ms)
		wantFetches(t, a, 5)
	})
}

// TestRetryAfterHolds: while the authority asks to be left alone, unknown keys
// fetch nothing. Refresh does: somebody knows what they do.
func TestRetryAfterHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"))}
		s := open(t, a, hourly)
		a.now(func(context.Context, string) (Document, error) {
			return Document{}, &FetchError{errDown, time.Minute}
		})
		wantNext(t, s, ErrUnavailable, 0)
		wantFetches(t, a, 2)
		pass(time.Minute - 1)
		wantNext(t, s, ErrUnavailable, 0)
		wantFetches(t, a, 2)
		a.now(serves(ed("a")))
		if err := s.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		wantNext(t, s, ErrUnchanged, 0) // it is up again, so it may be asked
		wantFetches(t, a, 4)
	})
}

// TestBusy: 256 callers wait for one fetch, and no more.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"))}
		s := open(t, a, hourly)
		a.now(after(500*time.Millisecond, serves(ed("b"))))
		seen := s.Current()
		var group sync.WaitGroup
		for range 256 {
			group.Go(func() { wantNextOf(t, s, seen, nil, 500*time.Millisecond) })
		}
		synctest.Wait()
		for range 100 {
			wantNext(t, s, ErrBusy, 0)
		}
		group.Wait()
		wantFetches(t, a, 2)
		wantNextOf(t, s, seen, nil, 0)
		a.now(serves(ed("b")))
		wantNext(t, s, ErrUnchanged, 0)
	})
}

// TestWaitersGoAway: who gave up makes room.
func TestWaitersGoAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"))}
		s := open(t, a, hourly)
		a.now(hang)
		var group sync.WaitGroup
		for range 3 {
			for range 256 {
				group.Go(func() { wantNext(t, s, ErrUnavailable, time.Second) })
			}
			synctest.Wait()
			wantNext(t, s, ErrBusy, 0)
			group.Wait()
		}
		wantFetches(t, a, 2)
	})
}

// TestBudgetHolds: however calls come, in no half minute there are more than
// two fetches for them.
func TestBudgetHolds(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			a := &authority{answer: serves(ed("a"))}
			s := open(t, a, hourly)
			answers := []answer{serves(ed("a")), serves(ed("b")), after(700*time.Millisecond, serves(ed("c"))),
				after(3*time.Second, serves(ed("d")))}
			var group sync.WaitGroup
			for time.Since(s.Status().Confirmed) < 25*time.Minute && a.fetches() < 40 {
				a.now(answers[random.IntN(len(answers))])
				for range random.IntN(4) {
					group.Go(func() { s.Next(context.Background(), s.Current(), NewWait(s.Current())) })
				}
				pass(time.Duration(random.Int64N(int64(12 * time.Second))))
			}
			group.Wait()
			asked, _ := a.log()
			for i := 3; i < len(asked); i++ {
				if d := asked[i].Sub(asked[i-2]); d < 30*time.Second {
					t.Errorf("seed %d: three fetches within %v", seed, d)
				}
			}
			if len(asked) < 40 {
				t.Errorf("seed %d: only %d fetches", seed, len(asked))
			}
		})
	}
}

// TestOwnFetchIsEnough: a caller whose own fetch has replaced the set, and who
// misses the key in the new one as well, does not draw another.
func TestOwnFetchIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := make(chan struct{}, 1)
		a := &authority{answer: serves(ed("a"))}
		s := open(t, a, hourly, func(o *Options) { o.Slots = slots })
		a.now(serves(ed("b")))
		seen := s.Current()
		slots <- struct{}{}
		time.AfterFunc(time.Millisecond, func() { <-slots }) // so that the fetch is later than the call
		w := NewWait(seen)
		if err := s.Next(t.Context(), seen, w); err != nil {
			t.Fatal(err)
		}
		if err := s.Next(t.Context(), s.Current(), w); err != ErrUnchanged {
			t.Errorf("Next: %v, want %v", err, ErrUnchanged)
		}
		wantFetches(t, a, 2)
		wantNext(t, s, ErrUnchanged, 0) // another caller's
		wantFetches(t, a, 3)
	})
}
