package jwks

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
	"go.uber.org/goleak"
)

// TestClose checks Close during a fetch, before one and after one. No
// goroutine may be left, and waiting calls must return.
func TestClose(t *testing.T) {
	tests := []struct {
		name   string
		answer answer
		took   time.Duration // Close
	}{
		{"nothing under way", serves(ed("a")), 0},
		{"a fetch that obeys", hang, 0},
		{"a fetch that takes a moment to stop", func(ctx context.Context, etag string) (Document, error) {
			hang(ctx, etag)
			<-time.After(50 * time.Millisecond)
			return Document{}, ctx.Err()
		}, 50 * time.Millisecond},
		{"a fetch that comes to its end", func(ctx context.Context, etag string) (Document, error) {
			hang(ctx, etag)
			return Document{Body: document(ed("a"))}, nil
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			synctest.Test(t, func(t *testing.T) {
				inBubble := goleak.IgnoreCurrent()
				a := answering(tt.answer)
				s := open(t, a)
				told := make(chan error, 2)
				waiting := 0
				if s.Current() == nil {
					waiting = 2
					go func() { _, _, err := s.Find(context.Background(), asks("a", 0)); told <- err }()
					go func() { told <- s.Refresh(context.Background()) }()
				}
				synctest.Wait()
				if took, _ := timed(func() error { s.Close(); return nil }); took != tt.took {
					t.Errorf("Close took %v, want %v", took, tt.took)
				}
				for range waiting {
					if err := <-told; err != ErrClosed {
						t.Errorf("error %v, want %v", err, ErrClosed)
					}
				}
				synctest.Wait()
				if err := goleak.Find(inBubble); err != nil {
					t.Error(err)
				}
				wantState(t, s, Closed)
				_, _, err := s.Find(t.Context(), asks("a", 0))
				for _, err := range []error{err, s.Refresh(t.Context()), s.Ready(t.Context())} {
					if err != ErrClosed {
						t.Errorf("error %v, want %v", err, ErrClosed)
					}
				}
				wantFetches(t, a, 1)
			})
			goleak.VerifyNone(t, before)
		})
	}
}

// TestCloseAtOnce checks Close before the owner has done anything.
func TestCloseAtOnce(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			opts := options(answering(hang))
			opts.Observe = func(st Status) {
				if st.State != Closed {
					t.Errorf("told of what Close cut short: %v", st.LastError)
				}
			}
			s := New(opts)
			var group sync.WaitGroup
			for range 3 {
				group.Go(s.Close)
			}
			group.Go(func() {
				if _, _, err := s.Find(context.Background(), asks("a", 0)); err != ErrClosed {
					t.Errorf("error %v, want %v", err, ErrClosed)
				}
			})
			group.Wait()
		})
	}
}

// TestDeafFetcher checks that a Fetcher which ignores its context is
// abandoned, and that its late result does not count.
func TestDeafFetcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a")))
		slots := NewSlots(1)
		s := open(t, a, hourly, func(o *Options) { o.Slots = slots })
		release := make(chan struct{})
		deaf := func(context.Context, string) (Document, error) {
			<-release
			return Document{Body: document(ed("late"))}, nil
		}
		a.Now(deaf)
		took, err := timed(func() error { return s.Refresh(t.Context()) })
		if err != ErrTimeout || took != 5*time.Second+grace {
			t.Errorf("%v after %v, want %v after %v", err, took, ErrTimeout, 5*time.Second+grace)
		}
		wantState(t, s, Stale)
		if len(slots.shared) != 0 {
			t.Error("it holds a slot that others need")
		}
		a.Now(serves(ed("b")))
		refresh(t, s)
		wantState(t, s, Fresh)
		wantFetches(t, a, 3)
		seen := s.Current()
		close(release)
		synctest.Wait()
		if s.Current() != seen {
			t.Error("what came too late was taken")
		}

		release = make(chan struct{})
		a.Now(deaf)
		go s.Refresh(context.Background())
		synctest.Wait()
		if took, _ := timed(func() error { s.Close(); return nil }); took != grace {
			t.Errorf("Close took %v, want %v", took, grace)
		}
		close(release)
	})
}

