package introspect

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("connection refused")

// authority is the other side of an Asker under test. A test changes it between calls.
type authority struct {
	takes  time.Duration
	fails  func(token string) error
	active func(token string) bool
	known  func(token string) (active, ok bool)

	mu    sync.Mutex
	tally int
	last  string
}

// asked returns the number of questions so far.
func (h *authority) asked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tally
}

func (h *authority) asker(t *testing.T) *Asker[bool] {
	a := New(Options[bool]{
		Ask: func(ctx context.Context, token string) ([]byte, error) {
			h.mu.Lock()
			h.tally, h.last = h.tally+1, token
			h.mu.Unlock()
			select {
			case <-time.After(h.takes):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			if h.fails != nil {
				if err := h.fails(token); err != nil {
					return nil, err
				}
			}
			return []byte(token), nil
		},
		Read: func(_ Question, answer []byte) (bool, Kind, error) {
			if h.active != nil && h.active(string(answer)) {
				return true, Passing, nil
			}
			return false, Refused, nil
		},
		Known:      h.isKnown,
		RefusedFor: RefusedFor,
	})
	t.Cleanup(a.Close)
	return a
}

func (h *authority) isKnown(token string) (active, ok bool) {
	if h.known == nil {
		return false, false
	}
	return h.known(token)
}

// down fails every question with err.
func down(err error) func(string) error { return func(string) error { return err } }

// ask asks about a new token, and returns the error.
func ask(t *testing.T, a *Asker[bool], known bool) error {
	t.Helper()
	_, err := a.Ask(t.Context(), fmt.Sprintf("token at %v %t", time.Now(), known), known)
	return err
}

// paused asks about new tokens until no question is sent any more, and returns how
// many were sent and how long the pause is.
func paused(t *testing.T, h *authority, a *Asker[bool], known bool) (sent int, pause time.Duration) {
	t.Helper()
	before := h.asked()
	for i := range 50 {
		at := h.asked()
		_, err := a.Ask(t.Context(), fmt.Sprintf("token %d at %v", i, time.Now()), known)
		if h.asked() == at {
			e, _ := errors.AsType[*Error](err)
			if e == nil {
				t.Fatalf("Ask in a pause = %v, want an *Error", err)
			}
			return at - before, e.After
		}
	}
	return h.asked() - before, 0
}

// TestBackoffBegins: which failures in a row stop the questions.
func TestBackoffBegins(t *testing.T) {
	answered := func(status int) error { return &StatusError{Status: status, Err: fmt.Errorf("HTTP status %d", status)} }
	for _, tt := range []struct {
		name       string
		err        error
		new, known bool // whether questions about such tokens stop
	}{
		{"a transport error", errDown, true, true},
		{"500", answered(500), true, true},
		{"503", answered(503), true, true},
		{"429", answered(429), true, true},
		{"401, about our own credentials", answered(401), true, true},
		{"302", answered(302), true, true},
		{"404", answered(404), true, true},
		{"400, which a strange token can cause", answered(400), false, true},
		{"403, which a strange token can cause", answered(403), false, true},
		{"413, which a strange token can cause", answered(413), false, true},
		{"an answer that is none", fmt.Errorf("%w: HTML", ErrAnswer), false, true},
	} {
		for known, want := range map[bool]bool{false: tt.new, true: tt.known} {
			t.Run(fmt.Sprintf("%s, known %t", tt.name, known), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := &authority{fails: down(tt.err)}
					sent, pause := paused(t, h, h.asker(t), known)
					if wantSent := map[bool]int{true: 3, false: 50}[want]; sent != wantSent || (pause > 0) != want {
						t.Errorf("%d questions, then a pause of %v; want %d questions, a pause %t", sent, pause, wantSent, want)
					}
				})
			})
		}
	}
}

