package metrics

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// TestIntrospection: an issuer that is asked about tokens has a state and a number of
// questions, and nothing about keys.
func TestIntrospection(t *testing.T) {
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{{
		Name: "https://opaque.example.com", Audiences: []string{"https://api.example.com"},
		Introspect: func(context.Context, string) ([]byte, error) { return nil, errors.New("connection refused") },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	_, _ = v.Verify(t.Context(), "opaque")
	var s Sources
	s.Add(v)
	all := s.All(time.Now())
	for _, m := range []*Metric{keysAge, keysUsable, keysUnknown, keysFingerprint, keysProblems} {
		if all[m] != nil {
			t.Errorf("%s = %v, want none", m.Name, all[m])
		}
	}
	if got := all[keysFetches][Values{"https://opaque.example.com"}]; got != 1 {
		t.Errorf("%s = %v, want 1 question", keysFetches.Name, got)
	}
	if got := all[keysState][Values{"https://opaque.example.com", "cold"}]; got != 1 {
		t.Errorf("%s of cold = %v, want 1", keysState.Name, got)
	}
}
