package jwks

import (
	"runtime"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestBlockedObserver checks that an observer that never returns delays
// neither fetches nor expiry nor Close.
func TestBlockedObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		notifier := newNotifier(func(Status) { <-forever })
		began := time.Now()
		for range 10 * maxQueued {
			notifier.notify(Status{})
		}
		close(notifier.states)
		notifier.close()
		if waited := time.Since(began); waited != grace {
			t.Errorf("closing took %v, want %v", waited, grace)
		}
		close(forever) // for the bubble's sake
	})
}

// TestNotifierDropsTheOldest checks that a slow observer gets the latest
// states, in order.
func TestNotifierDropsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int
		proceed := make(chan struct{})
		notifier := newNotifier(func(st Status) {
			<-proceed
			got = append(got, st.Fetches)
			if st.Fetches == 2*maxQueued {
				panic("it stops here: " + strconv.Itoa(st.Fetches))
			}
		})
		notifier.notify(Status{Fetches: 0})
		synctest.Wait() // the observer has it
		for n := 1; n <= 2*maxQueued; n++ {
			notifier.notify(Status{Fetches: n})
		}
		close(proceed)
		close(notifier.states)
		notifier.close()
		want := []int{0}
		for n := maxQueued + 1; n <= 2*maxQueued; n++ {
			want = append(want, n)
		}
		if !slices.Equal(got, want) {
			t.Errorf("told of %v, want %v", got, want)
		}
	})
}

// TestNotifierWithoutBuffer empties the queue at the moment when the oldest
// state is to be dropped. The owner must not wait then for a state that only
// it can queue. Without a buffer every moment is like that.
func TestNotifierWithoutBuffer(t *testing.T) {
	notifier := &notifier{states: make(chan Status)}
	told := make(chan struct{})
	go func() {
		defer close(told)
		notifier.notify(Status{Fetches: 1})
	}()
	for range 1000 {
		runtime.Gosched() // it finds nobody to tell, and nothing to drop
	}
	select {
	case st := <-notifier.states:
		if st.Fetches != 1 {
			t.Errorf("told of %d", st.Fetches)
		}
		<-told
	case <-time.After(10 * time.Second):
		t.Error("the owner is stuck")
		notifier.states <- Status{} // for the other tests' sake
	}
}

// TestCloseLetsTheObserverHear checks that Close delivers the queued states,
// and waits no longer than that takes.
func TestCloseLetsTheObserverHear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes = 10 * time.Millisecond
		var heard []int
		s := open(t, answering(down), hourly, func(o *Options) {
			o.Observe = func(st Status) {
				<-time.After(takes)
				heard = append(heard, st.Fetches)
			}
		})
		for range 3 {
			s.Refresh(t.Context())
		}
		if took, _ := timed(func() error { s.Close(); return nil }); took != 5*takes {
			t.Errorf("Close took %v, want %v", took, 5*takes)
		}
		if !slices.Equal(heard, []int{1, 2, 3, 4, 4}) { // the last one is that of Close
			t.Errorf("told of %v", heard)
		}
	})
}
