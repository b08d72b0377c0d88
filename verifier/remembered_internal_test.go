package verifier

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestRememberedLooksUpNothingTooLong: a credential that is too long is not
// hashed. If it were looked up, the entry here would be found and removed.
func TestRememberedLooksUpNothingTooLong(t *testing.T) {
	const most = 100
	v, err := New(Config{MaxTokenBytes: most, CacheSize: 4, Issuers: []Issuer{{
		Name:      "https://auth.example.com",
		Audiences: []string{"https://api.example.com"},
		FetchJWKS: func(context.Context) ([]byte, error) { return nil, errors.New("no keys") },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	stale := &token{issuer: v.issuers[0]}
	for _, tt := range []struct {
		length int
		kept   bool
	}{{most - 1, false}, {most, false}, {most + 1, true}} {
		raw := strings.Repeat("a", tt.length)
		v.cache.Put(raw, stale, 0)
		if got, _ := v.remembered(raw, time.Time{}); got != nil {
			t.Errorf("remembered(%d bytes) = %p, want nil: its issuer has no keys", tt.length, got)
		}
		// One that no longer stands is forgotten: it holds memory, and after a
		// key returns it must be verified afresh.
		if _, kept := v.cache.Get(raw); kept != tt.kept {
			t.Errorf("after remembered(%d bytes) it is in the cache: %t, want %t", tt.length, kept, tt.kept)
		}
	}
}
