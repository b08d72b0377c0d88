package dpop

import (
	"errors"
	"sync"
	"time"
)

// memory records used proofs in two generations. A proof is recorded in the newer
// one. When the newer one has existed for as long as a proof must be kept, it
// becomes the older one, and that is dropped. So no proof needs a time of its own,
// and each is kept for once to twice that long.
//
// Times are monotonic: setting the clock forgets nothing.
type memory struct {
	most, mostOfOne int
	keep            time.Duration

	mu           sync.Mutex
	newer, older generation
	since        time.Time // when newer began
}

type generation struct {
	used map[[32]byte]struct{}
	each map[string]int // how many a client has in it
}

func newGeneration() generation {
	return generation{make(map[[32]byte]struct{}), make(map[string]int)}
}

func newMemory(most, mostOfOne int, keep time.Duration) *memory {
	return &memory{most: most, mostOfOne: mostOfOne, keep: keep, newer: newGeneration(), older: newGeneration(), since: time.Now()}
}

var (
	errFull       = errors.New("the memory for used proofs is full")
	errClientFull = errors.New("the client's share of the memory for used proofs is full")
)

// seen records a use by client, and reports whether it was recorded before.
func (m *memory) seen(id [32]byte, client string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(time.Now())
	if _, ok := m.newer.used[id]; ok {
		return true, nil
	}
	if _, ok := m.older.used[id]; ok {
		return true, nil
	}
	switch {
	case m.newer.each[client]+m.older.each[client] >= m.mostOfOne:
		return false, errClientFull
	case len(m.newer.used)+len(m.older.used) >= m.most:
		return false, errFull
	}
	m.newer.used[id] = struct{}{}
	m.newer.each[client]++
	return false, nil
}

// turn begins a new generation if it is time.
func (m *memory) turn(now time.Time) {
	switch age := now.Sub(m.since); {
	case age >= 2*m.keep:
		m.newer, m.older, m.since = newGeneration(), newGeneration(), now
	case age >= m.keep:
		m.newer, m.older, m.since = newGeneration(), m.newer, now
	}
}
