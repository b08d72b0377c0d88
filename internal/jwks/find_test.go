package jwks

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hourly keeps the timer out of the way for half an hour after the first fetch.
func hourly(o *Options) { o.Interval = time.Hour }

// rarely keeps it out of the way after a failure as well.
func rarely(o *Options) { o.Interval = time.Hour; o.RandomFraction = func() float64 { return 100 } }

const ms = time.Millisecond

// TestFindWaits says how long a caller waits for a key that is missing, and
// what comes of it.
func TestFindWaits(t *testing.T) {
	other := serves(ed("a"), ed("b"))
	tests := []struct {
		name    string
		cold    bool // there never was a set
		answer  answer
		patient time.Duration // of the caller; without end if 0
		want    Why
		err     error // in place of want
		took    time.Duration
		fetches int // for this call
	}{
		{"another set", false, after(200*ms, other), 0, Found, nil, 200 * ms, 1},
		{"the same set", false, after(200*ms, serves(ed("a"))), 0, MayBeNewer, nil, 200 * ms, 1},
		{"a failure", false, after(200*ms, down), 0, MayBeNewer, nil, 200 * ms, 1},
		{"no answer", false, hang, 0, MayBeNewer, nil, 1000 * ms, 1},
		{"an answer that is too late", false, after(1500*ms, other), 0, MayBeNewer, nil, 1000 * ms, 1},
		{"the caller leaves", false, hang, 300 * ms, 0, context.DeadlineExceeded, 300 * ms, 1},
		{"a panic", false, func(context.Context, string) (Document, error) { panic("no") }, 0, MayBeNewer, nil, 0, 1},

		{"cold: a set", true, after(1900*ms, other), 0, Found, nil, 1900 * ms, 0},
		{"cold: a set without the key", true, after(200*ms, serves(ed("a"))), 0, MayBeNewer, nil, 200 * ms, 0},
		{"cold: a failure", true, after(200*ms, down), 0, NoKeys, nil, 200 * ms, 0},
		{"cold: no answer", true, hang, 0, NoKeys, nil, 2000 * ms, 0},
		{"cold: an answer that is too late", true, after(2100*ms, other), 0, NoKeys, nil, 2000 * ms, 0},
		{"cold: the caller leaves", true, hang, 300 * ms, 0, context.DeadlineExceeded, 300 * ms, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &authority{answer: tt.answer}
				if !tt.cold {
					a.answer = serves(ed("a"))
				}
				s := open(t, a, rarely)
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
				took, err := timed(func() error { _, _, err := s.Find(ctx, asks("b", 0)); return err })
				if tt.err != nil && err != tt.err || tt.err == nil && why(err) != tt.want || took != tt.took {
					t.Errorf("%v after %v, want %d %v after %v", err, took, tt.want, tt.err, tt.took)
				}
				synctest.Wait()
				wantFetches(t, a, before+tt.fetches)
			})
		})
	}
}

// TestNoKeyIDWhileCold: a token that names no key waits for the first set like
// any other, and is judged by it.
func TestNoKeyIDWhileCold(t *testing.T) {
	for name, tt := range map[string]struct {
		keys []jwk
		want Why
	}{
		"one fits":  {[]jwk{ed("a"), ec("b", 1)}, Found},
		"two fit":   {[]jwk{ed("a"), ed("b")}, NotOne},
		"none fits": {[]jwk{ec("b", 1)}, NotOne},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &authority{answer: after(200*ms, serves(tt.keys...))}
				s := open(t, a, hourly)
				wantFind(t, s, a, undated(""), tt.want, 200*ms, 0)
			})
		})
	}
}

