package jwks

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
)

// hourly keeps the timer out of the way for half an hour after the first fetch.
func hourly(o *Options) { o.Interval = time.Hour }

// rarely keeps it out of the way after a failure as well.
func rarely(o *Options) { o.Interval = time.Hour; o.RandomFraction = func() float64 { return 100 } }

const ms = time.Millisecond

// TestFindWaits checks how long a call waits for a missing key, and its
// result.
func TestFindWaits(t *testing.T) {
	other := serves(ed("a"), ed("b"))
	tests := []struct {
		name    string
		cold    bool // there never was a set
		answer  answer
		patient time.Duration // of the caller; without end if 0
		want    Why
		err     error // instead of want
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
				a := answering(tt.answer)
				if !tt.cold {
					a.Now(serves(ed("a")))
				}
				s := open(t, a, rarely)
				if !tt.cold {
					keytest.Pass(time.Minute)
				}
				a.Now(tt.answer)
				ctx := t.Context()
				if tt.patient > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.patient)
					defer cancel()
				}
				before := a.Fetches()
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

// TestNoKeyIDWhileCold checks that a token without a key ID waits for the
// first set like any other.
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
				a := answering(after(200*ms, serves(tt.keys...)))
				s := open(t, a, hourly)
				wantFind(t, s, a, undated(""), tt.want, 200*ms, 0)
			})
		})
	}
}

// TestAtOnce checks that a call does not wait if the key is there and can't
// verify its token. Such a call starts a fetch, if the budget is full and the
// token names a key.
func TestAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name    string
		q       Query
		want    Why
		fetches int // if the budget is full
	}{
		{"of another algorithm", Query{KeyID: "a", Algorithm: "ES256"}, OtherAlgorithm, 1},
		{"unusable", Query{KeyID: "b", Algorithm: "EdDSA"}, Dropped, 1},
		{"unnamed, and none fits", Query{Algorithm: "RS256"}, NotOne, 0},
		{"long unknown", Query{KeyID: "x", Algorithm: "EdDSA", IssuedAt: time.Unix(0, 0)}, NotPublished, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answering(serves(ed("a"), ed("b").with("use", "enc")))
				s := open(t, a, hourly)
				keytest.Pass(time.Minute)
				a.Now(after(time.Second, serves(ed("a"), ed("b").with("use", "enc"))))
				q := tt.q
				q.Now = time.Now()
				for _, fetches := range []int{tt.fetches, 0} {
					wantFind(t, s, a, q, tt.want, 0, fetches)
				}
				keytest.Pass(time.Second)
				wantFind(t, s, a, q, tt.want, 0, 0) // the last one of the budget is not for it
				keytest.Pass(15 * time.Second)
				wantFind(t, s, a, q, tt.want, 0, tt.fetches)
			})
		})
	}
}

// TestOneMore checks that a call waits for a second fetch, if the budget has
// one, after a fetch that began before the call or was conditional. Both may
// have missed the key.
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
				a := answering(serves(ed("a")))
				s := open(t, a, rarely)
				if tt.spent {
					wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 1)
					wantFind(t, s, a, asks("b", 0), MayBeNewer, 0, 1)
				}
				a.Now(after(tt.takes, tt.answer))
				go s.Refresh(context.Background())
				keytest.Pass(300 * ms)
				wantFind(t, s, a, asks("b", 0), tt.want, tt.took, tt.fetches)
			})
		})
	}
	t.Run("a conditional one under way", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := answering(tagged(`"1"`, ed("a")))
			s := open(t, a)
			a.Now(func(ctx context.Context, sent string) (Document, error) { // nginx, after a rotation
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

// TestBusy checks that 256 calls wait for one fetch, and no more. The others
// get the end of that fetch as the time to retry.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a")))
		s := open(t, a, hourly)
		a.Now(after(500*ms, serves(ed("a"), ed("b"))))
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
