package main

import (
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/m2mauth/m2mauth/internal/tokencache"
	"github.com/maypok86/otter/v2"
	"github.com/puzpuzpuz/xsync/v4"
)

// cache maps verified tokens to their values.
type cache interface {
	get(token string) (*int, bool)
	put(token string, known *int)
}

// cacheKind names a kind of cache, and makes one.
type cacheKind struct {
	name   string
	upkeep string // how it is kept small, and who does it
	build  func(size int) cache
}

func cacheKinds() []cacheKind {
	return []cacheKind{
		{"ours: xsync v4 Map and SIEVE", "SIEVE, by weight; a hit leaves a mark if there is none", newOurs},
		{"otter v2", "W-TinyLFU, by weight; reads noted in buffers of each core", newOtter},
		{"xsync v4 Map", "none: it grows", newXsync},
		{"hashicorp/golang-lru v2", "LRU, under one lock that reads take too", newLRU},
		{"8-way set-associative", "the clock in each set, by number", newSets},
	}
}

type ourCache struct{ *tokencache.Cache[*int] }

func newOurs(size int) cache { return ourCache{tokencache.New[*int](size)} }

func (c ourCache) get(token string) (*int, bool) { return c.Get(token) }
func (c ourCache) put(token string, known *int)  { c.Put(token, known, 0) }

type otterCache struct{ *otter.Cache[string, *int] }

func newOtter(size int) cache {
	return otterCache{otter.Must(&otter.Options[string, *int]{
		MaximumWeight: uint64(size),
		Weigher:       func(string, *int) uint32 { return 1 },
		Executor:      func(upkeep func()) { upkeep() },
	})}
}

func (c otterCache) get(token string) (*int, bool) { return c.GetIfPresent(token) }
func (c otterCache) put(token string, known *int)  { c.Set(token, known) }

type xsyncCache struct{ *xsync.Map[string, *int] }

func newXsync(int) cache { return xsyncCache{xsync.NewMap[string, *int]()} }

func (c xsyncCache) get(token string) (*int, bool) { return c.Load(token) }
func (c xsyncCache) put(token string, known *int)  { c.Store(token, known) }

type lruCache struct{ *lru.Cache[string, *int] }

func newLRU(size int) cache { return lruCache{must(lru.New[string, *int](size))} }

func (c lruCache) get(token string) (*int, bool) { return c.Get(token) }
func (c lruCache) put(token string, known *int)  { c.Add(token, known) }
