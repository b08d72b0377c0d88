package verifier_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// oracle is an authority that answers questions about tokens, in virtual time.
type oracle struct {
	mu      sync.Mutex
	answers map[string]map[string]any // a token that is missing is inactive
	asked   map[string]int
	total   int
	takes   time.Duration
	err     error
}

func newOracle() *oracle {
	return &oracle{answers: make(map[string]map[string]any), asked: make(map[string]int)}
}

func (o *oracle) set(token string, answer map[string]any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers[token] = answer
}

func (o *oracle) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

// delay makes each answer take a while.
func (o *oracle) delay(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.takes = d
}

// count returns the number of questions about a token, or about all if it is "".
func (o *oracle) count(token string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if token == "" {
		return o.total
	}
	return o.asked[token]
}

func (o *oracle) introspect(ctx context.Context, token string) ([]byte, error) {
	o.mu.Lock()
	o.asked[token]++
	o.total++
	takes := o.takes
	o.mu.Unlock()
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return nil, o.err
	}
	answer := o.answers[token]
	if answer == nil {
		return []byte(`{"active":false}`), nil
	}
	return json.Marshal(answer)
}

func (o *oracle) issuer() verifier.Issuer {
	return verifier.Issuer{Name: "https://opaque.example.com", Audiences: []string{"https://api.example.com"}, Introspect: o.introspect}
}

func (o *oracle) trust(t *testing.T, change ...func(*verifier.Config)) *verifier.Verifier {
	t.Helper()
	cfg := verifier.Config{Issuers: []verifier.Issuer{o.issuer()}}
	for _, f := range change {
		f(&cfg)
	}
	return newVerifier(t, cfg)
}

func wantReason(t *testing.T, v *verifier.Verifier, token string, want verifier.Reason) {
	t.Helper()
	if _, err := v.Verify(t.Context(), token); reasonOf(err) != want {
		t.Errorf("Verify(%q) = %v, want %q", token, err, want)
	}
}

