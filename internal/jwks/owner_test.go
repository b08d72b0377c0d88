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

	"go.uber.org/goleak"
)

// TestClose: during a fetch, before one and after one. Nothing is left behind,
// and whoever waits is told.
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
				a := &authority{answer: tt.answer}
				s := open(t, a)
				seen := s.Current()
				told := make(chan error, 2)
				waiting := 0
				if seen == nil {
					waiting = 2
					go func() { told <- s.Next(context.Background(), nil, NewWait(nil)) }()
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
				for _, err := range []error{s.Next(t.Context(), seen, NewWait(seen)), s.Next(t.Context(), nil, NewWait(nil)), s.Refresh(t.Context()), s.Ready(t.Context())} {
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

// TestCloseAtOnce: before the owner has done anything.
func TestCloseAtOnce(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			opts := options(&authority{answer: hang})
			opts.Observe = func(st Status) { t.Errorf("told of what Close cut short: %v", st.LastError) }
			s := New(opts)
			var group sync.WaitGroup
			for range 3 {
				group.Go(s.Close)
			}
			group.Go(func() {
				if err := s.Next(context.Background(), nil, NewWait(nil)); err != ErrClosed {
					t.Errorf("error %v, want %v", err, ErrClosed)
				}
			})
			group.Wait()
		})
	}
}

// TestDeafFetcher: a Fetcher that ignores its context can hold up neither the
// owner nor Close, and is not called again before it has returned.
func TestDeafFetcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: serves(ed("a"))}
		slots := make(chan struct{}, 1)
		s := open(t, a, hourly, func(o *Options) { o.Slots = slots })
		release := make(chan struct{})
		a.now(func(context.Context, string) (Document, error) {
			<-release
			return Document{Body: document(ed("late"))}, nil
		})
		took, err := timed(func() error { return s.Refresh(t.Context()) })
		if err != errTimeout || took != 5*time.Second+grace {
			t.Errorf("%v after %v, want %v after %v", err, took, errTimeout, 5*time.Second+grace)
		}
		for range 5 {
			if took, err := timed(func() error { return s.Refresh(t.Context()) }); err != errStuck || took != 0 {
				t.Errorf("%v after %v, want %v at once", err, took, errStuck)
			}
		}
		wantFetches(t, a, 2)
		if n := s.Status().Fetches; n != 2 {
			t.Errorf("the status tells of %d fetches, want 2", n)
		}
		wantState(t, s, Stale)
		if len(slots) != 0 {
			t.Error("it holds a slot that others need")
		}

		seen := s.Current()
		close(release)
		synctest.Wait()
		if s.Current() != seen {
			t.Error("what came too late was taken")
		}
		a.now(serves(ed("b")))
		if err := s.Refresh(t.Context()); err != nil || s.Current() == seen {
			t.Errorf("it does not go on: %v", err)
		}

		deaf := make(chan struct{})
		a.now(func(context.Context, string) (Document, error) {
			<-deaf
			return Document{}, nil
		})
		go s.Refresh(context.Background())
		synctest.Wait()
		if took, _ := timed(func() error { s.Close(); return nil }); took != grace {
			t.Errorf("Close took %v, want %v", took, grace)
		}
		close(deaf)
		if a.most != 1 {
			t.Errorf("the Fetcher was called by %d goroutines at once", a.most)
		}
	})
}

// TestFetcherPanics: it is a failure like any other. What it said is quoted and
// cut.
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
		{"it ends its goroutine", func(context.Context, string) (Document, error) { runtime.Goexit(); return Document{}, nil }, errTimeout.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &authority{answer: serves(ed("a"))}
				s := open(t, a)
				a.now(tt.answer)
				err := s.Refresh(t.Context())
				if err == nil || !strings.Contains(err.Error(), tt.says) || len(err.Error()) > 100 {
					t.Errorf("error %v, want one with %s", err, tt.says)
				}
				wantState(t, s, Stale)
				a.now(serves(ed("a")))
				if err := s.Refresh(t.Context()); err != nil {
					t.Errorf("it does not go on: %v", err)
				}
			})
		})
	}
}

// TestObserve is told of each swap and of each failed fetch, of expiry too,
// with no lock held; and what it does is its own affair.
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
				a := &authority{answer: down}
				opts := options(a)
				opts.RandomFraction = func() float64 { return 500 } // the timer fetches only as MaxStale draws near
				opts.Observe = func(st Status) {
					<-made
					if !reflect.DeepEqual(st, s.Status()) {
						t.Error("Observe is told what Status does not say")
					}
					got = append(got, event{st.State, errors.Is(st.LastError, errDown)})
					then()
				}
				s = New(opts)
				t.Cleanup(s.Close)
				close(made)
				synctest.Wait()
				for _, answer := range []answer{serves(ed("a")), serves(ed("a")), serves(ed("b")), down, serves(ed("b")), down, serves(ed("c"))} {
					a.now(answer)
					s.Refresh(t.Context())
					synctest.Wait()
				}
				n := len(got)
				a.now(down)
				pass(24 * time.Hour)
				got = append(got[:n], slices.Compact(got[n:])...)
				s.Refresh(t.Context())
				synctest.Wait()
				s.Close()
				want := []event{{Cold, true}, {Fresh, false}, {Fresh, false}, {Stale, true}, {Stale, true}, {Fresh, false},
					{Stale, true}, {Expired, true}, {Expired, true}}
				if !slices.Equal(got, want) {
					t.Errorf("told of %v, want %v", got, want)
				}
			})
		})
	}
}
