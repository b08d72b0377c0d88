package redisfleet

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
	"github.com/m2mauth/m2mauth/revocation"
)

// TestLoading: a server that is loading is asked again soon, unlike one that is there
// and not to be believed.
func TestLoading(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AOF: true, Args: []string{"--loading-process-events-interval-bytes", "1024"}})
	server.Do("DEBUG", "POPULATE", "100000", "key", "100")
	server.Do("CONFIG", "SET", "key-load-delay", "100") // µs: it loads for ten seconds
	go server.DoAs("default", "any", "DEBUG", "RELOAD")
	r, err := NewRevocations(Options{Server: Server{Addr: server.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	var got error
	redistest.Eventually(t, "the server is loading", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		got = r.Follow(ctx, func(revocation.Update) error { return nil })
		return errors.Is(got, errLoading)
	})
	before := r.failed
	if got = r.Follow(t.Context(), func(revocation.Update) error { return nil }); !errors.Is(got, errLoading) {
		t.Fatalf("Follow = %v, want %v", got, errLoading)
	}
	if r.failed != before {
		t.Errorf("failed = %d, want %d", r.failed, before)
	}
}
