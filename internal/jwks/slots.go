package jwks

import "context"

// Slots bounds the fetches that several Sources make at the same time. Each
// Source makes one fetch at a time, and waits for a slot.
type Slots struct {
	shared   chan struct{}
	reserved chan struct{} // for Sources whose last fetch has succeeded
}

// NewSlots returns Slots for n fetches. It reserves an eighth of them for Sources
// whose last fetch has succeeded, so that hung ones can't take every slot, not even with
// their first fetch.
func NewSlots(n int) *Slots {
	reserved := n / 8
	return &Slots{shared: make(chan struct{}, n-reserved), reserved: make(chan struct{}, reserved)}
}

// acquire waits for a slot and returns the function that releases it, or nil if
// ctx ends first.
func (s *Slots) acquire(ctx context.Context, proven bool) (release func()) {
	var reserved chan struct{} // nil: never ready
	if proven {
		reserved = s.reserved
	}
	select {
	case s.shared <- struct{}{}:
		return func() { <-s.shared }
	case reserved <- struct{}{}:
		return func() { <-s.reserved }
	case <-ctx.Done():
		return nil
	}
}
