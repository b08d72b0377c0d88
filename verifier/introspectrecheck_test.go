package verifier_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// TestIntrospectedRecheck: Recheck asks the authority only if no answer counts.
func TestIntrospectedRecheck(t *testing.T) {
	other := map[string]any{"client_id": "d", "sub": "d"}
	for _, tt := range []struct {
		name      string
		then      func(*testing.T, *oracle, *verifier.Verifier)
		want      verifier.Reason
		questions int
	}{
		{"the answer counts", func(*testing.T, *oracle, *verifier.Verifier) { time.Sleep(23 * time.Second) }, "", 1},
		{"it is due", func(*testing.T, *oracle, *verifier.Verifier) { time.Sleep(25 * time.Second) }, "", 2},
		{"a call has renewed it", func(t *testing.T, _ *oracle, v *verifier.Verifier) {
			time.Sleep(25 * time.Second)
			wantReason(t, v, "opaque", "")
			synctest.Wait()
			time.Sleep(15 * time.Second)
		}, "", 2},
		{"it no longer counts", func(*testing.T, *oracle, *verifier.Verifier) { time.Sleep(30 * time.Second) }, "", 2},
		{"inactive since", func(_ *testing.T, o *oracle, _ *verifier.Verifier) {
			o.set("opaque", nil)
			time.Sleep(30 * time.Second)
		}, verifier.Inactive, 2},
		{"another client since", func(_ *testing.T, o *oracle, _ *verifier.Verifier) {
			o.set("opaque", active(other))
			time.Sleep(30 * time.Second)
		}, verifier.NotVerified, 2},
		{"another client, found by a call", func(t *testing.T, o *oracle, v *verifier.Verifier) {
			o.set("opaque", active(other))
			time.Sleep(30 * time.Second)
			wantReason(t, v, "opaque", "")
		}, verifier.NotVerified, 2},
		{"other tokens took its place in the cache", func(t *testing.T, o *oracle, v *verifier.Verifier) {
			for i := range 300 {
				token := fmt.Sprint("token", i)
				o.set(token, active(nil))
				wantReason(t, v, token, "")
			}
		}, "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				o.set("opaque", active(nil))
				v := o.trust(t, func(c *verifier.Config) { c.CacheSize = 1 })
				ctx := authorizedOpaque(t, v)
				tt.then(t, o, v)
				if err := v.Recheck(ctx); reasonOf(err) != tt.want {
					t.Errorf("Recheck() = %v, want %q", err, tt.want)
				}
				wantQuestions(t, o, "with Recheck", tt.questions)
			})
		})
	}
}

// TestIntrospectedRenewalFails: a renewal that fails is tried again by a later call, a
// second after it, and no call waits.
func TestIntrospectedRenewalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		o.set("opaque", active(nil))
		v := o.trust(t)
		began := time.Now()
		wantReason(t, v, "opaque", "")
		o.fail(errors.New("connection refused"))
		for _, tt := range []struct {
			at        time.Duration
			questions int
		}{{24 * time.Second, 2}, {24500 * time.Millisecond, 2}, {25 * time.Second, 3}, {25999 * time.Millisecond, 3}} {
			time.Sleep(time.Until(began.Add(tt.at)))
			wantReason(t, v, "opaque", "")
			wantQuestions(t, o, fmt.Sprint("after ", tt.at), tt.questions)
		}
		o.fail(nil)
		time.Sleep(time.Until(began.Add(26500 * time.Millisecond)))
		wantReason(t, v, "opaque", "")
		wantQuestions(t, o, "once the authority is back", 4)
		time.Sleep(20 * time.Second)
		wantReason(t, v, "opaque", "")
		wantQuestions(t, o, "20 s later", 4)
	})
}

// TestIntrospectedClose: a call that waits for an answer when the Verifier is closed is
// refused as Closed, and Status says so.
func TestIntrospectedClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		o.delay(time.Minute)
		v := o.trust(t)
		got := make(chan error, 1)
		go func() {
			_, err := v.Verify(t.Context(), "opaque")
			got <- err
		}()
		synctest.Wait()
		v.Close()
		if e := verifier.AsError(<-got); e.Reason != verifier.Closed || e.Code != verifier.Unavailable {
			t.Errorf("Verify during Close = %v, want %s", e, verifier.Closed)
		}
		if s := v.Status()[0]; s.State != verifier.KeysClosed {
			t.Errorf("State after Close = %q, want %q", s.State, verifier.KeysClosed)
		}
	})
}

// TestIntrospectedStatus: the state follows the last answer.
func TestIntrospectedStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		v := o.trust(t)
		state := func(when string, want verifier.KeyState) {
			t.Helper()
			if s := v.Status()[0]; s.State != want || (s.LastError != nil) != (want != verifier.KeysFresh) {
				t.Errorf("Status %s = %+v, want the State %q", when, s, want)
			}
		}
		state("before a question", verifier.KeysFresh)
		o.fail(errors.New("connection refused"))
		wantReason(t, v, "a", verifier.IntrospectionUnavailable)
		state("after a failure", verifier.KeysCold)
		o.fail(nil)
		wantReason(t, v, "b", verifier.Inactive)
		state("after an answer", verifier.KeysFresh)
		o.fail(errors.New("connection refused"))
		wantReason(t, v, "c", verifier.IntrospectionUnavailable)
		state("after both", verifier.KeysStale)
	})
}
