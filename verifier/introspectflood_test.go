package verifier_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// TestIntrospectFlood: a flood of junk is asked about at a bounded rate, however fast
// the authority answers, and disturbs neither tokens that are remembered nor their
// renewal.
func TestIntrospectFlood(t *testing.T) {
	for _, takes := range []time.Duration{0, 10 * time.Millisecond, 3 * time.Second} {
		t.Run(takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				o.set("good", active(nil))
				v := o.trust(t)
				wantReason(t, v, "good", "")
				o.delay(takes)
				var flood sync.WaitGroup
				var mu sync.Mutex
				got := make(map[verifier.Reason]int)
				start := time.Now()
				for i := range 40 {
					for j := range 500 {
						flood.Go(func() {
							_, err := v.Verify(t.Context(), fmt.Sprintf("junk%d.%d", i, j))
							if e := verifier.AsError(err); e.Code == verifier.TooManyRequests && e.RetryAfter < time.Second {
								t.Errorf("RetryAfter = %v, want at least 1s", e.RetryAfter)
							}
							mu.Lock()
							defer mu.Unlock()
							got[reasonOf(err)]++
						})
					}
					began := time.Now()
					wantReason(t, v, "good", "")
					if waited := time.Since(began); waited != 0 {
						t.Errorf("a good token waited %v, want 0", waited)
					}
					time.Sleep(time.Second)
				}
				flood.Wait()
				for _, reason := range []verifier.Reason{verifier.Inactive, verifier.IntrospectionUnavailable, verifier.UnknownTokensFlood} {
					if n := got[reason]; (n == 0) != (reason == verifier.IntrospectionUnavailable && takes < time.Second || reason == verifier.Inactive && takes > 2*time.Second) {
						t.Errorf("%d refusals by %s", n, reason)
					}
					delete(got, reason)
				}
				if len(got) != 0 {
					t.Errorf("refusals by other reasons: %v", got)
				}
				if n := o.count("good"); n < 2 || n > 3 {
					t.Errorf("%d questions about the good token in 40 s, want 2 or 3", n)
				}
				if most := 320 + 20*(int(time.Since(start)/time.Second)+1) + 3; o.count("") > most {
					t.Errorf("%d questions, want at most %d: 320 and 20 a second", o.count(""), most)
				}
			})
		})
	}
}

// TestIntrospectStart: after a start, many good tokens are new at once. The budget for
// junk does not bound them.
func TestIntrospectStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		o.delay(50 * time.Millisecond)
		v := o.trust(t)
		for i := range 20 {
			var callers sync.WaitGroup
			for j := range 250 {
				token := fmt.Sprintf("good%d.%d", i, j)
				o.set(token, active(nil))
				callers.Go(func() { wantReason(t, v, token, "") })
			}
			callers.Wait()
		}
		if n := o.count(""); n != 5000 {
			t.Errorf("%d questions, want 5000", n)
		}
	})
}

// TestIntrospectFloodEnds: a new token that a flood kept out is accepted once the flood
// is over, when its Retry-After says.
func TestIntrospectFloodEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		o.set("good", active(nil))
		v := o.trust(t)
		for i := range 400 {
			_, _ = v.Verify(t.Context(), fmt.Sprintf("junk%d", i))
		}
		_, err := v.Verify(t.Context(), "good")
		e := verifier.AsError(err)
		if e == nil || e.Reason != verifier.UnknownTokensFlood || e.Code != verifier.TooManyRequests {
			t.Fatalf("Verify(good) = %v, want %s", err, verifier.UnknownTokensFlood)
		}
		time.Sleep(e.RetryAfter)
		wantReason(t, v, "good", "")
	})
}
