package tokensource

import (
	"fmt"
	"net/http"
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

// TestMayBeOutdated: which answers are a reason to read the credentials again.
func TestMayBeOutdated(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   string
		want   bool
	}{
		{401, "invalid_client", true}, {400, "invalid_client", true}, {401, "", true},
		{400, "invalid_request", true}, // Ory Hydra, of a wrong signature
		{400, "invalid_grant", true}, {400, "unauthorized_client", true}, {400, "", true},
		{400, "invalid_scope", false}, {400, "invalid_target", false}, {400, "unsupported_grant_type", false},
		{403, "invalid_request", false}, {500, "", false}, {503, "invalid_grant", false},
	} {
		if got := mayBeOutdated(newRetrieveError(&http.Response{StatusCode: tt.status}, tt.code)); got != tt.want {
			t.Errorf("mayBeOutdated(%d, %q) = %v, want %v", tt.status, tt.code, got, tt.want)
		}
	}
	if mayBeOutdated(errNoExpiry) || mayBeOutdated(nil) {
		t.Error("mayBeOutdated is true without an answer")
	}
}
