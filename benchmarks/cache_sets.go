package main

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
)

// ways is the number of places for a token.
const ways = 8

// setCache is a simple set-associative cache: a token's hash selects a set of eight
// places. Readers take no lock. The clock algorithm chooses which token to evict:
// the first that was not read since the hand last passed it.
type setCache struct {
	seed maphash.Seed
	mask uint64
	sets []cacheSet
}

type cacheSet struct {
	entries [ways]atomic.Pointer[setEntry]
	mu      sync.Mutex // of writers
	hand    int
}

type setEntry struct {
	hash  uint64
	token string
	known *int
	read  atomic.Bool
}

func newSets(size int) cache {
	sets := 1 << bits.Len(uint(max(size-1, 0)/ways))
	return &setCache{seed: maphash.MakeSeed(), mask: uint64(sets - 1), sets: make([]cacheSet, sets)}
}

func (c *setCache) get(token string) (*int, bool) {
	hash := maphash.String(c.seed, token)
	set := &c.sets[hash&c.mask]
	for i := range set.entries {
		if e := set.entries[i].Load(); e != nil && e.hash == hash && e.token == token {
			if !e.read.Load() {
				e.read.Store(true) // and not each time, which would share the line among the cores
			}
			return e.known, true
		}
	}
	return nil, false
}

func (c *setCache) put(token string, known *int) {
	hash := maphash.String(c.seed, token)
	set := &c.sets[hash&c.mask]
	set.mu.Lock()
	defer set.mu.Unlock()
	set.entries[set.place(hash, token)].Store(&setEntry{hash: hash, token: token, known: known})
}

// place returns the place of token, or a free one, or that of the token to evict.
func (s *cacheSet) place(hash uint64, token string) int {
	free := -1
	for i := range s.entries {
		switch e := s.entries[i].Load(); {
		case e == nil && free < 0:
			free = i
		case e == nil:
		case e.hash == hash && e.token == token:
			return i
		}
	}
	if free >= 0 {
		return free
	}
	for {
		i := s.hand
		s.hand = (s.hand + 1) % ways
		if !s.entries[i].Load().read.Swap(false) {
			return i
		}
	}
}
