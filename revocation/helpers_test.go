package revocation_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const issuer = "https://auth.example.com"

var (
	bound = time.Unix(1_700_000_000, 0)
	key   = sha256.Sum256([]byte("key"))
)

func thumbprint(digest [32]byte) string { return base64.RawURLEncoding.EncodeToString(digest[:]) }

func newList(t testing.TB, cfg revocation.Config) *revocation.List {
	t.Helper()
	l, err := revocation.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func add(t testing.TB, l *revocation.List, cutoffs ...revocation.Cutoff) {
	t.Helper()
	if err := l.Add(cutoffs...); err != nil {
		t.Fatal(err)
	}
}

// clock is a wall clock that can be set. The monotonic clock goes on.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time      { return time.Now().Add(time.Duration(c.ahead.Load())).Round(0) }
func (c *clock) set(d time.Duration) { c.ahead.Store(int64(d)) }

// script is a Source whose updates the test sends. Each connection ends with an
// error of the test.
type script struct {
	connected chan connection
}

type connection struct {
	apply func(revocation.Update) error
	end   chan<- error
}

func newScript() *script { return &script{make(chan connection)} }

func (s *script) Follow(ctx context.Context, apply func(revocation.Update) error) error {
	end := make(chan error)
	select {
	case s.connected <- connection{apply, end}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-end:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
