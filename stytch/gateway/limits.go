package gateway

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// Limit is how often something may happen. The zero Limit is the default of
// the field that it stands in.
type Limit struct {
	PerSecond float64 // in the long run
	Burst     int     // at once, after a pause
}

func (l Limit) orDefault(standard Limit) Limit {
	if l == (Limit{}) {
		return standard
	}
	return l
}

func (l Limit) check(name string) error {
	if l.PerSecond > 0 && l.PerSecond <= 1e6 && l.Burst > 0 {
		return nil
	}
	return fmt.Errorf("%s is %v per second and %d at once: write a positive number for both, "+
		"or neither for the default", name, l.PerSecond, l.Burst)
}

var (
	errAddressLimit = errors.New("too many requests of this address")
	errFailureLimit = errors.New("too many failures of this client ID at this address")
)

// failureKey is a client ID at an address, of bounded size. The ID is never a
// key alone: a stranger could spend a customer's budget.
type failureKey struct {
	id   [sha256.Size]byte
	addr netip.Addr
}

func newFailureKey(clientID string, addr netip.Addr) failureKey {
	return failureKey{sha256.Sum256([]byte(clientID)), addr}
}

// limiters is a token bucket for each key, as many as it is allowed to
// remember. A key that was forgotten starts with a full bucket.
type limiters[K comparable] struct {
	limit   Limit
	buckets *otter.Cache[K, *bucket]
}

type bucket struct {
	mu      sync.Mutex
	tokens  *rate.Limiter
	pending int // attempts that may yet cost a token
}

func newLimiters[K comparable](limit Limit, tracked int) *limiters[K] {
	return &limiters[K]{limit, otter.Must(&otter.Options[K, *bucket]{
		MaximumSize: tracked,
		// Upkeep runs on the goroutine that makes it necessary, so that none is
		// left behind.
		Executor: func(upkeep func()) { upkeep() },
	})}
}

func (l *limiters[K]) of(key K) *bucket {
	b, _ := l.buckets.ComputeIfAbsent(key, func() (*bucket, bool) {
		return &bucket{tokens: rate.NewLimiter(rate.Limit(l.limit.PerSecond), l.limit.Burst)}, false
	})
	return b
}

// take spends a token, or returns how long there is none.
func (l *limiters[K]) take(key K) (wait time.Duration) {
	b := l.of(key)
	if b.tokens.Allow() {
		return 0
	}
	return l.untilToken(b)
}

// begin admits an attempt that will cost a token if it fails, as long as there
// is one. Nobody knows yet how those under way will end, so there may be twice
// a burst of them: as many of a customer's instances may start at once, and no
// more guesses get past the limit.
func (l *limiters[K]) begin(key K) (*bucket, time.Duration) {
	b := l.of(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.tokens.Tokens() < 1:
		return nil, l.untilToken(b)
	case b.pending >= 2*l.limit.Burst:
		return nil, time.Second
	}
	b.pending++
	return b, 0
}

// end ends an attempt that was begun. A failure is paid for in any case, if
// need be from tokens to come.
func (b *bucket) end(failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending--
	if failed {
		b.tokens.Reserve()
	}
}

func (l *limiters[K]) untilToken(b *bucket) time.Duration {
	missing := 1 - b.tokens.Tokens()
	return max(time.Duration(missing/l.limit.PerSecond*float64(time.Second)), time.Millisecond)
}

// connectionAddr is the other end of the connection.
func connectionAddr(r *http.Request) netip.Addr {
	addr, _ := netip.ParseAddrPort(r.RemoteAddr)
	return addr.Addr()
}

// limitedAddr returns the address as limits count it: an IPv6 address as its /64,
// because a host that has one has all of them.
func limitedAddr(addr netip.Addr) netip.Addr {
	addr = plainAddr(addr)
	if addr.Is6() {
		prefix, _ := addr.Prefix(64)
		return prefix.Addr()
	}
	return addr
}
