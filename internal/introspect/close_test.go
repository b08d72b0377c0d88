package introspect

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestClosed: after Close there is no question, and no callback.
func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{}
		a := h.asker(t)
		_, _ = a.Ask(t.Context(), "refused", false)
		if a.Status().Closed {
			t.Error("Status().Closed = true before Close, want false")
		}
		began := time.Now()
		a.Close()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("Close() waited %v for no question, want 0", waited)
		}
		for _, token := range []string{"refused", "new"} {
			if _, err := a.Ask(t.Context(), token, false); err != ErrClosed {
				t.Errorf("Ask(%s) = %v, want %v", token, err, ErrClosed)
			}
			if _, err, ok := a.Remembered(token); err != ErrClosed || !ok {
				t.Errorf("Remembered(%s) = %v, %t, want %v", token, err, ok, ErrClosed)
			}
		}
		a.Renew("new", func(bool, error) { t.Error("Renew after Close calls back") })
		synctest.Wait()
		if h.asked() != 1 {
			t.Errorf("%d questions, want 1: none after Close", h.asked())
		}
		if !a.Status().Closed {
			t.Error("Status().Closed = false after Close, want true")
		}
	})
}

// stubborn returns an Asker whose questions end a while after their context, and the
// number of questions so far.
func stubborn(t *testing.T, d time.Duration) (*Asker[bool], *authority) {
	h := &authority{}
	a := h.asker(t)
	a.opts.Ask = func(ctx context.Context, _ string) ([]byte, error) {
		h.mu.Lock()
		h.tally++
		h.mu.Unlock()
		<-ctx.Done()
		time.Sleep(d)
		return nil, ctx.Err()
	}
	return a, h
}

// TestCloseWaits: Close waits for questions that end late, for up to 100 ms, and those
// that call Ask learn that the Asker is closed.
func TestCloseWaits(t *testing.T) {
	for late, want := range map[time.Duration]time.Duration{
		0:                     0,
		50 * time.Millisecond: 50 * time.Millisecond,
		time.Minute:           100 * time.Millisecond,
	} {
		t.Run(fmt.Sprint("questions end after ", late), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, h := stubborn(t, late)
				const callers = newSlots + 10 // of which 10 wait for a slot
				errs := make(chan error, callers)
				for i := range callers {
					go func() {
						_, err := a.Ask(t.Context(), fmt.Sprint("token", i), false)
						errs <- err
					}()
				}
				synctest.Wait()
				began := time.Now()
				a.Close()
				if waited := time.Since(began); waited != want {
					t.Errorf("Close() waited %v, want %v", waited, want)
				}
				for range callers {
					if err := <-errs; err != ErrClosed {
						t.Errorf("Ask during Close = %v, want %v", err, ErrClosed)
					}
				}
				if late > 0 && h.asked() != newSlots {
					t.Errorf("%d questions, want %d: none begins at Close", h.asked(), newSlots)
				}
				time.Sleep(2 * late)
			})
		})
	}
}

// TestForgotten: results that come after Forget are for those that wait, and not
// remembered. Nor are those that came before.
func TestForgotten(t *testing.T) {
	for name, fails := range map[string]func(string) error{"a refusal": nil, "a failure": down(errDown)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &authority{takes: time.Second, fails: fails}
				a := h.asker(t)
				questions := func(want int) {
					t.Helper()
					_, _ = a.Ask(t.Context(), "token", false)
					if h.asked() != want {
						t.Errorf("%d questions, want %d", h.asked(), want)
					}
				}
				go func() { _, _ = a.Ask(t.Context(), "token", false) }()
				time.Sleep(time.Second / 2)
				a.Forget()
				time.Sleep(time.Second / 2)
				synctest.Wait()
				questions(2)
				questions(2)
				a.Forget()
				questions(3)
			})
		})
	}
}

// TestRemembered: Remembered returns a refusal and a failure as Ask does, and asks
// nothing.
func TestRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{active: func(token string) bool { return token == "active" }}
		h.fails = func(token string) error {
			if token == "fails" {
				return errDown
			}
			return nil
		}
		a := h.asker(t)
		for _, tt := range []struct {
			token string
			err   error
			ok    bool
		}{{"refused", nil, true}, {"fails", errDown, true}, {"active", nil, false}, {"fails not", nil, true}} {
			if _, _, ok := a.Remembered(tt.token); ok {
				t.Errorf("Remembered(%s) before a question has a result, want none", tt.token)
			}
			_, _ = a.Ask(t.Context(), tt.token, false)
			if _, err, ok := a.Remembered(tt.token); !errors.Is(err, tt.err) || ok != tt.ok {
				t.Errorf("Remembered(%s) = %v, %t, want %v, %t", tt.token, err, ok, tt.err, tt.ok)
			}
		}
		_, _ = a.Ask(t.Context(), "active", false)
		if h.asked() != 5 {
			t.Errorf("%d questions, want 5: an active token is not remembered here", h.asked())
		}
	})
}

// TestQuestionContext: the context of a question ends with it, and Lifetime outlasts it
// until Close.
func TestQuestionContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := (&authority{}).asker(t)
		var question context.Context
		a.opts.Ask = func(ctx context.Context, _ string) ([]byte, error) {
			question = ctx
			return nil, nil
		}
		_, _ = a.Ask(t.Context(), "token", false)
		synctest.Wait()
		life := Lifetime(question)
		if question.Err() == nil || life.Err() != nil {
			t.Errorf("after the question its context has ended with %v, Lifetime with %v, want only the first to end", question.Err(), life.Err())
		}
		a.Close()
		if life.Err() == nil {
			t.Error("Lifetime goes on after Close, want its end")
		}
		if ctx := t.Context(); Lifetime(ctx) != ctx {
			t.Error("Lifetime outside a question is not its own context")
		}
	})
}

// TestHash: what is stored about a token depends on a key of this process alone.
func TestHash(t *testing.T) {
	a, b := (&authority{}).asker(t), (&authority{}).asker(t)
	if a.hash("token") == b.hash("token") {
		t.Error("two Askers hash a token to the same key, want a key of their own")
	}
	if a.hash("token") == a.hash("other") {
		t.Error("an Asker hashes two tokens to the same key, want two keys")
	}
}
