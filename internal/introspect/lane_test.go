package introspect

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// begin asks about a token in the background, at an authority that takes a while, and
// returns where the error arrives.
func begin(t *testing.T, h *authority, a *Asker[bool], token string, takes time.Duration) <-chan error {
	h.takes = takes
	got := make(chan error, 1)
	go func() {
		_, err := a.Ask(t.Context(), token, false)
		got <- err
	}()
	synctest.Wait()
	h.takes = 0
	return got
}

// after returns the pause that err tells.
func after(t *testing.T, err error) time.Duration {
	t.Helper()
	e, _ := errors.AsType[*Error](err)
	if e == nil {
		t.Fatalf("Ask = %v, want an *Error", err)
	}
	return e.After
}

// limited is the answer of an authority that asks for a pause.
func limited(d time.Duration) error {
	return &StatusError{Status: 429, RetryAfter: d, Err: errors.New("HTTP status 429")}
}

// TestBeforeThePause: a question that began before a pause, and fails within it, tells
// its caller when the pause ends, and does not change that.
func TestBeforeThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{fails: func(token string) error {
			if token == "limited" {
				return limited(20 * time.Second)
			}
			return errDown
		}}
		a := h.asker(t)
		slow := begin(t, h, a, "slow", time.Second)
		_, _ = a.Ask(t.Context(), "limited", false)
		ends := time.Now().Add(20 * time.Second)
		if next := a.Status().Next; !next.Equal(ends) {
			t.Errorf("Status().Next = %v, want %v", next, ends)
		}
		if got := after(t, <-slow); got != 19*time.Second {
			t.Errorf("the caller that began before the pause is told to wait %v, want 19s", got)
		}
		if next := a.Status().Next; !next.Equal(ends) {
			t.Errorf("Status().Next = %v afterwards, want %v", next, ends)
		}
	})
}

// TestOneProbeAtMost: while the probe is on its way no other begins, even if a question
// from before the pause fails meanwhile.
func TestOneProbeAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{fails: down(errDown)}
		a := h.asker(t)
		begin(t, h, a, "from before", 3*time.Second)
		_, pause := paused(t, h, a, false)
		time.Sleep(pause)
		begin(t, h, a, "the probe", 9*time.Second)
		if h.asked() != 5 {
			t.Fatalf("%d questions with the probe, want 5", h.asked())
		}
		time.Sleep(6 * time.Second) // the pause of "from before" has ended as well
		if err := ask(t, a, false); after(t, err) != FailedFor || !errors.Is(err, errDown) {
			t.Errorf("Ask during the probe = %v after %v, want %v after %v", err, after(t, err), errDown, FailedFor)
		}
		if h.asked() != 5 {
			t.Errorf("%d questions, want 5: one probe", h.asked())
		}
		time.Sleep(Timeout)
	})
}

// TestProbeFails: a probe that fails prolongs a pause that the authority asked for.
func TestProbeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{fails: down(limited(time.Second))}
		a := h.asker(t)
		_, pause := paused(t, h, a, false)
		h.fails = down(errDown)
		for range 8 {
			time.Sleep(pause)
			err := ask(t, a, false)
			wait := time.Until(a.Status().Next)
			if wait <= 0 {
				t.Fatal("no pause after the probe has failed, want one")
			}
			if got, want := after(t, err), max(FailedFor, wait); got != want {
				t.Errorf("the caller is told to wait %v, want %v", got, want)
			}
			pause = wait
		}
	})
}

// TestLeastPause: the first pause lasts 250 ms at least, and a second at most.
func TestLeastPause(t *testing.T) {
	least, most := time.Hour, time.Duration(0)
	for range 200 {
		l, now := lane{known: true}, time.Now()
		for range manyFailed {
			_ = l.failed(key{}, errDown, now)
		}
		least, most = min(least, l.until.Sub(now)), max(most, l.until.Sub(now))
	}
	if least != 250*time.Millisecond || most > time.Second || most < time.Second/2 {
		t.Errorf("the first pauses last %v to %v, want 250ms to 1s", least, most)
	}
}

// TestStrangeTokenBetween: an answer that a strange token can cause shows that the
// authority is up: failures before it don't count.
func TestStrangeTokenBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{}
		a := h.asker(t)
		for _, err := range []error{errDown, errDown, &StatusError{Status: 400, Err: errors.New("HTTP status 400")}, errDown, errDown} {
			h.fails = down(err)
			if got := ask(t, a, false); !errors.Is(got, err) {
				t.Errorf("Ask = %v, want %v", got, err)
			}
			time.Sleep(time.Nanosecond)
		}
		if s := a.Status(); !s.Next.IsZero() || s.Questions != 5 {
			t.Errorf("Status() = %+v, want 5 questions and no pause", s)
		}
	})
}

// TestGoodAnswerEndsBoth: a good answer about a new token ends the pause of known ones.
func TestGoodAnswerEndsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{fails: down(errDown)}
		a := h.asker(t)
		paused(t, h, a, true)
		h.fails = nil
		if err := ask(t, a, false); err != nil {
			t.Errorf("Ask(new) = %v, want nil", err)
		}
		if next := a.Status().Next; !next.IsZero() {
			t.Errorf("Status().Next = %v after a good answer, want none", next)
		}
		if err := ask(t, a, true); err != nil {
			t.Errorf("Ask(known) = %v, want nil", err)
		}
	})
}

// TestNextOfBoth: Next is the end of the longer pause.
func TestNextOfBoth(t *testing.T) {
	for _, tt := range []struct{ fresh, known time.Duration }{{20 * time.Second, 5 * time.Second}, {5 * time.Second, 20 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			h := &authority{}
			a := h.asker(t)
			h.fails = down(limited(tt.fresh))
			paused(t, h, a, false)
			h.fails = down(limited(tt.known))
			time.Sleep(time.Nanosecond) // other tokens than before
			paused(t, h, a, true)
			if got := time.Until(a.Status().Next); got.Round(time.Second) != 20*time.Second {
				t.Errorf("pauses of %v and %v: Next is in %v, want 20s", tt.fresh, tt.known, got)
			}
		})
	}
}
