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

// Limit bounds a rate. The zero Limit is the default of its field.
type Limit struct {
	PerSecond float64 // the rate in the long run
	Burst     int     // the most requests at once, after a pause
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
	errAddressLimit = errors.New("too many requests from this address")
	errFailureLimit = errors.New("too many failures of this client ID from this address")
)

// failureKey identifies a client ID at an address, in bounded size. The client ID
// alone is not a key: a stranger could use up a customer's limit.
type failureKey struct {
	id   [sha256.Size]byte
	addr netip.Addr
}

func newFailureKey(clientID string, addr netip.Addr) failureKey {
	return failureKey{sha256.Sum256([]byte(clientID)), addr}
}

// limiters holds a token bucket for each key, up to a maximum. A forgotten key starts
// with a full bucket.
type limiters[K comparable] struct {
	limit   Limit
	buckets *otter.Cache[K, *bucket]
}

type bucket struct {
	mu      sync.Mutex
	tokens  *rate.Limiter
	pending int // attempts that have begun and not ended
}

func newLimiters[K comparable](limit Limit, tracked int) *limiters[K] {
	return &limiters[K]{limit, otter.Must(&otter.Options[K, *bucket]{
		MaximumSize: tracked,
		// Maintenance runs on the caller's goroutine, so that no goroutine remains.
		Executor: func(upkeep func()) { upkeep() },
	})}
}

func (l *limiters[K]) of(key K) *bucket {
	b, _ := l.buckets.ComputeIfAbsent(key, func() (*bucket, bool) {
		return &bucket{tokens: rate.NewLimiter(rate.Limit(l.limit.PerSecond), l.limit.Burst)}, false
	})
	return b
}

// take spends a token. If there is none, it returns the time until the next one.
func (l *limiters[K]) take(key K) (wait time.Duration) {
	b := l.of(key)
	if b.tokens.Allow() {
		return 0
	}
	return l.untilToken(b)
}

// begin admits an attempt if there is a token, or returns the time until the next one.
// Only a failed attempt spends a token, when it ends. Up to twice Burst attempts may
// be pending: a customer's instances can start together, and the number of guesses
// stays bounded.
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

// end ends an attempt. A failure always spends a token, if necessary a future one.
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

// connectionAddr returns the remote address of the connection.
func connectionAddr(r *http.Request) netip.Addr {
	addr, _ := netip.ParseAddrPort(r.RemoteAddr)
	return addr.Addr()
}

// limitedAddr returns the address for the limits: an IPv6 address as its /64, because a
// host usually controls all addresses of its /64.
func limitedAddr(addr netip.Addr) netip.Addr {
	addr = plainAddr(addr)
	if addr.Is6() {
		prefix, _ := addr.Prefix(64)
		return prefix.Addr()
	}
	return addr
}
