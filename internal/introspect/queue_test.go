package introspect

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestQueueEmpties: questions that had no slot in time leave the queue, cost nothing,
// and say nothing about the authority.
func TestQueueEmpties(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{takes: time.Minute}
		a := h.asker(t)
		for round := range 2 {
			errs := make(chan error, maxQueued)
			for i := range newSlots + maxQueued {
				if round > 0 && i < newSlots {
					continue // their slots are taken
				}
				go func() {
					_, err := a.Ask(t.Context(), fmt.Sprint(round, "token", i), false)
					if i >= newSlots {
						errs <- err
					}
				}()
				synctest.Wait() // each in its place
			}
			began := time.Now()
			for range maxQueued {
				err := <-errs
				if waited := time.Since(began); waited != Patience || !errors.Is(err, errFull) && !errors.Is(err, errSlow) {
					t.Fatalf("round %d: Ask = %v after %v, want %v after %v", round, err, waited, errFull, Patience)
				}
			}
			synctest.Wait()
			if _, err, ok := a.Remembered(fmt.Sprint(round, "token", newSlots)); !ok || !errors.Is(err, errFull) {
				t.Errorf("round %d: Remembered = %v, %t, want %v", round, err, ok, errFull)
			}
			if s := a.Status(); s.Questions != newSlots || s.LastError != nil || !s.Next.IsZero() {
				t.Errorf("round %d: Status() = %+v, want %d questions, no error and no pause", round, s, newSlots)
			}
		}
		time.Sleep(Timeout)
	})
}

// TestFailuresCost: questions that fail cost as much as those about junk.
func TestFailuresCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{fails: down(&StatusError{Status: 400, Err: errors.New("HTTP status 400")})}
		a := h.asker(t)
		for i := range 2 * atFirst {
			_, err := a.Ask(t.Context(), fmt.Sprint("junk", i), false)
			if flood := errors.Is(err, ErrFlood); flood != (i >= atFirst) {
				t.Fatalf("Ask(junk%d) = %v, want %v from the %dth on", i, err, ErrFlood, atFirst)
			}
		}
	})
}

// TestBudget: a budget fills at its rate, up to its most.
func TestBudget(t *testing.T) {
	now := time.Unix(1, 0)
	b := newBudget(now, 20, 2)
	wait := func(at, want time.Duration) {
		t.Helper()
		if got := b.wait(now.Add(at)); (got - want).Abs() > time.Microsecond {
			t.Errorf("wait(%v) = %v, want %v", at, got, want)
		}
	}
	wait(0, 0)
	b.take()
	b.take()
	wait(0, 50*time.Millisecond)
	wait(20*time.Millisecond, 30*time.Millisecond)
	b.giveBack() // 1.4
	wait(20*time.Millisecond, 0)
	b.take()
	wait(20*time.Millisecond, 30*time.Millisecond)
	b.giveBack()
	b.giveBack()
	b.giveBack() // 2: its most
	b.take()
	b.take()
	wait(20*time.Millisecond, 50*time.Millisecond)
}

// TestLateAnswer: an authority that outlasts the timeout of a question has failed, even
// if it ignores the context.
func TestLateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := (&authority{}).asker(t)
		a.opts.Ask = func(context.Context, string) ([]byte, error) {
			time.Sleep(time.Minute)
			return []byte("late"), nil
		}
		began := time.Now()
		if err := ask(t, a, false); !errors.Is(err, errSlow) || time.Since(began) != Patience {
			t.Errorf("Ask = %v after %v, want %v after %v", err, time.Since(began), errSlow, Patience)
		}
		time.Sleep(Timeout - Patience + 1)
		if s := a.Status(); s.LastError != errSlow || !s.Confirmed.IsZero() {
			t.Errorf("Status() = %+v, want the error %v and no answer", s, errSlow)
		}
		time.Sleep(time.Minute)
	})
}

// TestErrorTexts: each error says what its cause says, and wraps it.
func TestErrorTexts(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&Error{Err: errDown}, "connection refused"},
		{&StatusError{Status: 500, Err: errDown}, "connection refused"},
		{&PanicError{Value: "a bug"}, "panic: a bug"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%T.Error() = %q, want %q", tt.err, got, tt.want)
		}
	}
	for _, err := range []error{&Error{Err: errDown}, &StatusError{Err: errDown}} {
		if !errors.Is(err, errDown) {
			t.Errorf("errors.Is(%T, its Err) = false, want true", err)
		}
	}
}