// TestDeafForGood checks the bound on abandoned fetches. Each one that
// returns makes room for another.
func TestDeafForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a")))
		s := open(t, a, rarely)
		release := make(chan struct{})
		a.Now(func(context.Context, string) (Document, error) {
			<-release
			return Document{}, errDown
		})
		for range maxAbandoned {
			if err := s.Refresh(t.Context()); err != ErrTimeout {
				t.Fatalf("Refresh: %v, want %v", err, ErrTimeout)
			}
		}
		if took, err := timed(func() error { return s.Refresh(t.Context()) }); err != errStuck || took != 0 {
			t.Errorf("%v after %v, want %v at once", err, took, errStuck)
		}
		wantFetches(t, a, 1+maxAbandoned)
		release <- struct{}{}
		synctest.Wait()
		a.Now(serves(ed("b")))
		refresh(t, s)
		close(release)
	})
}

// TestFetcherPanics checks that a panic counts as a failed fetch, with its
// text quoted and cut.
func TestFetcherPanics(t *testing.T) {
	tests := []struct {
		name   string
		answer answer
		says   string
	}{
		{"a text", func(context.Context, string) (Document, error) { panic("no\nkeys") }, `"no\nkeys"`},
		{"a long text", func(context.Context, string) (Document, error) { panic(strings.Repeat("x", 1000)) }, `"` + strings.Repeat("x", 64) + `"`},
		{"an error", func(context.Context, string) (Document, error) { panic(errDown) }, errDown.Error()},
		{"nil", func(context.Context, string) (Document, error) { panic(nil) }, "nil"},
		{"a nil pointer", func(context.Context, string) (Document, error) { return *(*Document)(nil), nil }, "nil pointer"},
		{"it ends its goroutine", func(context.Context, string) (Document, error) { runtime.Goexit(); return Document{}, nil }, errExited.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answering(serves(ed("a")))
				s := open(t, a)
				a.Now(tt.answer)
				err := s.Refresh(t.Context())
				if err == nil || !strings.Contains(err.Error(), tt.says) || len(err.Error()) > 100 {
					t.Errorf("error %v, want one with %s", err, tt.says)
				}
				wantState(t, s, Stale)
				a.Now(serves(ed("a")))
				if err := s.Refresh(t.Context()); err != nil {
					t.Errorf("it does not go on: %v", err)
				}
			})
		})
	}
}

// TestObserve checks that the observer is called after each new set, failed
// fetch and change of state, without a lock held. It may call the Source or
// panic.
func TestObserve(t *testing.T) {
	for name, then := range map[string]func(){
		"returns": func() {},
		"panics":  func() { panic("no") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				type event struct {
					state  State
					failed bool
				}
				var s *Source
				var got []event
				made := make(chan struct{})
				a := answering(down)
				opts := options(a)
				opts.RandomFraction = func() float64 { return 500 } // the timer fetches only as MaxStale draws near
				opts.Slots = NewSlots(1)
				opts.Observe = func(st Status) {
					<-made
					if st.State != Closed && !reflect.DeepEqual(st, s.Status()) {
						t.Error("Observe received a state other than that of Status")
					}
					got = append(got, event{st.State, errors.Is(st.LastError, errDown)})
					then()
				}
				s = New(opts)
				t.Cleanup(s.Close)
				close(made)
				synctest.Wait()
				for _, answer := range []answer{serves(ed("a")), serves(ed("a")), serves(ed("b")), down, serves(ed("b")), down, serves(ed("c"))} {
					a.Now(answer)
					s.Refresh(t.Context())
					synctest.Wait()
				}
				n := len(got)
				a.Now(down)
				keytest.Pass(24 * time.Hour)
				got = append(got[:n], slices.Compact(got[n:])...)
				s.Refresh(t.Context())
				synctest.Wait()
				s.Close()
				want := []event{{Cold, true}, {Fresh, false}, {Fresh, false}, {Stale, true}, {Fresh, false}, {Stale, true}, {Fresh, false},
					{Stale, true}, {Expired, true}, {Expired, true}, {Closed, true}}
				if !slices.Equal(got, want) {
					t.Errorf("told of %v, want %v", got, want)
				}
			})
		})
	}
}