// TestIntrospectedTime: when the authority is asked, in virtual time.
func TestIntrospectedTime(t *testing.T) {
	questions := func(t *testing.T, o *oracle, want int) {
		t.Helper()
		if synctest.Wait(); o.count("opaque") != want {
			t.Errorf("%d questions, want %d", o.count("opaque"), want)
		}
	}
	t.Run("an active token counts for the TTL", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOracle()
			o.set("opaque", active(nil))
			v := o.trust(t)
			wantReason(t, v, "opaque", "")
			time.Sleep(23 * time.Second)
			wantReason(t, v, "opaque", "")
			questions(t, o, 1)
			time.Sleep(8 * time.Second) // past the TTL
			o.set("opaque", nil)
			wantReason(t, v, "opaque", verifier.Inactive)
			questions(t, o, 2)
		})
	})
	t.Run("a token in use is renewed at 80 % without waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOracle()
			o.set("opaque", active(nil))
			v := o.trust(t)
			wantReason(t, v, "opaque", "")
			o.takes = time.Second
			for range 10 {
				time.Sleep(25 * time.Second)
				began := time.Now()
				wantReason(t, v, "opaque", "")
				wantReason(t, v, "opaque", "")
				if waited := time.Since(began); waited != 0 {
					t.Errorf("a call waited %v for a renewal, want 0", waited)
				}
			}
			time.Sleep(2 * time.Second)
			questions(t, o, 11)
		})
	})
	t.Run("a renewal that finds the token inactive shuts it out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOracle()
			o.set("opaque", active(nil))
			v := o.trust(t)
			wantReason(t, v, "opaque", "")
			o.set("opaque", nil)
			time.Sleep(25 * time.Second)
			wantReason(t, v, "opaque", "")
			synctest.Wait()
			wantReason(t, v, "opaque", verifier.Inactive)
			questions(t, o, 2)
		})
	})
	t.Run("an inactive token counts for 5 s", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOracle()
			v := o.trust(t)
			wantReason(t, v, "opaque", verifier.Inactive)
			o.set("opaque", active(nil))
			time.Sleep(4 * time.Second)
			wantReason(t, v, "opaque", verifier.Inactive)
			questions(t, o, 1)
			time.Sleep(2 * time.Second)
			wantReason(t, v, "opaque", "")
		})
	})
	t.Run("exp ends a token within the TTL", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOracle()
			o.set("opaque", active(map[string]any{"exp": time.Now().Add(10 * time.Second).Unix()}))
			v := o.trust(t, func(c *verifier.Config) { c.Leeway = -1 })
			wantReason(t, v, "opaque", "")
			time.Sleep(11 * time.Second)
			wantReason(t, v, "opaque", verifier.Expired)
			questions(t, o, 2)
		})
	})
	t.Run("an outage ends with the TTL and is a 503", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOracle()
			o.set("opaque", active(nil))
			v := o.trust(t)
			wantReason(t, v, "opaque", "")
			o.fail(errors.New("connection refused"))
			time.Sleep(29 * time.Second)
			wantReason(t, v, "opaque", "")
			time.Sleep(2 * time.Second)
			_, err := v.Verify(t.Context(), "opaque")
			e, _ := errors.AsType[*verifier.Error](err)
			if e == nil || e.Reason != verifier.IntrospectionUnavailable || e.Code != verifier.Unavailable || e.RetryAfter < time.Second || e.RetryAfter > 30*time.Second {
				t.Errorf("Verify = %+v, want IntrospectionUnavailable with Retry-After", e)
			}
			if s := v.Status()[0]; s.State != verifier.KeysStale || s.LastError == nil || !s.Introspects {
				t.Errorf("Status = %+v, want stale with an error", s)
			}
			o.fail(nil)
			time.Sleep(2 * time.Second)
			wantReason(t, v, "opaque", "")
		})
	})
	t.Run("Refresh forgets every answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOracle()
			o.set("opaque", active(nil))
			v := o.trust(t)
			wantReason(t, v, "opaque", "")
			o.set("opaque", nil)
			if err := v.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantReason(t, v, "opaque", verifier.Inactive)
		})
	})
	t.Run("a hung authority is a 503 within 2 s", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOracle()
			o.takes = time.Hour
			v := o.trust(t)
			began := time.Now()
			wantReason(t, v, "opaque", verifier.IntrospectionUnavailable)
			if waited := time.Since(began); waited != 2*time.Second {
				t.Errorf("the call waited %v, want 2s", waited)
			}
			v.Close()
			wantReason(t, v, "opaque", verifier.Closed)
		})
	})
	t.Run("1,000 callers, one question", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOracle()
			o.takes = time.Second
			o.set("opaque", active(nil))
			v := o.trust(t)
			var callers sync.WaitGroup
			for range 1000 {
				callers.Go(func() { wantReason(t, v, "opaque", "") })
			}
			callers.Wait()
			questions(t, o, 1)
		})
	})
	t.Run("callers that come while the answer does", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOracle()
			v := o.trust(t)
			for round := range 200 {
				token := fmt.Sprint("opaque", round)
				o.set(token, active(nil))
				var callers sync.WaitGroup
				for range 8 {
					callers.Go(func() { wantReason(t, v, token, "") })
				}
				callers.Wait()
				if n := o.count(token); n != 1 {
					t.Fatalf("%d questions about %s, want 1", n, token)
				}
			}
		})
	})
	t.Run("the first caller gives up, and the question goes on", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOracle()
			o.takes = time.Second
			o.set("opaque", active(nil))
			v := o.trust(t)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := v.Verify(ctx, "opaque"); reasonOf(err) != verifier.Canceled {
				t.Errorf("Verify = %v, want Canceled", err)
			}
			time.Sleep(time.Second)
			wantReason(t, v, "opaque", "")
			questions(t, o, 1)
		})
	})
	t.Run("a panic is no outage of the process", func(t *testing.T) {
		o := newOracle()
		v := o.trust(t, func(c *verifier.Config) {
			c.Issuers[0].Introspect = func(context.Context, string) ([]byte, error) { panic("a bug") }
		})
		wantReason(t, v, "opaque", verifier.Panicked)
	})
}