// TestBackoffLasts: during an outage there is one question at a time, ever more rarely,
// and the first good answer ends the pauses.
func TestBackoffLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{fails: down(errDown)}
		a := h.asker(t)
		paused(t, h, a, false)
		sent := h.asked()
		began := time.Now()
		for time.Since(began) < 10*time.Minute {
			for i := range 10 { // 100 callers a second
				_, err := a.Ask(t.Context(), fmt.Sprint(i, time.Now()), false)
				if e, _ := errors.AsType[*Error](err); e == nil || !errors.Is(err, errDown) || e.After <= 0 || e.After > 10*time.Second {
					t.Fatalf("Ask = %v (%+v), want the outage, and a pause of up to %v", err, e, 10*time.Second)
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		// Pauses are 2.5 s to 10 s long once they have grown.
		if n := h.asked() - sent; n < 60 || n > 245 {
			t.Errorf("%d questions in 10 min of outage, want 60 to 245", n)
		}
		if s := a.Status(); s.LastError == nil || !s.Next.After(time.Now().Add(-10*time.Second)) {
			t.Errorf("Status = %+v, want the outage", s)
		}
		h.fails = nil
		time.Sleep(10 * time.Second)
		for range 3 {
			if err := ask(t, a, false); err != nil {
				t.Errorf("Ask after the outage = %v, want nil", err)
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// TestOneProbe: after a pause, one question finds out whether the authority is back.
func TestOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{fails: down(errDown)}
		a := h.asker(t)
		_, pause := paused(t, h, a, false)
		time.Sleep(pause)
		h.takes = time.Second
		sent := h.asked()
		for i := range 100 {
			go func() { _, _ = a.Ask(t.Context(), fmt.Sprint("crowd", i), false) }()
		}
		synctest.Wait()
		if n := h.asked() - sent; n != 1 {
			t.Errorf("%d questions after the pause, want 1", n)
		}
		time.Sleep(2 * time.Second)
	})
}

// TestRetryAfter: the authority's own pause is kept, up to 30 s: at once for new tokens,
// after three failures for known ones, which should not suffer from the others.
func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		known      bool
		wish, want time.Duration
		sent       int
	}{
		{false, 20 * time.Second, 20 * time.Second, 1},
		{false, time.Hour, 30 * time.Second, 1},
		{true, 20 * time.Second, 20 * time.Second, 3},
		{true, time.Hour, 30 * time.Second, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &authority{fails: down(&StatusError{Status: 429, RetryAfter: tt.wish, Err: errors.New("HTTP status 429")})}
			a := h.asker(t)
			if sent, pause := paused(t, h, a, tt.known); sent != tt.sent || pause != tt.want {
				t.Errorf("Retry-After %v, known %t: %d questions, a pause of %v; want %d, %v", tt.wish, tt.known, sent, pause, tt.sent, tt.want)
			}
		})
	}
}

// TestOneKnownToken: a service that has one caller asks an authority in an outage as
// rarely as one with many, and follows its Retry-After.
func TestOneKnownToken(t *testing.T) {
	for _, tt := range []struct {
		err         error
		least, most int
	}{
		{errDown, 4 + 9, 4 + 9 + 24 + 3}, // pauses of 2.5 s to 10 s once they have grown
		{&StatusError{Status: 429, RetryAfter: 20 * time.Second, Err: errors.New("HTTP status 429")}, 6, 6},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &authority{fails: down(tt.err)}
			a := h.asker(t)
			for range 1200 {
				_, _ = a.Ask(t.Context(), "known", true)
				time.Sleep(100 * time.Millisecond)
			}
			if n := h.asked(); n < tt.least || n > tt.most {
				t.Errorf("%v: %d questions in 2 min, want %d to %d", tt.err, n, tt.least, tt.most)
			}
		})
	}
}

// TestOneStrangeToken: an authority that always fails for one token is not down.
func TestOneStrangeToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{fails: func(token string) error {
			if token == "strange" {
				return errDown
			}
			return nil
		}}
		a := h.asker(t)
		for range 20 {
			if _, err := a.Ask(t.Context(), "strange", false); !errors.Is(err, errDown) {
				t.Errorf("Ask(strange) = %v, want %v", err, errDown)
			}
			time.Sleep(FailedFor)
		}
		if err := ask(t, a, false); err != nil {
			t.Errorf("Ask(another token) = %v, want nil", err)
		}
		if h.asked() != 21 {
			t.Errorf("%d questions, want 21", h.asked())
		}
	})
}

// TestLanesFailAlone: tokens that nobody knows can't stop questions about those that
// were active.
func TestLanesFailAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{fails: down(errDown)}
		a := h.asker(t)
		paused(t, h, a, false)
		h.fails = nil
		if err := ask(t, a, true); err != nil {
			t.Errorf("Ask(known) during a backoff of new ones = %v, want nil", err)
		}
		if err := ask(t, a, false); err != nil {
			t.Errorf("Ask(new) after a good answer = %v, want nil: it ends the backoff", err)
		}
	})
}
