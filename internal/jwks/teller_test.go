package jwks

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestBlockedObserver: an observer that never returns keeps nobody from
// fetching keys, from taking expired ones out of service, and from closing.
func TestBlockedObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		teller := newTeller(func(Status) { <-forever })
		began := time.Now()
		for range 10 * maxUntold {
			teller.tell(Status{})
		}
		close(teller.states)
		teller.close()
		if waited := time.Since(began); waited != grace {
			t.Errorf("closing took %v, want %v", waited, grace)
		}
		close(forever) // for the bubble's sake
	})
}

// TestTellerDropsTheOldest: a slow observer hears the latest states, in order.
func TestTellerDropsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int
		proceed := make(chan struct{})
		teller := newTeller(func(st Status) {
			<-proceed
			got = append(got, st.Fetches)
			if st.Fetches == 2*maxUntold {
				panic("it stops here: " + strconv.Itoa(st.Fetches))
			}
		})
		teller.tell(Status{Fetches: 0})
		synctest.Wait() // the observer has it
		for n := 1; n <= 2*maxUntold; n++ {
			teller.tell(Status{Fetches: n})
		}
		close(proceed)
		close(teller.states)
		teller.close()
		want := []int{0}
		for n := maxUntold + 1; n <= 2*maxUntold; n++ {
			want = append(want, n)
		}
		if !slices.Equal(got, want) {
			t.Errorf("told of %v, want %v", got, want)
		}
	})
}
