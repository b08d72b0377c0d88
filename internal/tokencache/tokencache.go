// Package tokencache caches verified tokens, so that a token that is sent a
// thousand times is verified once.
//
// The cache does not know what a token is. Its caller adds only tokens that were
// verified, so that junk can't fill it or evict anything. After each hit, the
// caller checks everything that can have changed since the token was verified.
//
// Entries are looked up in xsync's map, whose readers take no lock. SIEVE (Zhang
// et al., NSDI 2024) chooses which entry to evict: a hit marks its entry, unless
// it is marked already, so that cores rarely write to shared memory.
package tokencache

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/puzpuzpuz/xsync/v4"
)

// entryBytes is the least size that an entry counts as. A cache for n entries
// holds at most n entries and n times entryBytes: a larger entry takes the place
// of several.
const entryBytes = 4 << 10

// Cache maps tokens to values, and is bounded. All methods are safe for concurrent
// use. A nil Cache holds nothing.
type Cache[V any] struct {
	entries *xsync.Map[string, *entry[V]] // written under mu
	most    int64                         // bytes; may exceed an int of 32 bits

	mu    sync.Mutex
	bytes int64
	queue queue[V]
}

// entry is in the map and in the queue, or in neither.
type entry[V any] struct {
	token string
	value V
	bytes int64
	read  atomic.Bool // since the hand last passed

	newer, older *entry[V] // in the queue
}

// New returns a cache for size entries.
func New[V any](size int) *Cache[V] {
	return &Cache[V]{entries: xsync.NewMap[string, *entry[V]](), most: int64(size) * entryBytes}
}

// Get returns the value of token. It compares the whole token, and does not
// allocate.
func (c *Cache[V]) Get(token string) (value V, ok bool) {
	if c == nil {
		return value, false
	}
	e, ok := c.entries.Load(token)
	if !ok {
		return value, false
	}
	if !e.read.Load() {
		e.read.Store(true)
	}
	return e.value, true
}

// Put stores value for token. bytes is about the size of value, without the token.
// An entry larger than the whole cache is not stored.
func (c *Cache[V]) Put(token string, value V, bytes int) {
	if c == nil {
		return
	}
	// Clone the token, or it would keep the whole header in memory.
	e := &entry[V]{token: strings.Clone(token), value: value, bytes: int64(max(bytes+len(token), entryBytes))}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(token)
	if e.bytes > c.most {
		return
	}
	for c.bytes+e.bytes > c.most {
		c.remove(c.queue.victim().token)
	}
	c.bytes += e.bytes
	c.queue.push(e)
	c.entries.Store(e.token, e)
}

// Remove deletes token.
func (c *Cache[V]) Remove(token string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(token)
}

// remove deletes token. The caller holds mu.
func (c *Cache[V]) remove(token string) {
	if e, ok := c.entries.LoadAndDelete(token); ok {
		c.queue.remove(e)
		c.bytes -= e.bytes
	}
}

// Clear deletes every entry.
func (c *Cache[V]) Clear() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Clear()
	c.queue, c.bytes = queue[V]{}, 0
}

// Len returns the number of entries.
func (c *Cache[V]) Len() int {
	if c == nil {
		return 0
	}
	return c.entries.Size()
}
