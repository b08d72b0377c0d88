package jwks

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestLastMoment: the answer comes in the moment at which a caller's patience
// ends. It is told of the new set, or that it waited in vain; but LastGood
// must not speak of a fetch that it knows nothing of, for then its token would
// be refused although its key is there.
func TestLastMoment(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			a := &authority{answer: serves(ed("a"))}
			s := open(t, a, hourly)
			seen := s.Current()
			first, _, _ := s.LastGood(seen)
			pass(time.Minute)
			a.now(after(time.Second, serves(ed("b"))))
			err := s.Next(t.Context(), seen, NewWait(seen))
			began, _, ok := s.LastGood(seen)
			switch {
			case err == nil && s.Current() == seen:
				t.Error("there is no other set")
			case ok && began != first:
				t.Error("the set is said to be confirmed by the fetch that replaced it")
			case err != nil && err != ErrUnavailable:
				t.Error(err)
			}
		})
	}
}

// TestLastGood is of the set that the caller has.
func TestLastGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: down}
		s := open(t, a)
		if began, _, ok := s.LastGood(nil); ok {
			t.Errorf("cold: %v", began)
		}
		a.now(after(time.Second, serves(ed("a"))))
		if err := s.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		set := s.Current()
		if began, _, ok := s.LastGood(set); !ok || time.Since(began) != time.Second {
			t.Errorf("fresh: %v, %t, want the beginning of the fetch", began, ok)
		}
		first, _, _ := s.LastGood(set)
		a.now(down)
		s.Refresh(t.Context())
		if began, _, ok := s.LastGood(set); !ok || began != first {
			t.Errorf("stale: %v, %t", began, ok)
		}
		a.now(serves(ed("b")))
		if err := s.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if began, _, ok := s.LastGood(set); ok {
			t.Errorf("replaced: %v", began)
		}
	})
}

// TestLastGoodFromACache: what a cache answers is as old as the cache says,
// though the fetch was now. How long the keys may be used counts from the
// fetch: the cache is the authority's choice.
func TestLastGoodFromACache(t *testing.T) {
	for _, notModified := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a := &authority{answer: tagged(`"1"`, ed("a"))}
			s := open(t, a, hourly)
			pass(10 * time.Minute)
			a.now(func(ctx context.Context, etag string) (Document, error) {
				return Document{Body: document(ed("a")), ETag: `"1"`, NotModified: notModified, Age: 4 * time.Minute}, nil
			})
			wantNext(t, s, ErrUnchanged, 0)
			if at, _, ok := s.LastGood(s.Current()); !ok || time.Since(at) != 4*time.Minute {
				t.Errorf("%v ago, %t; want 4m", time.Since(at), ok)
			}
			if d := time.Since(s.Status().Confirmed); d != 0 {
				t.Errorf("confirmed %v ago", d)
			}
			// Another cache knows less, which makes nothing unknown.
			a.now(func(ctx context.Context, etag string) (Document, error) {
				return Document{Body: document(ed("a")), Age: 8 * time.Minute}, nil
			})
			wantNext(t, s, ErrUnchanged, 0)
			if at, _, _ := s.LastGood(s.Current()); time.Since(at) != 4*time.Minute {
				t.Errorf("%v ago, want 4m", time.Since(at))
			}
			a.now(func(ctx context.Context, etag string) (Document, error) {
				return Document{Body: document(ed("b")), Age: 3 * time.Minute}, nil
			})
			if err := s.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if at, _, _ := s.LastGood(s.Current()); time.Since(at) != 3*time.Minute {
				t.Errorf("another set: %v ago, want 3m", time.Since(at))
			}
		})
	}
}

// TestLastGoodByTheWallClock is what Options.Now said when the fetch began, less
// the age of the answer.
func TestLastGoodByTheWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		offset := 3 * time.Hour
		a := &authority{answer: func(context.Context, string) (Document, error) {
			return Document{Body: document(ed("a")), Age: time.Minute}, nil
		}}
		s := open(t, a, hourly, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(offset) } })
		pass(10 * time.Second)
		offset = 5 * time.Hour
		at, wall, ok := s.LastGood(s.Current())
		if !ok || time.Since(at) != 70*time.Second || wall.Sub(at) != 3*time.Hour {
			t.Errorf("%v, %v, %t", at, wall, ok)
		}
	})
}

// TestOutdatedAnswer: a node of a CDN that is behind the others does not take
// back what they have told. It is a failed fetch, so the authority is asked
// again soon; and once it tells news, they count.
func TestOutdatedAnswer(t *testing.T) {
	aged := func(age time.Duration, keys ...jwk) answer {
		return func(context.Context, string) (Document, error) {
			return Document{Body: document(keys...), Age: age}, nil
		}
	}
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: aged(0, ed("a"))}
		s := open(t, a, hourly)
		pass(time.Minute)
		a.now(aged(10*time.Second, ed("a"), ed("b")))
		if err := s.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		both, known := s.Current(), s.Status().Confirmed
		pass(time.Minute)
		for _, age := range []time.Duration{71 * time.Second, time.Hour} {
			a.now(aged(age, ed("a")))
			if err := s.Refresh(t.Context()); err != errOutdated {
				t.Errorf("%v old: %v, want %v", age, err, errOutdated)
			}
			if st := s.Status(); st.Set != both || st.State != Stale || st.Confirmed != known || time.Until(st.Next) > time.Minute {
				t.Errorf("%v old: %+v", age, st)
			}
		}
		a.now(aged(69*time.Second, ed("a")))
		if err := s.Refresh(t.Context()); err != nil {
			t.Errorf("a second newer: %v", err)
		}
		if st := s.Status(); st.Set == both || st.State != Fresh {
			t.Errorf("a second newer: %+v", st)
		}
		// Without keys in use there is nothing to take back.
		a.now(down)
		pass(25 * time.Hour)
		a.now(aged(48*time.Hour, ed("a")))
		if err := s.Refresh(t.Context()); err != nil || s.Current() == nil {
			t.Errorf("expired: %v", err)
		}
	})
}

// TestLastGoodAfterExpiry: a cache may answer with what is older than the keys
// that have expired. It is better than nothing, but no newer than it says.
func TestLastGoodAfterExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"))}
		s := open(t, a, func(o *Options) { o.MaxStale = 10 * time.Minute })
		a.now(down)
		pass(10 * time.Minute)
		wantState(t, s, Expired)
		a.now(func(context.Context, string) (Document, error) {
			return Document{Body: document(ed("b")), Age: time.Hour}, nil
		})
		if err := s.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if at, _, ok := s.LastGood(s.Current()); !ok || time.Since(at) != time.Hour {
			t.Errorf("%v ago, %t; want 1h", time.Since(at), ok)
		}
	})
}

// TestOutdatedForLong: a cache that says for a quarter of an hour, and nobody
// says otherwise, that its answer is old, is believed: some say so of all they
// answer.
func TestOutdatedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"))}
		s := open(t, a)
		removed, confirmed := s.Current(), s.Status().Confirmed
		a.now(func(context.Context, string) (Document, error) {
			return Document{Body: document(ed("b")), Age: 1 << 31 * time.Second}, nil
		})
		passUntil(confirmed.Add(maxFresh - time.Second))
		if s.Current() != removed {
			t.Error("believed at once")
		}
		pass(backoffWarm + 2*time.Second)
		if s.Current() == removed {
			t.Error("not believed in the end")
		}
	})
}
