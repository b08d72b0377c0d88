package introspect

import "time"

// memory holds results for some seconds. When it is full, the oldest makes room.
type memory[T any] struct {
	results map[key]remembered[T]
	ring    []key // in the order of put
	next    int   // the oldest in ring, once that is full
}

type remembered[T any] struct {
	flight *flight[T]
	until  time.Time
	slot   int // in ring
}

// get returns the result for k, which is done, or nil.
func (m *memory[T]) get(k key, now time.Time) *flight[T] {
	r, ok := m.results[k]
	if !ok {
		return nil
	}
	if !now.Before(r.until) {
		delete(m.results, k)
		return nil
	}
	return r.flight
}

// put stores the result for k.
func (m *memory[T]) put(k key, f *flight[T], now time.Time, keep time.Duration) {
	if m.results == nil {
		m.results = make(map[key]remembered[T])
	}
	slot := m.next
	if len(m.ring) < maxRefused {
		slot = len(m.ring)
		m.ring = append(m.ring, k)
	} else {
		// The slot's key may have been stored again since, in another slot.
		if old := m.ring[slot]; m.results[old].slot == slot {
			delete(m.results, old)
		}
		m.ring[slot] = k
		m.next = (slot + 1) % maxRefused
	}
	m.results[k] = remembered[T]{f, now.Add(keep), slot}
}
