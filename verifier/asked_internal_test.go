package verifier

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestAskedIsDue: an answer is renewed once, from the time on that it is due.
func TestAskedIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{at: time.Now(), until: time.Now().Add(30 * time.Second)}
		a.due.Store(int64(24 * time.Second))
		due := func(after time.Duration, want bool) {
			t.Helper()
			if got := a.isDue(a.at.Add(after)); got != want {
				t.Errorf("isDue after %v = %t, want %t", after, got, want)
			}
		}
		left := func(want time.Duration) {
			t.Helper()
			if got := a.untilDue(); got != want {
				t.Errorf("untilDue() after %v = %v, want %v", time.Since(a.at), got, want)
			}
		}
		left(24 * time.Second)
		due(24*time.Second-1, false)
		due(24*time.Second, true)
		due(24*time.Second, false) // a question is on its way
		left(0)
		time.Sleep(25 * time.Second)
		a.putOff(time.Second)
		left(time.Second)
		due(26*time.Second-1, false)
		due(26*time.Second, true)
		a.putOff(time.Minute)
		left(5 * time.Second) // then the answer no longer counts
		time.Sleep(time.Minute)
		left(0)
	})
}
