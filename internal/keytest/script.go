// Package keytest is the scripted key server of the tests: it answers as the test
// says, and records when it was asked.
//
// What an answer is depends on the level that a test works at: a Document for
// internal/jwks, an HTTP response for verifier.
package keytest

import (
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// Script holds the answer that a key server gives, and the times of the fetches.
// It is safe for concurrent use.
type Script[Answer any] struct {
	mu     sync.Mutex
	answer Answer
	asked  []time.Time
}

// Now sets the answer to all further fetches.
func (s *Script[Answer]) Now(a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = a
}

// Next records a fetch, and returns the answer to it.
func (s *Script[Answer]) Next() Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, time.Now())
	return s.answer
}

// Fetches returns how many fetches there were.
func (s *Script[Answer]) Fetches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// Asked returns the time of each fetch.
func (s *Script[Answer]) Asked() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// MostWithin returns the largest number of fetches that began within d.
func (s *Script[Answer]) MostWithin(d time.Duration) (most int) {
	asked := s.Asked()
	first := 0
	for i, at := range asked {
		for at.Sub(asked[first]) >= d {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// Pass waits for d of a synctest bubble's time, and until everything that is due
// has happened.
func Pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
