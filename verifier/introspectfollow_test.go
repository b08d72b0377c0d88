package verifier_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/introspect"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// authorizedOpaque returns the context of a call with the token "opaque".
func authorizedOpaque(t *testing.T, v *verifier.Verifier) context.Context {
	t.Helper()
	ctx, err := v.Authorize(t.Context(), verifier.Request{Authorization: []string{"Bearer opaque"}}, scopes.Authenticated())
	if err != nil {
		t.Fatalf("Authorize() = %v, want nil", err)
	}
	return ctx
}

// wantQuestions fails if the authority was not asked about "opaque" so many times.
func wantQuestions(t *testing.T, o *oracle, when string, want int) {
	t.Helper()
	if synctest.Wait(); o.count("opaque") != want {
		t.Errorf("%d questions %s, want %d", o.count("opaque"), when, want)
	}
}

// TestIntrospectedWorkStops: questions about a token end with the last work that
// depends on it.
func TestIntrospectedWorkStops(t *testing.T) {
	for _, tt := range []struct {
		name string
		stop func(*verifier.Verifier, context.CancelFunc)
	}{
		{"its cancel function is called", func(_ *verifier.Verifier, stop context.CancelFunc) { stop() }},
		{"the Verifier is closed", func(v *verifier.Verifier, _ context.CancelFunc) { v.Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				o.set("opaque", active(nil))
				v := o.trust(t)
				ctx := authorizedOpaque(t, v)
				_, stopFirst := v.WhileValid(ctx)
				_, stopSecond := v.WhileValid(ctx)
				defer stopSecond()
				time.Sleep(25 * time.Second)
				wantQuestions(t, o, "for two pieces of work", 2)
				stopFirst()
				time.Sleep(24 * time.Second)
				wantQuestions(t, o, "for one piece of work", 3)
				tt.stop(v, stopSecond)
				time.Sleep(time.Hour)
				wantQuestions(t, o, "for none", 3)
			})
		})
	}
}

// TestIntrospectedWorkTakesOver: work takes over the answer that a call has got
// meanwhile, and asks nothing itself.
func TestIntrospectedWorkTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		o.set("opaque", active(nil))
		v := o.trust(t)
		ctx := authorizedOpaque(t, v)
		work, stop := v.WhileValid(ctx)
		defer stop()
		o.fail(&introspect.StatusError{Status: 503, RetryAfter: 1500 * time.Millisecond, Err: errors.New("HTTP status 503")})
		time.Sleep(24500 * time.Millisecond)
		wantQuestions(t, o, "once the answer is due", 2)
		o.fail(nil)
		time.Sleep(1100 * time.Millisecond) // the pause is over, and the work looks again at 26 s
		wantReason(t, v, "opaque", "")
		wantQuestions(t, o, "after the call", 3)
		time.Sleep(20 * time.Second)
		wantQuestions(t, o, "after the work has looked", 3)
		time.Sleep(5 * time.Second)
		wantQuestions(t, o, "once the call's answer is due", 4)
		if work.Err() != nil {
			t.Errorf("the work has ended: %v", context.Cause(work))
		}
	})
}

// TestIntrospectedWorkEnds: when open work ends that another event than a call concerns.
func TestIntrospectedWorkEnds(t *testing.T) {
	for _, tt := range []struct {
		name  string
		then  func(*testing.T, *oracle, *verifier.Verifier)
		goes  time.Duration // so long the work goes on
		ends  time.Duration // and then it has ended; 0 if it does not
		cause verifier.Reason
	}{
		{"inactive, found by a renewal", func(_ *testing.T, o *oracle, _ *verifier.Verifier) { o.set("opaque", nil) },
			24*time.Second - 1, 24 * time.Second, verifier.Inactive},
		{"inactive, found by Refresh", func(t *testing.T, o *oracle, v *verifier.Verifier) {
			o.set("opaque", nil)
			if err := v.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
		}, 0, 0, verifier.Inactive},
		{"an outage", func(_ *testing.T, o *oracle, _ *verifier.Verifier) { o.fail(errors.New("connection refused")) },
			30*time.Second - 1, 31 * time.Second, verifier.IntrospectionUnavailable},
		{"an outage after a renewal", func(_ *testing.T, o *oracle, _ *verifier.Verifier) {
			time.Sleep(25 * time.Second)
			o.fail(errors.New("connection refused"))
		}, 29*time.Second - 1, 30 * time.Second, verifier.IntrospectionUnavailable}, // 30 s after the renewal at 24 s
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				o.set("opaque", active(nil))
				v := o.trust(t)
				work, stop := v.WhileValid(authorizedOpaque(t, v))
				defer stop()
				tt.then(t, o, v)
				if tt.goes > 0 {
					time.Sleep(tt.goes)
					if synctest.Wait(); work.Err() != nil {
						t.Fatalf("after %v it has ended: %v", tt.goes, context.Cause(work))
					}
				}
				time.Sleep(tt.ends - tt.goes)
				if synctest.Wait(); reasonOf(context.Cause(work)) != tt.cause {
					t.Errorf("after %v the cause is %v, want %q", tt.ends, context.Cause(work), tt.cause)
				}
			})
		})
	}
}

// TestIntrospectedWorkOfEndedContext: work whose own context has ended causes no more
// questions, even if nobody has called its cancel function.
func TestIntrospectedWorkOfEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		o.set("opaque", active(nil))
		v := o.trust(t)
		ctx, end := context.WithCancel(authorizedOpaque(t, v))
		_, stop := v.WhileValid(ctx)
		defer stop()
		end()
		time.Sleep(time.Hour)
		wantQuestions(t, o, "in an hour", 2) // at 24 s it notices
	})
}
