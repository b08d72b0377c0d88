package tokensource

import (
	"fmt"
	"testing"
	"time"
)

// TestBudgets: the memory for refusals is bounded, and origins beyond it share
// one budget.
func TestBudgets(t *testing.T) {
	s := &Source{refusals: map[string]*refusals{}}
	now := time.Unix(1_800_000_000, 0)
	allowed := 0
	for i := range 10 * maxOrigins {
		if s.budget(fmt.Sprint(i), now).take(now) {
			allowed++
		}
	}
	if len(s.refusals) > maxOrigins+1 || allowed != maxOrigins+refusalBurst {
		t.Errorf("%d origins are kept, %d refusals are followed, want %d and %d", len(s.refusals), allowed, maxOrigins+1, maxOrigins+refusalBurst)
	}
	later := now.Add(refusalBurst * refusalRefill)
	if !s.budget("another", later).take(later) || len(s.refusals) != 1 {
		t.Errorf("%d origins are kept when all budgets are full again, want 1", len(s.refusals))
	}
}
