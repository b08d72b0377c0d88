package jwks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
)

// aged serves keys as a cache does that has kept them for a while.
func aged(age time.Duration, keys ...jwk) answer {
	return func(context.Context, string) (Document, error) {
		return Document{Body: document(keys...), Age: age}, nil
	}
}

// drawn is how many fetches a search draws whose verdict is w, and which comes
// in the moment of the last fetch: there is nothing newer to learn.
func drawn(w Why) int {
	if w == MayBeNewer {
		return 1
	}
	return 0
}

// TestNeverHeld checks that a key which no set held is NotPublished only if
// a response lacks it that dates from at least Backdating after the token
// was issued.
func TestNeverHeld(t *testing.T) {
	const back = 10 * time.Minute
	tests := []struct {
		name   string
		answer answer // to the only fetch
		ago    time.Duration
		want   Why
	}{
		{"issued long before the fetch", serves(ed("a")), time.Hour, NotPublished},
		{"just long enough before it", serves(ed("a")), back, NotPublished},
		{"not long enough before it", serves(ed("a")), back - 1, MayBeNewer},
		{"dated back by 5 minutes", serves(ed("a")), 5 * time.Minute, MayBeNewer},
		{"now", serves(ed("a")), 0, MayBeNewer},
		{"long before a cached response", aged(time.Hour, ed("a")), back + time.Hour, NotPublished},
		{"long before the fetch, but not the response", aged(time.Hour, ed("a")), time.Hour, MayBeNewer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answering(tt.answer)
				s := open(t, a, rarely)
				a.Now(down)
				fetches := drawn(tt.want)
				if s.health.asOf.Before(time.Now()) {
					fetches = 1
				}
				wantFind(t, s, a, asks("x", tt.ago), tt.want, 0, fetches)
			})
		})
	}
}

// TestUndated checks that for a token without "iat" the response must date
// from after the call's arrival.
func TestUndated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a")))
		s := open(t, a, hourly)
		keytest.Pass(time.Minute)
		a.Now(after(200*ms, serves(ed("a"))))
		wantFind(t, s, a, undated("x"), NotPublished, 200*ms, 1)
		wantFind(t, s, a, undated("x"), NotPublished, 200*ms, 1)
		wantFind(t, s, a, undated("x"), MayBeNewer, 0, 0)
		keytest.Pass(30 * time.Second)
		a.Now(after(200*ms, aged(time.Second, ed("a"))))
		wantFind(t, s, a, undated("x"), MayBeNewer, 200*ms, 1)
	})
}

// TestConditionalProvesNothing checks that a 304 confirms the keys in force
// and proves nothing about missing ones.
func TestConditionalProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(tagged(`"1"`, ed("a")))
		s := open(t, a)
		keytest.Pass(20 * time.Minute)
		if st := s.Status(); time.Since(st.Confirmed) > 6*time.Minute || s.health.asOf.After(time.Now().Add(-20*time.Minute)) {
			t.Errorf("confirmed %v ago, as of %v ago", time.Since(st.Confirmed), time.Since(s.health.asOf))
		}
		a.Now(down)
		wantFind(t, s, a, asks("x", 15*time.Minute), MayBeNewer, 0, 1)
	})
}

// TestClocks checks that the earlier of two measures counts: the wall clock,
// which may be set, and the monotonic clock, which stands still while a
// machine is suspended.
func TestClocks(t *testing.T) {
	for _, tt := range []struct {
		name string
		jump time.Duration // of the wall clock after the fetch
		ago  time.Duration // by that clock
		want Why
	}{
		{"as ever", 0, 10 * time.Minute, NotPublished},
		{"ahead", 24 * time.Hour, 10 * time.Minute, MayBeNewer},
		{"ahead, and the token is old", 24 * time.Hour, 25 * time.Hour, NotPublished},
		{"back", -24 * time.Hour, 10 * time.Minute, NotPublished},
		{"back, and the token is new", -24 * time.Hour, 9 * time.Minute, MayBeNewer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var offset time.Duration
				a := answering(serves(ed("a")))
				s := open(t, a, rarely, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(offset) } })
				a.Now(down)
				offset = tt.jump
				now := time.Now().Add(offset)
				wantFind(t, s, a, Query{KeyID: "x", Algorithm: "EdDSA", IssuedAt: now.Add(-tt.ago), Now: now}, tt.want, 0, drawn(tt.want))
			})
		})
	}
}

// TestMemoryIsBounded checks that an authority can't make a Source remember
// more and more keys.
func TestMemoryIsBounded(t *testing.T) {
	var m memory
	now := time.Now()
	for n := range maxLost + 2 {
		m.learn(compile(m.last, ed(fmt.Sprint(n))), now.Add(time.Duration(n)*time.Second), now, true)
	}
	if n := len(m.lost); n != maxLost {
		t.Errorf("%d lost keys are remembered, want %d", n, maxLost)
	}
	if m.lost[fmt.Sprint(maxLost)] == nil || m.lost["0"] != nil {
		t.Error("the oldest is not the one that is forgotten")
	}
}

// TestRefreshThroughACache checks that Refresh returns an error if a cache
// ignores no-cache.
func TestRefreshThroughACache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a"), ed("b")))
		s := open(t, a, hourly)
		keytest.Pass(10 * time.Minute)
		a.Now(aged(300*time.Second, ed("a"), ed("b")))
		err := s.Refresh(t.Context())
		if e, ok := errors.AsType[cachedError](err); !ok || e.age != 300*time.Second || !strings.Contains(err.Error(), "5m0s") {
			t.Errorf("Refresh = %v, want an error that names the age", err)
		}
		wantState(t, s, Fresh)
		a.Now(aged(100*time.Second, ed("b")))
		if err := s.Refresh(t.Context()); err == nil {
			t.Error("Refresh = nil, though a cache answered")
		}
		wantFind(t, s, a, asks("a", 0), MayBeNewer, 0, 0) // one response of a cache removes nothing for good
	})
}

// TestCheck checks tokens that were verified before, and whose key may have
// been removed since.
func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer answer
		final  bool // learnt by Refresh, and not by the timer
		want   Why
	}{
		{"it stays", serves(ed("a"), ed("c")), true, Found},
		{"it is removed", serves(ed("b")), true, NoLongerPublished},
		{"it is removed, says one response", serves(ed("b")), false, MayBeNewer},
		{"another takes its place", serves(ed("b").under("a")), true, NoLongerPublished},
		{"it becomes unusable", serves(ed("a").with("use", "enc"), ed("b")), true, Dropped},
		{"it gets another algorithm", serves(ec("a", 1)), true, NoLongerPublished},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answering(serves(ed("a")))
				s := open(t, a)
				key, _, err := s.Find(t.Context(), asks("a", 0))
				if err != nil {
					t.Fatal(err)
				}
				a.Now(tt.answer)
				if tt.final {
					refresh(t, s)
				} else {
					passUntil(s.Status().Next)
				}
				if err := s.Check(key, asks("a", 0)); why(err) != tt.want {
					t.Errorf("Check = %v, want %d", err, tt.want)
				}
				s.Close()
				if err := s.Check(key, asks("a", 0)); err != ErrClosed {
					t.Errorf("Check = %v after Close", err)
				}
			})
		})
	}
}
