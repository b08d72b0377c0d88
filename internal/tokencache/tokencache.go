// Package tokencache remembers verified tokens, so that a token that is sent a
// thousand times is verified once.
//
// It holds what its caller puts in and knows nothing of tokens: the caller
// puts in only what was verified, so junk can neither fill it nor push
// anything out, and asks of every hit what can have changed since.
//
// The look-up is xsync's map, whose readers take no lock. What gives way to
// the new is found by SIEVE (Zhang et al., NSDI 2024): a hit leaves a mark on
// its entry, and only if there is none yet, so that cores share no line of
// memory that one of them writes.
package tokencache

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/puzpuzpuz/xsync/v4"
)

// entryBytes is what an entry is taken to hold, at the least. A cache for n
// entries holds at most n of them, and n times entryBytes: larger ones take
// the place of several.
const entryBytes = 4 << 10

// Cache is a bounded map from tokens to what is known of them. All methods are
// safe for concurrent use, and a nil Cache holds nothing.
type Cache[V any] struct {
	entries *xsync.Map[string, *entry[V]] // written to under mu
	most    int64                         // bytes: more than an int of 32 bits counts

	mu    sync.Mutex
	bytes int64
	queue queue[V]
}

// entry is in the map and in the queue, or in neither.
type entry[V any] struct {
	token string
	value V
	bytes int64
	read  atomic.Bool // since the hand came by

	newer, older *entry[V] // in the queue
}

// New makes a cache for size entries.
func New[V any](size int) *Cache[V] {
	return &Cache[V]{entries: xsync.NewMap[string, *entry[V]](), most: int64(size) * entryBytes}
}

// Get returns what is known of token, every byte of which is compared. It does
// not allocate.
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

// Put remembers value, which holds about as many bytes beside the token, for
// token. What is larger than the whole cache is not kept.
func (c *Cache[V]) Put(token string, value V, bytes int) {
	if c == nil {
		return
	}
	// A copy: the token is a part of a header, which must not be kept with it.
	e := &entry[V]{token: strings.Clone(token), value: value, bytes: int64(max(bytes+len(token), entryBytes))}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(token)
	if e.bytes > c.most {
		return
	}
	for c.bytes+e.bytes > c.most {
		c.remove(c.queue.leastWorthy().token)
	}
	c.bytes += e.bytes
	c.queue.push(e)
	c.entries.Store(e.token, e)
}

// Remove forgets token.
func (c *Cache[V]) Remove(token string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(token)
}

// remove is Remove for who holds mu.
func (c *Cache[V]) remove(token string) {
	if e, ok := c.entries.LoadAndDelete(token); ok {
		c.queue.remove(e)
		c.bytes -= e.bytes
	}
}

// Clear forgets everything.
func (c *Cache[V]) Clear() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Clear()
	c.queue, c.bytes = queue[V]{}, 0
}

// Len is how many entries there are.
func (c *Cache[V]) Len() int {
	if c == nil {
		return 0
	}
	return c.entries.Size()
}
