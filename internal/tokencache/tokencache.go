// Package tokencache remembers verified tokens, so that a token that is sent a
// thousand times is verified once.
//
// It holds what its caller puts in and knows nothing of tokens: the caller
// puts in only what was verified, so junk can neither fill it nor push
// anything out, and asks of every hit what can have changed since.
//
// The cache itself is otter's (W-TinyLFU): reads take no lock that all cores
// share, and a flood of tokens that are seen once does not displace those that
// are seen again.
package tokencache

import (
	"strings"

	"github.com/maypok86/otter/v2"
)

// entryBytes is what an entry is taken to hold, at the least. A cache for n
// entries holds at most n of them, and n times entryBytes: larger ones take
// the place of several.
const entryBytes = 4 << 10

// Cache is a bounded map from tokens to what is known of them. All methods are
// safe for concurrent use, and a nil Cache holds nothing.
type Cache[V any] struct {
	entries *otter.Cache[string, entry[V]]
}

type entry[V any] struct {
	value V
	bytes uint32
}

// New makes a cache for size entries.
func New[V any](size int) *Cache[V] {
	return &Cache[V]{otter.Must(&otter.Options[string, entry[V]]{
		MaximumWeight: uint64(size) * entryBytes,
		Weigher:       func(_ string, e entry[V]) uint32 { return max(e.bytes, entryBytes) },
		// Upkeep runs on the goroutine that makes it necessary, so that none is
		// left behind.
		Executor: func(upkeep func()) { upkeep() },
	})}
}

// Get returns what is known of token, every byte of which is compared. It does
// not allocate.
func (c *Cache[V]) Get(token string) (value V, ok bool) {
	if c == nil {
		return value, false
	}
	e, ok := c.entries.GetIfPresent(token)
	return e.value, ok
}

// Put remembers value, which holds about as many bytes beside the token, for
// token.
func (c *Cache[V]) Put(token string, value V, bytes int) {
	if c == nil {
		return
	}
	// A copy: the token is a part of a header, which must not be kept with it.
	token = strings.Clone(token)
	c.entries.Set(token, entry[V]{value, uint32(bytes + len(token))})
}

// Remove forgets token.
func (c *Cache[V]) Remove(token string) {
	if c != nil {
		c.entries.Invalidate(token)
	}
}

// Clear forgets everything.
func (c *Cache[V]) Clear() {
	if c != nil {
		c.entries.InvalidateAll()
	}
}

// Len is about how many entries there are.
func (c *Cache[V]) Len() int {
	if c == nil {
		return 0
	}
	c.entries.CleanUp()
	return c.entries.EstimatedSize()
}
