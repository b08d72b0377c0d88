package verifier

import (
	"errors"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/introspect"
)

// TestIsHolders: an answer is about the same holder if neither the client nor a key of
// the token has changed.
func TestIsHolders(t *testing.T) {
	one, same, two := [32]byte{1}, [32]byte{1}, [32]byte{2}
	client := Client{ID: "c", Subject: "s"}
	both := binding{certificate: &one, key: "k"}
	for _, tt := range []struct {
		name   string
		before binding
		client Client
		bound  binding
		want   bool
	}{
		{"nothing", both, client, both, true},
		{"an equal certificate", both, client, binding{&same, "k"}, true},
		{"client ID", both, Client{ID: "d", Subject: "s"}, both, false},
		{"subject", both, Client{ID: "c", Subject: "d"}, both, false},
		{"certificate", both, client, binding{&two, "k"}, false},
		{"no certificate", both, client, binding{nil, "k"}, false},
		{"key beside a certificate", both, client, binding{&one, "l"}, false},
		{"nothing, unbound", binding{}, client, binding{}, true},
		{"a certificate, unbound before", binding{}, client, binding{&one, ""}, false},
		{"a key, unbound before", binding{}, client, binding{nil, "k"}, false},
	} {
		before, now := token{client: client, bound: tt.before}, token{client: tt.client, bound: tt.bound}
		if got := now.isHolders(&before); got != tt.want {
			t.Errorf("isHolders, changed: %s = %t, want %t", tt.name, got, tt.want)
		}
	}
}

// TestIntrospectionRetryAfter: callers are told to come back within the pause, at the
// earliest in a second and at the latest in 30 s, each at another time.
func TestIntrospectionRetryAfter(t *testing.T) {
	for after, latest := range map[time.Duration]time.Duration{
		0:                2 * time.Second,
		time.Second:      2 * time.Second,
		10 * time.Second: 10 * time.Second,
		time.Hour:        30 * time.Second,
	} {
		seen := make(map[time.Duration]bool)
		for range 500 {
			e := introspectionError(&introspect.Error{Err: errors.New("no"), After: after})
			if e.Reason != IntrospectionUnavailable || e.RetryAfter < time.Second || e.RetryAfter >= latest {
				t.Fatalf("a pause of %v: %s, RetryAfter %v, want %s, 1s to %v", after, e.Reason, e.RetryAfter, IntrospectionUnavailable, latest)
			}
			seen[e.RetryAfter] = true
		}
		if len(seen) < 400 {
			t.Errorf("a pause of %v: %d times among 500 callers, want them spread", after, len(seen))
		}
	}
}
