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

// Set holds the keys of one issuer at one time, compiled for the algorithms that
// the issuer signs with. It is immutable.
type Set struct {
	keys     []Key
	byID     map[string][]Key // of the keys that have an ID
	unusable map[string]bool  // IDs under which nothing usable is published

	// Problems lists keys that were dropped, and keys that were replaced under
	// their ID.
	Problems []Problem

	digest [32]byte
}

// newSet compiles the usable keys of doc for an issuer that signs with the given
// algorithms. prev is the set that it will replace, or nil.
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
			// Keys without an ID are told apart by their thumbprint.
			return o.ID == k.ID && o.Algorithm == algorithm && (k.ID != "" || o.Thumbprint == k.Thumbprint)
		})
		here := slot{k.ID, algorithm}
		switch {
		case at < 0:
			s.keys = append(s.keys, Key{k, algorithm})
		case s.keys[at].Thumbprint != k.Thumbprint && !conflicts[here]:
			// A token can't say which of the two it means.
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

// compareWith adds a Problem for each key of prev that was replaced under its ID.
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

// digestOf returns a digest of keys and Problems. Documents with equal digests
// are the same set, even if they differ in other members.
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

// Lookup returns the key for a token with the given key ID, "" if it names none,
// and algorithm. The Key is valid if Why is Found.
func (s *Set) Lookup(id, algorithm string) (Key, Why) {
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
		return Key{}, OtherAlgorithm
	case s.unusable[id]:
		return Key{}, Dropped
	default:
		return Key{}, unknown
	}
}

// only returns the key for a token without a key ID: the one that serves
// algorithm, if there is exactly one.
func (s *Set) only(algorithm string) (key Key, why Why) {
	why = NotOne
	for _, k := range s.keys {
		if k.Algorithm != algorithm || why == Found && k.Thumbprint == key.Thumbprint {
			continue
		}
		if why == Found {
			return Key{}, NotOne
		}
		key, why = k, Found
	}
	return key, why
}

// Holds reports whether s holds k: a key with the same thumbprint, ID and
// algorithm.
func (s *Set) Holds(k Key) bool {
	return slices.ContainsFunc(s.keys, func(o Key) bool {
		return o.ID == k.ID && o.Algorithm == k.Algorithm && o.Thumbprint == k.Thumbprint
	})
}

// Keys returns the usable keys.
func (s *Set) Keys() []Key { return slices.Clone(s.keys) }
