package redisfleet_test

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
)

var _ dpop.Replay = (*redisfleet.Replay)(nil)

func newReplay(t *testing.T, addr string) *redisfleet.Replay {
	t.Helper()
	r, err := redisfleet.NewReplay(redisfleet.ReplayOptions{Server: redisfleet.Server{Addr: addr}, Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func seen(t *testing.T, r *redisfleet.Replay, id byte, want bool) {
	t.Helper()
	if got, err := r.Seen(t.Context(), [32]byte{id}, 150*time.Second); got != want || err != nil {
		t.Errorf("Seen(%d) = %v, %v; want %v", id, got, err, want)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	a, b := newReplay(t, s.Addr()), newReplay(t, s.Addr())
	seen(t, a, 1, false)
	seen(t, a, 1, true)
	seen(t, b, 1, true)
	seen(t, b, 2, false)
	for _, key := range strings.Fields(s.Do("KEYS", "*")) {
		if ttl := s.Do("TTL", key); ttl != "150" && ttl != "149" {
			t.Errorf("key %s expires in %s s, want 150", key, ttl)
		}
	}
	if _, err := a.Seen(t.Context(), [32]byte{3}, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, "a proof is forgotten", func() bool { return s.Do("DBSIZE") == "2" })
	if _, err := a.Seen(t.Context(), [32]byte{3}, 0); err == nil {
		t.Error("Seen(keep 0) returned no error")
	}
}

// TestReplayAtOnce sends one proof to two replicas many times at once.
func TestReplayAtOnce(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	replicas := []*redisfleet.Replay{newReplay(t, s.Addr()), newReplay(t, s.Addr())}
	var first atomic.Int32
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if again, err := replicas[i%2].Seen(t.Context(), [32]byte{1}, time.Minute); err != nil {
				t.Error(err)
			} else if !again {
				first.Add(1)
			}
		})
	}
	wg.Wait()
	if first.Load() != 1 {
		t.Errorf("%d were first, want 1", first.Load())
	}
}

// TestReplayLostResponse loses the response to a SET that the server has run.
func TestReplayLostResponse(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	p := redistest.NewProxy(t, s.Addr())
	r := newReplay(t, p.Addr())
	seen(t, r, 1, false)
	lost := atomic.Bool{}
	p.LoseResponse(func(b []byte) bool { return lost.CompareAndSwap(false, true) })
	seen(t, r, 2, false) // not a replay: the record is its own
	if !lost.Load() || s.Do("DBSIZE") != "2" {
		t.Fatalf("lost %v, DBSIZE %s; want a lost response and 2 records", lost.Load(), s.Do("DBSIZE"))
	}
	seen(t, r, 2, true)
	p.LoseResponse(func(b []byte) bool { return bytes.HasPrefix(b, []byte("$26")) })
	seen(t, r, 2, true) // a lost response does not make a replay pass
}

func TestReplayOutage(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{AOF: true})
	p := redistest.NewProxy(t, s.Addr())
	p.Cut()
	r := newReplay(t, p.Addr()) // down at the start
	id := byte(0)
	for _, fault := range []struct {
		name         string
		begin, ended func()
	}{
		{"down at the start", func() {}, p.Heal},
		{"blackhole", p.Blackhole, p.Heal},
		{"cut", p.Cut, p.Heal},
		{"kill -9", s.Kill, s.Restart},
		{"SIGSTOP", s.Pause, s.Resume},
		{"read only", func() { s.Do("REPLICAOF", "127.0.0.1", "1") }, func() { s.Do("REPLICAOF", "NO", "ONE") }},
		{"out of memory", func() { s.Do("CONFIG", "SET", "maxmemory", "1") }, func() { s.Do("CONFIG", "SET", "maxmemory", "0") }},
	} {
		fault.begin()
		for range 20 {
			if again, err := r.Seen(t.Context(), [32]byte{255}, time.Minute); err == nil {
				t.Errorf("%s: Seen = %v, nil; want an error", fault.name, again)
			}
		}
		fault.ended()
		id++
		redistest.Eventually(t, "recovery after "+fault.name, func() bool {
			_, err := r.Seen(t.Context(), [32]byte{id}, time.Minute)
			return err == nil
		})
		seen(t, r, id, true)
		seen(t, r, 1, true) // not forgotten
	}
	r.Close()
	redistest.Eventually(t, "no connection is left", func() bool { return p.Clients() == 0 })
}
