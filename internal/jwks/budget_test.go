package jwks

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
)

// TestSuspect checks that a bad signature starts a fetch if the budget is full,
// and waits for nothing.
func TestSuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(tagged(`"1"`, ed("a")))
		s := open(t, a, hourly)
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{0, 2}, {0, 2}, {15*time.Second - 1, 2}, {1, 3}, {0, 3}} {
			keytest.Pass(step.after)
			if took, _ := timed(func() error { s.Suspect(); return nil }); took != 0 {
				t.Errorf("Suspect took %v, want 0", took)
			}
			synctest.Wait()
			wantFetches(t, a, step.want)
		}
		if _, etags := a.log(); strings.Join(etags, "") != "" {
			t.Errorf("conditional fetches: %q", etags)
		}
	})
}

// TestBudget checks that the bucket of two fetches gains one in 15 seconds,
// whether fetches succeed or not.
func TestBudget(t *testing.T) {
	for name, answer := range map[string]answer{"up": serves(ed("a")), "down": down} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answering(serves(ed("a")))
				s := open(t, a, rarely)
				a.Now(answer)
				find := func(fetches int) { t.Helper(); wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, fetches) }
				find(1)
				find(1)
				find(0)
				keytest.Pass(15*time.Second - 1)
				find(0)
				keytest.Pass(1)
				find(1)
				find(0)
				keytest.Pass(40 * time.Second)
				find(1)
				find(1)
				find(0)
				keytest.Pass(5 * time.Second) // 45 seconds after the last gain that was used
				find(0)
				keytest.Pass(10 * time.Second)
				find(1)
			})
		})
	}
}

// TestOthersDontDraw checks that fetches of the timer and of Refresh don't
// draw on the budget, and that a call which comes in time waits for them.
func TestOthersDontDraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a")))
		s := open(t, a)
		a.Now(after(100*ms, serves(ed("a"))))
		keytest.Pass(time.Until(s.Status().Next))
		wantFetches(t, a, 2) // the timer's
		wantFind(t, s, a, asks("b", 0), MayBeNewer, 100*ms, 0)
		for range 5 {
			go s.Refresh(context.Background())
			synctest.Wait()
			wantFind(t, s, a, asks("b", 0), MayBeNewer, 100*ms, 0)
		}
		for range 2 {
			wantFind(t, s, a, asks("b", 0), MayBeNewer, 100*ms, 1)
		}
		wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 0)
	})
}

// TestHold checks that calls fetch nothing while the authority requests it,
// for half a minute at most. Refresh fetches all the same.
func TestHold(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  *FetchError
		held time.Duration
	}{
		{"429", &FetchError{errDown, 429, 0}, 30 * time.Second},
		{"429 with Retry-After", &FetchError{errDown, 429, 20 * time.Second}, 20 * time.Second},
		{"429 with a long Retry-After", &FetchError{errDown, 429, time.Hour}, 30 * time.Second},
		{"503 with Retry-After", &FetchError{errDown, 503, 20 * time.Second}, 20 * time.Second},
		{"503", &FetchError{errDown, 503, 0}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answering(serves(ed("a")))
				s := open(t, a, rarely)
				a.Now(func(context.Context, string) (Document, error) { return Document{}, tt.err })
				wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 1)
				if tt.held > 0 {
					keytest.Pass(tt.held - 1)
					wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 0)
					keytest.Pass(1)
				}
				wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 1)
				if tt.held == 0 {
					return
				}
				a.Now(serves(ed("a")))
				refresh(t, s)
				wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 1) // it is up again
			})
		})
	}
}

// TestFlood checks that more than 20 refusals a second are reported as a
// flood, and not as an outage.
func TestFlood(t *testing.T) {
	var f flood
	now := time.Now()
	count := func(n int, step time.Duration) (over int) {
		for range n {
			if f.add(now) {
				over++
			}
			now = now.Add(step)
		}
		return over
	}
	for _, tt := range []struct {
		name  string
		n     int
		step  time.Duration
		least int
		most  int
	}{
		{"20 at once", 20, 0, 0, 0},
		{"then 20 a second", 200, 50 * ms, 0, 0},
		{"a thousand a second", 1000, ms, 950, 1000},
		{"and no end to it", 1000, ms, 1000, 1000},
		{"two seconds later", 20, 0, 0, 20},
	} {
		if over := count(tt.n, tt.step); over < tt.least || over > tt.most {
			t.Errorf("%s: %d are too many, want %d to %d", tt.name, over, tt.least, tt.most)
		}
		now = now.Add(floodEvery)
	}
	now = now.Add(2 * time.Second)
	if over := count(20, 0); over != 0 {
		t.Errorf("after a flood, %d of 20 are too many", over)
	}
}

// TestRefusedCallsSpareTheRotation checks that calls that are refused anyway
// leave a fetch for the first call with a new key: bad signatures just before
// an abrupt rotation cost good tokens nothing.
func TestRefusedCallsSpareTheRotation(t *testing.T) {
	for name, refused := range map[string]func(*Source){
		"bad signatures":       (*Source).Suspect,
		"another algorithm":    func(s *Source) { s.Find(t.Context(), Query{KeyID: "a", Algorithm: "ES256", Now: time.Now()}) },
		"keys long unknown":    func(s *Source) { s.Find(t.Context(), asks("x", time.Hour)) },
		"both kinds, at times": func(s *Source) { s.Suspect(); keytest.Pass(time.Second); s.Find(t.Context(), asks("x", time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answering(serves(ed("a")))
				s := open(t, a, hourly)
				keytest.Pass(time.Minute)
				for range 3 {
					refused(s)
					keytest.Pass(time.Second)
				}
				a.Now(after(200*ms, serves(ed("a"), ed("b"))))
				wantFind(t, s, a, asks("b", 0), Found, 200*ms, 1)
			})
		})
	}
}

// TestBudgetHolds checks, with random calls, that they never cause more
// fetches than the bucket gives.
func TestBudgetHolds(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			a := answering(serves(ed("a")))
			s := open(t, a, rarely)
			answers := []answer{serves(ed("a")), after(700*ms, serves(ed("a"))), after(3*time.Second, down)}
			var group sync.WaitGroup
			for time.Since(s.Status().Confirmed) < 25*time.Minute && a.Fetches() < 40 {
				a.Now(answers[random.IntN(len(answers))])
				for range random.IntN(4) {
					group.Go(func() { s.Find(context.Background(), asks("x", 0)) })
				}
				if random.IntN(5) == 0 {
					s.Suspect()
				}
				keytest.Pass(time.Duration(random.Int64N(int64(12 * time.Second))))
			}
			group.Wait()
			asked, _ := a.log()
			level, last := 2*budgetEvery, asked[0]
			for _, at := range asked[1:] {
				level, last = min(2*budgetEvery, level+at.Sub(last)), at
				if level -= budgetEvery; level < 0 {
					t.Fatalf("seed %d: a fetch at %v was beyond the budget", seed, at.Sub(asked[0]))
				}
			}
			if len(asked) < 40 {
				t.Errorf("seed %d: only %d fetches", seed, len(asked))
			}
		})
	}
}
