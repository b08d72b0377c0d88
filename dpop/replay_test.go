package dpop_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
)

// TestReplay uses a proof again while it could still be valid, in virtual time.
func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := prooftest.New(t)
		c := newChecker(t, dpop.Config{})
		call := callOf(p, p.Sign(t, p.Header(), claims()))
		if err := c.Check(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		for _, after := range []time.Duration{0, time.Minute, 149 * time.Second} {
			time.Sleep(after)
			if err := c.Check(t.Context(), call); !errors.Is(err, dpop.ErrReplayed) {
				t.Errorf("Check(again, %v later) = %v, want %v", after, err, dpop.ErrReplayed)
			}
		}
		if err := c.Inspect(call); err != nil {
			t.Errorf("Inspect(used proof) = %v, want nil", err)
		}
		time.Sleep(5 * time.Minute)
		if err := c.Check(t.Context(), call); err != nil { // Now stands still
			t.Errorf("Check(after it was forgotten) = %v, want nil", err)
		}
	})
}

// TestReplayAnotherKey checks that a "jti" is one key's: another client can't use
// it up.
func TestReplayAnotherKey(t *testing.T) {
	p, other := prooftest.New(t), prooftest.New(t)
	c, same := newChecker(t, dpop.Config{}), fields{"jti": "same"}
	for _, q := range []prooftest.Prover{p, other} {
		if err := c.Check(t.Context(), callOf(q, q.Sign(t, q.Header(), claims().With(same)))); err != nil {
			t.Errorf("Check(first use of the jti by a key) = %v, want nil", err)
		}
	}
}

// TestReplayAtOnce uses one proof from many goroutines at once.
func TestReplayAtOnce(t *testing.T) {
	p := prooftest.New(t)
	c := newChecker(t, dpop.Config{})
	call := callOf(p, p.Sign(t, p.Header(), claims()))
	var accepted atomic.Int32
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			if c.Check(t.Context(), call) == nil {
				accepted.Add(1)
			}
		})
	}
	all.Wait()
	if n := accepted.Load(); n != 1 {
		t.Errorf("one proof was accepted %d times, want 1", n)
	}
}

// TestReplayFull checks that a client that fills its share is refused alone, and
// that everybody is refused only when everything is full.
func TestReplayFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := prooftest.New(t)
		c := newChecker(t, dpop.Config{MaxUsed: 5, MaxUsedPerClient: 3})
		use := func(client string) error {
			call := callOf(p, p.Sign(t, p.Header(), claims()))
			call.Client = client
			return c.Check(t.Context(), call)
		}
		for i, tt := range []struct {
			client string
			want   error
		}{
			{"a", nil}, {"a", nil}, {"a", nil}, {"a", dpop.ErrUnavailable}, {"b", nil}, {"b", nil}, {"b", dpop.ErrUnavailable}, {"c", dpop.ErrUnavailable},
		} {
			if err := use(tt.client); !errors.Is(err, tt.want) || err != nil && tt.want == nil {
				t.Errorf("Check(%d, client %s) = %v, want %v", i, tt.client, err, tt.want)
			}
		}
		time.Sleep(301 * time.Second)
		if err := use("a"); err != nil {
			t.Errorf("Check(a, after the old ones were forgotten) = %v, want nil", err)
		}
	})
}

// TestReplayFullAcrossTurns: what the memory holds from before it turned counts, for
// each client and for all.
func TestReplayFullAcrossTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := prooftest.New(t)
		c := newChecker(t, dpop.Config{MaxUsed: 5, MaxUsedPerClient: 3})
		use := func(client, want string) {
			t.Helper()
			call := callOf(p, p.Sign(t, p.Header(), claims()))
			call.Client = client
			got := ""
			if err := c.Check(t.Context(), call); err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("Check(client %s) = %q, want %q", client, got, want)
			}
		}
		const (
			share = "the DPoP proof's use could not be recorded: the client's share of the memory for used proofs is full"
			full  = "the DPoP proof's use could not be recorded: the memory for used proofs is full"
		)
		use("a", "")
		use("a", "")
		use("b", "")
		time.Sleep(150 * time.Second) // the memory turns
		use("a", "")
		use("a", share)
		use("b", "")
		use("b", full)
		use("c", full)
		time.Sleep(150 * time.Second) // and turns again
		use("a", "")
		use("a", "")
		use("a", share)
	})
}

// failing is a Replay that answers with fixed results.
type failing struct {
	seen bool
	err  error
}

func (f failing) Seen(context.Context, [32]byte, time.Duration) (bool, error) { return f.seen, f.err }

func TestReplayShared(t *testing.T) {
	p := prooftest.New(t)
	down := errors.New("connection refused")
	for _, tt := range []struct {
		name   string
		replay failing
		want   error
	}{
		{"first use", failing{}, nil},
		{"used at another replica", failing{seen: true}, dpop.ErrReplayed},
		{"down", failing{err: down}, dpop.ErrUnavailable},
		{"down, with an answer", failing{seen: true, err: down}, dpop.ErrUnavailable},
	} {
		err := newChecker(t, dpop.Config{Replay: tt.replay}).Check(t.Context(), callOf(p, p.Sign(t, p.Header(), claims())))
		if !errors.Is(err, tt.want) || err != nil && tt.want == nil {
			t.Errorf("Check(%s) = %v, want %v", tt.name, err, tt.want)
		}
		if tt.replay.err != nil && !errors.Is(err, down) {
			t.Errorf("Check(%s) = %v, which does not wrap the cause", tt.name, err)
		}
	}
}

// BenchmarkReplayMemory reports the memory of a used proof.
func BenchmarkReplayMemory(b *testing.B) {
	p := prooftest.New(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := newChecker(b, dpop.Config{MaxUsed: 1 << 30, MaxUsedPerClient: 1 << 30})
	n := 0
	for b.Loop() {
		c.Remember(p.Thumbprint(), fmt.Sprint(n))
		n++
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "bytes/entry")
	runtime.KeepAlive(c)
}

// TestReplayKept: a proof is known for 150 s at least, whenever the memory turns, and
// then forgotten.
func TestReplayKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := prooftest.New(t)
		c := newChecker(t, dpop.Config{})
		began, calls := time.Now(), map[string]dpop.Call{}
		use := func(at time.Duration, name string, want error) {
			time.Sleep(time.Until(began.Add(at)))
			if _, made := calls[name]; !made {
				calls[name] = callOf(p, p.Sign(t, p.Header(), claims()))
			}
			if err := c.Check(t.Context(), calls[name]); !errors.Is(err, want) || err != nil && want == nil {
				t.Errorf("Check(%s, after %v) = %v, want %v", name, at, err, want)
			}
		}
		use(0, "a", nil)
		use(100*time.Second, "b", nil)
		use(149*time.Second, "a", dpop.ErrReplayed)
		use(200*time.Second, "c", nil) // the memory turns
		use(249*time.Second, "b", dpop.ErrReplayed)
		use(349*time.Second, "c", dpop.ErrReplayed) // and turns again
		use(350*time.Second, "a", nil)
		use(650*time.Second, "a", nil) // twice 150 s later, nothing is left
	})
}
