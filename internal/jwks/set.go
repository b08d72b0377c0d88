// Package jwks keeps an issuer's key set warm.
//
// Readers load one atomic pointer to an immutable [Set]: no lock and no I/O
// while the key is known. One owner goroutine per [Source] does all fetching,
// detached from any caller's context. [Source.Find] is the only place where a
// caller waits for a key. What was verified under a set is bound to it by its
// pointer.
package jwks

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/jose"
)

// Key is a key of a Set, with the one algorithm that it serves for the issuer.
type Key struct {
	*jose.Key
	Algorithm string
}

// Set is the keys of one issuer at one time, compiled for the algorithms that
// the issuer signs with. It is immutable.
type Set struct {
	keys     []Key
	byID     map[string][]Key // without those that have no ID
	unusable map[string]bool  // IDs under which nothing usable is published

	// Problems are the keys that were dropped, and keys that changed under
	// their ID.
	Problems []Problem

	digest [32]byte
}

// Verdict is what a Set says about a key that a token names.
type Verdict int

const (
	Unknown   Verdict = iota // it may be newer than the Set
	Found                    //
	Mismatch                 // it is there, for another algorithm
	Unusable                 // it was published, and dropped
	Ambiguous                // the token names none, and not exactly one fits
)

// newSet compiles what is usable of doc for an issuer that signs with the
// given algorithms. prev is the set that it will replace, or nil.
func newSet(doc *jose.KeySet, algorithms []string, prev *Set) *Set {
	s := &Set{
		byID:     make(map[string][]Key),
		unusable: make(map[string]bool),
	}
	for _, d := range doc.Dropped {
		s.drop(d.ID, d.Reason, d.Secret)
	}
	type slot struct{ id, algorithm string }
	conflicts := make(map[slot]bool)
	for _, k := range doc.Keys {
		algorithm, ok := k.UsableFor(algorithms)
		if !ok {
			s.drop(k.ID, whyNotUsable(k, algorithms), false)
			continue
		}
		at := slices.IndexFunc(s.keys, func(o Key) bool {
			// Keys without an ID are told apart by what they are.
			return o.ID == k.ID && o.Algorithm == algorithm && (k.ID != "" || o.Thumbprint == k.Thumbprint)
		})
		here := slot{k.ID, algorithm}
		switch {
		case at < 0:
			s.keys = append(s.keys, Key{k, algorithm})
		case s.keys[at].Thumbprint != k.Thumbprint && !conflicts[here]:
			// Which of the two a token means would be a matter of luck.
			conflicts[here] = true
			s.drop(k.ID, "two different keys have this ID and the algorithm "+algorithm, false)
		}
	}
	s.keys = slices.DeleteFunc(s.keys, func(k Key) bool { return conflicts[slot{k.ID, k.Algorithm}] })
	s.index()
	s.digest = s.digestOf()
	if prev != nil {
		s.compareWith(prev)
	}
	return s
}

// index fills byID.
func (s *Set) index() {
	for _, k := range s.keys {
		if k.ID != "" {
			s.byID[k.ID] = append(s.byID[k.ID], k)
		}
	}
}

func (s *Set) drop(id, reason string, secret bool) {
	s.Problems = append(s.Problems, Problem{KeyID: id, Text: reason, Secret: secret})
	if id != "" {
		s.unusable[id] = true
	}
}

// compareWith notes keys that were replaced under their ID.
func (s *Set) compareWith(prev *Set) {
	for _, old := range prev.keys {
		if old.ID == "" {
			continue
		}
		if slices.ContainsFunc(s.byID[old.ID], func(k Key) bool {
			return k.Algorithm == old.Algorithm && k.Thumbprint != old.Thumbprint
		}) {
			s.Problems = append(s.Problems, Problem{KeyID: old.ID, Text: "another key took its place under the same ID"})
		}
	}
}

// digestOf is of everything in the document that matters: two documents with
// equal digests are the same set, though one may have a new request ID in it.
func (s *Set) digestOf() [32]byte {
	var lines []string
	for _, k := range s.keys {
		lines = append(lines, fmt.Sprintf("%q %s %x", k.ID, k.Algorithm, k.Thumbprint))
	}
	for _, p := range s.Problems {
		lines = append(lines, fmt.Sprintf("%q %q", p.KeyID, p.Text))
	}
	slices.Sort(lines)
	return sha256.Sum256([]byte(strings.Join(lines, "\n")))
}

// Lookup finds the key that a token names by id, which is "" if it names none,
// for the algorithm that the token has. The Key is valid if the Verdict is
// Found.
func (s *Set) Lookup(id, algorithm string) (Key, Verdict) {
	if id == "" {
		return s.only(algorithm)
	}
	keys, ok := s.byID[id]
	for _, k := range keys {
		if k.Algorithm == algorithm {
			return k, Found
		}
	}
	switch {
	case ok:
		return Key{}, Mismatch
	case s.unusable[id]:
		return Key{}, Unusable
	default:
		return Key{}, Unknown
	}
}

// only finds the key for a token without a key ID: the one that fits, if there
// is exactly one.
func (s *Set) only(algorithm string) (found Key, v Verdict) {
	v = Ambiguous
	for _, k := range s.keys {
		if k.Algorithm != algorithm || v == Found && k.Thumbprint == found.Thumbprint {
			continue
		}
		if v == Found {
			return Key{}, Ambiguous
		}
		found, v = k, Found
	}
	return found, v
}

// Holds reports whether k is in s as well: the same key, by its thumbprint,
// under the same ID and for the same algorithm.
func (s *Set) Holds(k Key) bool {
	return slices.ContainsFunc(s.keys, func(o Key) bool {
		return o.ID == k.ID && o.Algorithm == k.Algorithm && o.Thumbprint == k.Thumbprint
	})
}

// Keys returns the keys that are in use.
func (s *Set) Keys() []Key { return slices.Clone(s.keys) }
