package jwks

import "context"

// Slots bounds the fetches that several Sources make at the same time. Each
// Source has one fetch under way at most, and waits for its place in turn.
type Slots struct {
	any  chan struct{}
	good chan struct{} // kept for Sources whose last fetch did not fail
}

// NewSlots returns Slots for n fetches. A quarter of them is kept for Sources
// whose last fetch did not fail: those that hang can't take every place.
func NewSlots(n int) *Slots {
	kept := n / 4
	return &Slots{any: make(chan struct{}, n-kept), good: make(chan struct{}, kept)}
}

// acquire waits for a place and returns a function that gives it back, or nil
// if ctx ends first.
func (s *Slots) acquire(ctx context.Context, failing bool) (release func()) {
	good := s.good
	if failing {
		good = nil
	}
	select {
	case s.any <- struct{}{}:
		return func() { <-s.any }
	case good <- struct{}{}:
		return func() { <-s.good }
	case <-ctx.Done():
		return nil
	}
}
