package tokensource_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/tokensource"
)

const (
	orders  = "https://orders.example.com"
	billing = "https://billing.example.com"
)

func TestInvalidate(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		a.jwt = true
		<-time.After(300 * time.Millisecond)
		old := settled(t, s)
		refused := time.Now()
		s.Invalidate("another") // nothing to do
		s.Invalidate(old)
		s.Invalidate(old)
		a.wantFetches(t, 1)
		if got := token(t, s); got == old {
			t.Errorf("Token() = the token that was invalidated")
		}
		// A cut-off covers the whole second of the refusal.
		if waited := time.Since(refused); waited != 700*time.Millisecond {
			t.Errorf("replaced after %v, want the next second, 700ms later", waited)
		}
		s.Invalidate(old) // replaced already
		pass(time.Minute)
		a.wantFetches(t, 2)
		if got := e.kinds(); got != "fetched refused refused replaced" {
			t.Errorf("events: %s", got)
		}
	})
}

// TestInvalidateEverything: a service that refuses each token causes three
// replacements, then one a minute.
func TestInvalidateEverything(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		for range 100 {
			s.Invalidate(token(t, s))
		}
		a.wantFetches(t, 4)
		for range 600 { // ten minutes
			s.Invalidate(token(t, s))
			pass(time.Second)
		}
		a.wantFetches(t, 14)
		synctest.Wait()
		last := e.all[len(e.all)-1]
		if last.Kind != tokensource.Refused || last.Err == nil {
			t.Errorf("the last event is %s with %v, want a refusal without replacement", last.Kind, last.Err)
		}
		pass(10 * time.Minute) // the budget is full again
		for range 10 {
			s.Invalidate(token(t, s))
		}
		a.wantFetches(t, 17)
	})
}

// TestInvalidateSame: an authority that issues the same token again keeps it in
// use.
func TestInvalidateSame(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		a.same = true
		s.Invalidate(settled(t, s))
		if got := token(t, s); got != "token-1" {
			t.Errorf("Token() = %s, want token-1", got)
		}
		a.wantFetches(t, 2)
		if got := e.kinds(); got != "fetched refused replaced!" {
			t.Errorf("events: %s", got)
		}
		if got, err := s.Replaced(t.Context(), orders, "token-1", 0); got || err != nil {
			t.Errorf("Replaced() = %v, %v, want nothing", got, err)
		}
		a.wantFetches(t, 3)
	})
}

// TestInvalidateOutage: an outage drops nothing, and is no reason to spend the
// budget. The replacement comes when the authority is back.
func TestInvalidateOutage(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		old := settled(t, s)
		a.down()
		s.Invalidate(old)
		if got := settled(t, s); got != old {
			t.Errorf("Token() = %s, want %s", got, old)
		}
		for range 10 {
			s.Invalidate(old)
		}
		a.wantFetches(t, 2)
		a.up()
		pass(2 * time.Second)
		if got := token(t, s); got != "token-2" {
			t.Errorf("Token() = %s after the outage, want token-2", got)
		}
		if got, want := e.kinds(), "fetched refused replaced!"; len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("events: %s, want %s…", got, want)
		}
	})
}

func tokenFor(t *testing.T, s *tokensource.Source, origin string) string {
	t.Helper()
	got, err := s.TokenFor(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	return got.AccessToken
}

// TestReplaceByOrigin: a refusal counts for its origin alone.
func TestReplaceByOrigin(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		token(t, s)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				got, err := s.Replaced(t.Context(), orders, "token-1", 0)
				if err != nil || !got || tokenFor(t, s, orders) != "token-2" {
					t.Errorf("Replaced() = %v, %v, want true, and token-2", got, err)
				}
			})
		}
		synctest.Wait()
		if got := tokenFor(t, s, billing); got != "token-1" {
			t.Errorf("TokenFor(billing) = %s while orders waits, want token-1", got)
		}
		if got := tokenFor(t, s, orders); got != "token-2" { // waits
			t.Errorf("TokenFor(orders) = %s, want token-2", got)
		}
		if got := tokenFor(t, s, billing); got != "token-2" {
			t.Errorf("TokenFor(billing) = %s, want token-2", got)
		}
		wg.Wait()
		a.wantFetches(t, 2)
	})
}