// TestAtOnce: a key that is there, but can't verify this token, is no reason to
// wait; it is one to look again.
func TestAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name string
		q    Query
		want Why
	}{
		{"of another algorithm", Query{KeyID: "a", Algorithm: "ES256"}, OtherAlgorithm},
		{"unusable", Query{KeyID: "b", Algorithm: "EdDSA"}, Dropped},
		{"unnamed, and none fits", Query{Algorithm: "RS256"}, NotOne},
		{"long unknown", Query{KeyID: "x", Algorithm: "EdDSA", IssuedAt: time.Unix(0, 0)}, NotPublished},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &authority{answer: serves(ed("a"), ed("b").with("use", "enc"))}
				s := open(t, a, hourly)
				pass(time.Minute)
				a.now(after(time.Second, a.answer))
				q := tt.q
				q.Now = time.Now()
				for _, fetches := range []int{1, 0} {
					wantFind(t, s, a, q, tt.want, 0, fetches)
				}
				pass(time.Second)
				wantFind(t, s, a, q, tt.want, 0, 0) // the last one of the budget is not for it
				pass(15 * time.Second)
				wantFind(t, s, a, q, tt.want, 0, 1)
			})
		})
	}
}

// TestSuspect checks that a bad signature starts a fetch if the budget is full,
// and waits for nothing.
func TestSuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: tagged(`"1"`, ed("a"))}
		s := open(t, a, hourly)
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{0, 2}, {0, 2}, {15*time.Second - 1, 2}, {1, 3}, {0, 3}} {
			pass(step.after)
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

// TestBudget: a bucket of two fetches that gains one in 15 seconds, whether
// they succeed or not.
func TestBudget(t *testing.T) {
	for name, answer := range map[string]answer{"up": serves(ed("a")), "down": down} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &authority{answer: serves(ed("a"))}
				s := open(t, a, rarely)
				a.now(answer)
				find := func(fetches int) { t.Helper(); wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, fetches) }
				find(1)
				find(1)
				find(0)
				pass(15*time.Second - 1)
				find(0)
				pass(1)
				find(1)
				find(0)
				pass(40 * time.Second)
				find(1)
				find(1)
				find(0)
				pass(5 * time.Second) // 45 seconds after the last gain that was used
				find(0)
				pass(10 * time.Second)
				find(1)
			})
		})
	}
}

// TestOthersDontDraw: what the timer and Refresh fetch is not of the budget,
// and a caller that comes in time waits for it.
func TestOthersDontDraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"))}
		s := open(t, a)
		a.now(after(100*ms, serves(ed("a"))))
		pass(time.Until(s.Status().Next))
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

// TestOneMore: a fetch that began before the call may have been too early, and
// a conditional one may hide what is new. If it does not help, another one is
// waited for, if the budget has one.
func TestOneMore(t *testing.T) {
	tests := []struct {
		name    string
		takes   time.Duration // each fetch
		answer  answer
		spent   bool // the budget is
		want    Why
		took    time.Duration
		fetches int // beside the one that is under way
	}{
		{"the second confirms", 600 * ms, serves(ed("a")), false, MayBeNewer, 900 * ms, 1},
		{"the second fails", 600 * ms, down, false, MayBeNewer, 900 * ms, 1},
		{"the second is too late", 800 * ms, serves(ed("a")), false, MayBeNewer, 1000 * ms, 1},
		{"the first has the key", 600 * ms, serves(ed("a"), ed("b")), false, Found, 300 * ms, 0},
		{"no budget for a second", 600 * ms, serves(ed("a")), true, MayBeNewer, 300 * ms, 0},
		{"no budget, and it fails", 600 * ms, down, true, MayBeNewer, 300 * ms, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &authority{answer: serves(ed("a"))}
				s := open(t, a, rarely)
				if tt.spent {
					wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 1)
					wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 1)
				}
				a.now(after(tt.takes, tt.answer))
				go s.Refresh(context.Background())
				pass(300 * ms)
				wantFind(t, s, a, asks("b", 0), tt.want, tt.took, tt.fetches)
			})
		})
	}
	t.Run("a conditional one under way", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := &authority{answer: tagged(`"1"`, ed("a"))}
			s := open(t, a)
			a.now(func(ctx context.Context, sent string) (Document, error) { // nginx, after a rotation
				if sent != "" {
					return after(100*ms, tagged(sent, ed("a")))(ctx, sent)
				}
				return Document{Body: document(ed("a"), ed("b")), ETag: `"1"`}, nil
			})
			passUntil(s.Status().Next)
			wantFetches(t, a, 2)
			wantFind(t, s, a, asks("b", 0), Found, 100*ms, 1)
		})
	})
}

