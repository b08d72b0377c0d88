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

// TestRefreshJoins checks that calls at the same time share a fetch, and
// that no call uses a fetch that began before it.
func TestRefreshJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a")))
		s := open(t, a, hourly)
		a.Now(after(time.Second, serves(ed("b"))))
		var group sync.WaitGroup
		refresh := func(want time.Duration) {
			for range 10 {
				group.Go(func() {
					if took, err := timed(func() error { return s.Refresh(context.Background()) }); err != nil || took != want {
						t.Errorf("Refresh: %v after %v, want nil after %v", err, took, want)
					}
				})
			}
			synctest.Wait()
		}
		refresh(time.Second)
		wantFetches(t, a, 2)
		keytest.Pass(400 * time.Millisecond)
		refresh(1600 * time.Millisecond) // the rest of that one, and one more
		keytest.Pass(400 * time.Millisecond)
		refresh(1200 * time.Millisecond)
		wantFetches(t, a, 2)
		group.Wait()
		wantFetches(t, a, 3)
	})
}

// TestRefreshWaitsForASlot checks that Refresh uses a fetch that was asked
// for earlier and has not begun.
func TestRefreshWaitsForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(1)
		slots.shared <- struct{}{}
		a := answering(after(time.Second, serves(ed("a"))))
		s := open(t, a, func(o *Options) { o.Slots = slots })
		keytest.Pass(time.Hour)
		go func() {
			keytest.Pass(time.Second)
			<-slots.shared
		}()
		if took, err := timed(func() error { return s.Refresh(t.Context()) }); err != nil || took != 2*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		wantFetches(t, a, 1)
	})
}

func TestRefreshReturns(t *testing.T) {
	tests := []struct {
		name   string
		answer answer
		want   error
		took   time.Duration
	}{
		{"a new set", serves(ed("b")), nil, 0},
		{"the same", serves(ed("a")), nil, 0},
		{"what the fetch failed with", down, errDown, 0},
		{"no usable key", serves(), errNoUsableKey, 0},
		{"too slow", hang, ErrTimeout, 5 * time.Second},
		{"slow enough", after(5*time.Second-1, serves(ed("b"))), nil, 5*time.Second - 1},
		{"as told by the Fetcher", func(context.Context, string) (Document, error) {
			return Document{}, &FetchError{errDown, 503, time.Hour}
		}, errDown, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answering(serves(ed("a")))
				s := open(t, a, hourly)
				a.Now(tt.answer)
				took, err := timed(func() error { return s.Refresh(t.Context()) })
				if !errors.Is(err, tt.want) || took != tt.took {
					t.Errorf("%v after %v, want %v after %v", err, took, tt.want, tt.took)
				}
				if last := s.Status().LastError; last != err {
					t.Errorf("last error %v", last)
				}
			})
		})
	}
}

// TestRefreshPutsOffTheTimer checks that the timer waits a whole interval
// after Refresh.
func TestRefreshPutsOffTheTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a")))
		s := open(t, a)
		for range 100 {
			keytest.Pass(2 * time.Minute)
			if err := s.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		wantFetches(t, a, 101)
	})
}

// TestRefreshLeaves checks that the fetch continues if the caller of Refresh
// leaves.
func TestRefreshLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a")))
		s := open(t, a, hourly)
		seen := s.Current()
		a.Now(after(time.Second, serves(ed("b"))))
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		took, err := timed(func() error { return s.Refresh(ctx) })
		if err != context.DeadlineExceeded || took != 300*time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
		keytest.Pass(700 * time.Millisecond)
		if s.Current() == seen {
			t.Error("the fetch was given up")
		}
	})
}

func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended, end := context.WithCancel(t.Context())
		end()
		a := answering(after(time.Second, down))
		s := open(t, a)
		want := func(ctx context.Context, took time.Duration, causes ...error) {
			t.Helper()
			d, err := timed(func() error { return s.Ready(ctx) })
			if d != took || (err == nil) != (causes == nil) {
				t.Errorf("%v after %v, want %v after %v", err, d, causes, took)
			}
			for _, cause := range causes {
				if !errors.Is(err, cause) {
					t.Errorf("%q does not wrap %v", err, cause)
				}
			}
		}
		want(ended, 0, context.Canceled)
		keytest.Pass(time.Second)
		want(ended, 0, context.Canceled, errDown)
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		want(short, time.Minute, context.DeadlineExceeded, errDown)

		a.Now(after(2*time.Second, serves(ed("a"))))
		var group sync.WaitGroup
		refreshed := make(chan error, 1)
		go func() { refreshed <- s.Refresh(context.Background()) }()
		synctest.Wait()
		due := time.Now()
		for range 10 {
			group.Go(func() {
				if err := s.Ready(context.Background()); err != nil {
					t.Error(err)
				}
				if d := time.Since(due); d > 4*time.Second || d == 0 {
					t.Errorf("ready after %v", d)
				}
			})
		}
		group.Wait()
		<-refreshed
		want(t.Context(), 0)
		want(ended, 0)

		a.Now(down)
		keytest.Pass(25 * time.Hour)
		want(ended, 0, context.Canceled, errDown) // expired
		a.Now(serves(ed("a")))
		want(t.Context(), time.Until(s.Status().Next))
		s.Close()
		want(t.Context(), 0, ErrClosed)
		want(ended, 0, ErrClosed)
	})
}

// TestReadyClose checks that Close ends Ready.
func TestReadyClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, answering(hang))
		failed := make(chan error, 2)
		go func() { failed <- s.Ready(context.Background()) }()
		go func() { failed <- s.Refresh(context.Background()) }()
		synctest.Wait()
		s.Close()
		for range 2 {
			if err := <-failed; err != ErrClosed {
				t.Errorf("error %v, want %v", err, ErrClosed)
			}
		}
	})
}