// TestReplaceBudgets: each origin has its own.
func TestReplaceBudgets(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		for i := range 20 {
			got, err := s.Replaced(t.Context(), orders, tokenFor(t, s, orders), 0)
			if want := i < 3; (got) != want || err != nil {
				t.Fatalf("Replaced(orders) no. %d = %v, %v, want a token: %t", i+1, got, err, want)
			}
		}
		a.wantFetches(t, 4)
		if got, err := s.Replaced(t.Context(), billing, token(t, s), 0); !got || err != nil {
			t.Errorf("Replaced(billing) = %v, %v, want a token", got, err)
		}
		a.wantFetches(t, 5)
	})
}

func TestReplaceAfter(t *testing.T) {
	for _, tt := range []struct{ after, want time.Duration }{
		{0, time.Second}, {500 * time.Millisecond, time.Second}, {3 * time.Second, 3 * time.Second}, {time.Hour, 5 * time.Second},
	} {
		inBubble(t, nil, func(t *testing.T, _ *authority, s *tokensource.Source, _ *events) {
			old := token(t, s)
			began := time.Now()
			if got, err := s.Replaced(t.Context(), orders, old, tt.after); !got || err != nil || time.Since(began) != tt.want {
				t.Errorf("Replaced(after %v) = %v, %v after %v, want a token after %v", tt.after, got, err, time.Since(began), tt.want)
			}
		})
	}
}

func TestReplaceCancelled(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		old := token(t, s)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Millisecond, func() { cancel(errBoom) })
		if got, err := s.Replaced(ctx, orders, old, 0); got || !errors.Is(err, errBoom) {
			t.Errorf("Replaced(cancelled) = %v, %v, want %v", got, err, errBoom)
		}
		pass(time.Second)
		a.wantFetches(t, 2) // goes on for everybody else
		closing := token(t, s)
		time.AfterFunc(time.Millisecond, func() { s.Close() })
		if got, err := s.Replaced(t.Context(), orders, closing, 0); got || err != nil {
			t.Errorf("Replaced(closed) = %v, %v, want nothing", got, err)
		}
	})
}

// TestRefusedDuringFetch: a fetch that began before the refusal does not count
// as the replacement: its token may have been issued before the cut-off.
func TestRefusedDuringFetch(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		token(t, s)
		token(t, s)
		hang := make(chan struct{})
		a.set(func(a *authority) { a.hang = hang })
		for a.count() == 1 { // until the refresh has begun
			pass(time.Second)
		}
		s.Invalidate("token-1")
		time.AfterFunc(10*time.Millisecond, func() {
			a.set(func(a *authority) { a.hang = nil })
			close(hang)
		})
		if got := token(t, s); got != "token-3" {
			t.Errorf("Token() = %s, want token-3", got)
		}
		a.wantFetches(t, 3)
	})
}

// TestRefusedUntilExpiry: when the refused token expires while it is being
// replaced, every caller waits.
func TestRefusedUntilExpiry(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		a.life = 2 * time.Second
		token(t, s)
		go s.Replaced(t.Context(), orders, "token-1", 4*time.Second)
		pass(2 * time.Second)
		began := time.Now()
		if got := tokenFor(t, s, billing); got != "token-2" || time.Since(began) != 2*time.Second {
			t.Errorf("TokenFor(billing) = %s after %v, want token-2 after 2s", got, time.Since(began))
		}
	})
}

// TestRefusedUntilClose: the last token serves callers that wait for a replacement
// when the Source is closed, as it serves later ones.
func TestRefusedUntilClose(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		s.Invalidate(settled(t, s))
		time.AfterFunc(time.Millisecond, func() { s.Close() })
		for _, when := range []string{"waiting", "after Close"} {
			if got := token(t, s); got != "token-1" {
				t.Errorf("Token() %s = %s, want token-1", when, got)
			}
		}
		a.wantFetches(t, 1)
	})
}