// TestHold: while the authority asks to be left alone, callers fetch nothing,
// for half a minute at most. Refresh does: somebody knows what they do.
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
				a := &authority{answer: serves(ed("a"))}
				s := open(t, a, rarely)
				a.now(func(context.Context, string) (Document, error) { return Document{}, tt.err })
				wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 1)
				if tt.held > 0 {
					pass(tt.held - 1)
					wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 0)
					pass(1)
				}
				wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 1)
				if tt.held == 0 {
					return
				}
				a.now(serves(ed("a")))
				refresh(t, s)
				wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 1) // it is up again
			})
		})
	}
}

// TestBusy: 256 callers wait for one fetch, and no more. The others are to come
// back when it ends, and not when the timer fetches again.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"))}
		s := open(t, a, hourly)
		a.now(after(500*ms, serves(ed("a"), ed("b"))))
		var group sync.WaitGroup
		for range 256 {
			group.Go(func() {
				d, err := timed(func() error { _, _, err := s.Find(context.Background(), asks("b", 0)); return err })
				if err != nil || d != 500*ms {
					t.Errorf("%v after %v", err, d)
				}
			})
		}
		synctest.Wait()
		for n := range 100 {
			_, _, err := s.Find(t.Context(), asks("b", 0))
			e, _ := errors.AsType[*MissingError](err)
			if want := map[bool]Why{true: MayBeNewer, false: TooMany}[n < 20]; why(err) != want || e.Next.Sub(e.At) != 5*time.Second {
				t.Fatalf("%d: %v; next look %v", n, err, e.Next)
			}
		}
		group.Wait()
		wantFetches(t, a, 2)
		wantFind(t, s, a, asks("b", 0), Found, 0, 0)
	})
}

// TestFlood: more than 20 refusals a second are told apart from an outage.
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

// TestMissingText: the error says what the token names, what is published, how
// old that is, when the next look is, and what the last fetch failed with.
func TestMissingText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: down}
		s := open(t, a, hourly)
		text := func(q Query) string {
			t.Helper()
			_, _, err := s.Find(t.Context(), q)
			if err == nil {
				t.Fatal("found")
			}
			return err.Error()
		}
		want := func(q Query, want ...string) {
			t.Helper()
			got := text(q)
			for _, part := range want {
				if !strings.Contains(got, part) {
					t.Errorf("%q says nothing of %q", got, part)
				}
			}
		}
		want(asks("x", 0), "there are no keys", "the next look is", "the last fetch failed: "+errDown.Error())

		a.now(serves(ed("a"), ed("b"), ec("c", 1).with("use", "enc")))
		refresh(t, s)
		pass(15 * time.Second)
		a.now(after(2*time.Second, serves(ed("a"), ed("b"))))
		want(asks("x\n", time.Hour), `kid "x\n" is not published`, `"a", "b"`, "fetched 15s ago")
		pass(3 * time.Second)
		a.now(down)
		want(asks("x", 0), `kid "x" is not known yet`, `"a", "b"`, "fetched 3s ago", "the next look is due now", errDown.Error())
		pass(5 * time.Second)
		s.Suspect()
		want(asks("x", 0), `kid "x" is not known yet`, "the next look is in ")
		want(Query{KeyID: "a", Algorithm: "ES256"}, `kid "a" is for EdDSA, not for ES256`)
		want(Query{Algorithm: "EdDSA"}, `"kid" is missing`, "2 of EdDSA")
		want(asks(strings.Repeat("x", 200), time.Hour), `kid "`+strings.Repeat("x", 64)+`" is not`)

		a.now(serves(ed("b"), ec("c", 1).with("use", "enc")))
		refresh(t, s)
		want(asks("a", 0), `kid "a" is no longer published`, `the keys are "b"`)
		want(asks("c", 0), `kid "c" is published, but can't be used: `, `"use"`)

		many := []jwk{ed("b")}
		for _, id := range strings.Split("defghijklmno", "") {
			many = append(many, ed(id))
		}
		a.now(serves(many...))
		refresh(t, s)
		if got := text(asks("x", time.Hour)); !strings.Contains(got, `"j", and 5 more`) {
			t.Error(got)
		}
	})
}
