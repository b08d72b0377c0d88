package introspect

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestFloodRate: junk is asked about at 20 a second in the long run, good tokens that
// are new as often as they come.
func TestFloodRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{active: func(token string) bool { return strings.HasPrefix(token, "good") }}
		a := h.asker(t)
		for i := range 5000 {
			if ok, err := a.Ask(t.Context(), fmt.Sprint("good", i), false); !ok || err != nil {
				t.Fatalf("Ask(good%d) = %t, %v, want true", i, ok, err)
			}
		}
		before := h.asked()
		for i := range 100 * 60 { // 100 a second
			_, err := a.Ask(t.Context(), fmt.Sprint("junk", i), false)
			if e, _ := errors.AsType[*Error](err); err != nil && (!errors.Is(err, ErrFlood) || e.After <= 0 || e.After > time.Second/20) {
				t.Fatalf("Ask(junk) = %v (%+v), want %v for 50ms at most", err, e, ErrFlood)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n, want := h.asked()-before, 320+60*20; n < want-1 || n > want+1 {
			t.Errorf("%d questions about junk in a minute, want %d", n, want)
		}
		if ok, err := a.Ask(t.Context(), "good again", true); !ok || err != nil {
			t.Errorf("Ask(known) in a flood = %t, %v, want true", ok, err)
		}
		time.Sleep(time.Minute)
		before = h.asked()
		for i := range 2 * 320 {
			_, _ = a.Ask(t.Context(), fmt.Sprint("more", i), false)
		}
		if n := h.asked() - before; n != 320 {
			t.Errorf("%d questions in a moment, want %d", n, 320)
		}
	})
}

// TestFloodOfSlots: while junk has taken every slot of a slow authority, and the queue
// is full, renewals go out at once, and others are told that the queue is full.
func TestFloodOfSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{takes: time.Minute, active: func(string) bool { return true }}
		a := h.asker(t)
		for i := range 320 {
			go func() { _, _ = a.Ask(t.Context(), fmt.Sprint("slow", i), false) }()
		}
		synctest.Wait()
		if h.asked() != 64 {
			t.Fatalf("%d questions at once, want %d", h.asked(), 64)
		}
		a.lanes[0].budget.giveBack() // as if one had been answered well
		began := time.Now()
		if _, err := a.Ask(t.Context(), "one more", false); !errors.Is(err, errFull) || time.Since(began) != 0 {
			t.Errorf("Ask with a full queue = %v after %v, want %v at once", err, time.Since(began), errFull)
		}
		a.Renew("known", nil)
		synctest.Wait()
		if n := h.asked(); n != 64+1 || h.last != "known" {
			t.Errorf("%d questions, want %d: the renewal goes out at once", n, 64+1)
		}
		time.Sleep(Timeout + Patience)
	})
}

// TestRefusalsMakeRoom: remembered refusals are bounded, and the oldest makes room. An
// evicted one costs a question.
func TestRefusalsMakeRoom(t *testing.T) {
	var m memory[bool]
	now := time.Now()
	k := func(i int) (k key) {
		copy(k[:], fmt.Sprint(i))
		return k
	}
	put := func(i int) { m.put(k(i), &flight[bool]{}, now, time.Second) }
	for i := range 4096 {
		put(i)
	}
	put(7) // again: it is in a slot of its own now
	for i := 4096; i < 2*4096-1; i++ {
		put(i)
	}
	if len(m.results) != 4096 || len(m.ring) != 4096 {
		t.Errorf("%d results in %d slots, want %d", len(m.results), len(m.ring), 4096)
	}
	for i, want := range map[int]bool{0: false, 6: false, 7: true, 8: false, 4096: true, 2*4096 - 2: true} {
		if got := m.get(k(i), now) != nil; got != want {
			t.Errorf("get(%d) = %t, want %t", i, got, want)
		}
	}
	if m.get(k(4096), now.Add(time.Second)) != nil {
		t.Error("a result counts after its time, want none")
	}
	for i := 2*4096 - 1; i < 5*4096; i++ { // the ring turns again and again
		put(i)
	}
	if len(m.results) > 4096 || len(m.ring) != 4096 {
		t.Errorf("later %d results in %d slots, want at most %d", len(m.results), len(m.ring), 4096)
	}
	if m.get(k(4*4096-1), now) != nil || m.get(k(4*4096), now) == nil {
		t.Error("the last 4096 results are not those that are remembered")
	}
}

// TestRefusalCounts: a refusal is remembered for 5 s, and a failure for one.
func TestRefusalCounts(t *testing.T) {
	for _, tt := range []struct {
		fails func(string) error
		keep  time.Duration
	}{{nil, 5 * time.Second}, {down(errDown), time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			h := &authority{fails: tt.fails}
			a := h.asker(t)
			for _, at := range []time.Duration{0, tt.keep - 1, 1} {
				time.Sleep(at)
				_, _ = a.Ask(t.Context(), "token", false)
				if want := map[bool]int{true: 1, false: 2}[at != 1]; h.asked() != want {
					t.Errorf("%d questions, want %d after %v", h.asked(), want, at)
				}
			}
		})
	}
}

// TestKnown: Ask starts no question about a token whose answer has just come, and Renew
// does.
func TestKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{known: func(token string) (active, ok bool) { return true, token == "known" }}
		a := h.asker(t)
		if active, err := a.Ask(t.Context(), "known", false); !active || err != nil || h.asked() != 0 {
			t.Errorf("Ask(known) = %t, %v after %d questions, want true after none", active, err, h.asked())
		}
		if active, err := a.Ask(t.Context(), "other", false); active || err != nil || h.asked() != 1 {
			t.Errorf("Ask(other) = %t, %v after %d questions, want false after 1", active, err, h.asked())
		}
		a.Renew("known", nil)
		synctest.Wait()
		if h.asked() != 2 {
			t.Errorf("%d questions after Renew(known), want 2", h.asked())
		}
	})
}

// TestForget: what was answered before Forget does not count, a question that is on its
// way included.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &authority{takes: time.Second}
		a := h.asker(t)
		go func() { _, _ = a.Ask(t.Context(), "token", false) }()
		time.Sleep(time.Second / 2)
		if generation := a.Forget(); generation != 2 {
			t.Errorf("Forget() = %d, want 2", generation)
		}
		_, _ = a.Ask(t.Context(), "token", false)
		_, _ = a.Ask(t.Context(), "token", false)
		if h.asked() != 2 {
			t.Errorf("%d questions, want 2: one before, one after", h.asked())
		}
	})
}
