package jwks

import "context"

// Slots bounds the fetches that several Sources make at the same time. Each
// Source makes one fetch at a time, and waits for a slot.
type Slots struct {
	shared   chan struct{}
	reserved chan struct{} // for Sources whose last fetch did not fail
}

// NewSlots returns Slots for n fetches. It reserves a quarter of them for Sources
// whose last fetch did not fail, so that hung ones can't take every slot.
func NewSlots(n int) *Slots {
	reserved := n / 4
	return &Slots{shared: make(chan struct{}, n-reserved), reserved: make(chan struct{}, reserved)}
}

// acquire waits for a slot and returns the function that releases it, or nil if
// ctx ends first.
func (s *Slots) acquire(ctx context.Context, failing bool) (release func()) {
	reserved := s.reserved
	if failing {
		reserved = nil
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
