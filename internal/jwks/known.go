package jwks

import (
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
)

const (
	maxLost = 1024 // key IDs, twice as many as a set may hold

	// apart is the least time between two fetches that confirm a removal. Age
	// is rounded down to a second, so that two copies of one cached response
	// differ by less.
	apart = 1 * time.Second

	differFor = 24 * time.Hour
)

// memory remembers the keys that earlier sets held. Such a key can't be newer
// than the set in force, so it is refused by other rules than a key that no set
// ever held.
type memory struct {
	last        *Set // the latest good set, whether it is still in force or not
	lost        map[string]*lostKey
	differUntil time.Time // until then the authority's replicas are taken to differ
	returned    string    // the ID of the key that was removed and came back
}

// lostKey is a key ID that a set held and its successor lacks.
type lostKey struct {
	keys      []Key     // that were published under the ID
	since     time.Time // the date of the first response that lacks it
	lacked    time.Time // the date of the latest one
	confirmed bool      // the authority has removed it
}

// learn notes what set, from a complete response, holds and lacks. asOf is the
// date of the response, now the time of its arrival. A second response, or one
// that is final, confirms a removal. learn reports whether set lacks a key that
// its predecessor held.
func (m *memory) learn(set *Set, asOf, now time.Time, final bool) (removed bool) {
	for id, l := range m.lost {
		switch keys := set.byID[id]; {
		case len(keys) == 0:
			l.confirmed = l.confirmed || final || asOf.Sub(l.since) >= apart
			l.lacked = latest(l.lacked, asOf)
		default:
			if slices.ContainsFunc(l.keys, set.Holds) {
				m.differUntil, m.returned = now.Add(differFor), id
			}
			delete(m.lost, id)
		}
	}
	if m.last != nil && m.last != set {
		for id, keys := range m.last.byID {
			if len(set.byID[id]) == 0 {
				m.lose(id, &lostKey{keys: keys, since: asOf, lacked: asOf, confirmed: final})
				removed = true
			}
		}
	}
	m.last = set
	return removed
}

// withoutRemoved returns doc, from a response that dates from asOf, without the
// keys that the authority has removed since. A cache can serve such a response
// for hours, and must not bring them back.
func (m *memory) withoutRemoved(doc *jose.KeySet, asOf time.Time) *jose.KeySet {
	removed := func(k *jose.Key) bool {
		l := m.lost[k.ID]
		return l != nil && l.confirmed && asOf.Before(l.lacked) &&
			slices.ContainsFunc(l.keys, func(o Key) bool { return o.Thumbprint == k.Thumbprint })
	}
	if !slices.ContainsFunc(doc.Keys, removed) {
		return doc
	}
	rest := *doc
	rest.Keys, rest.Dropped = nil, slices.Clip(doc.Dropped)
	for _, k := range doc.Keys {
		if removed(k) {
			rest.Dropped = append(rest.Dropped, jose.Dropped{ID: k.ID, Reason: "it was removed, and a cache has answered with keys from before that"})
			continue
		}
		rest.Keys = append(rest.Keys, k)
	}
	return &rest
}

// lose notes a key ID that was removed, and forgets the oldest one if there are
// more than maxLost. A forgotten key ID counts as one that no set ever held.
func (m *memory) lose(id string, l *lostKey) {
	if m.lost == nil {
		m.lost = make(map[string]*lostKey)
	}
	m.lost[id] = l
	if len(m.lost) <= maxLost {
		return
	}
	oldest := ""
	for id, l := range m.lost {
		if oldest == "" || l.since.Before(m.lost[oldest].since) {
			oldest = id
		}
	}
	delete(m.lost, oldest)
}

// differs reports whether the authority's replicas are taken to publish
// different sets: a removed key came back within the last differFor.
func (m *memory) differs(now time.Time) bool { return now.Before(m.differUntil) }

// settled reports whether every removal is confirmed.
func (m *memory) settled() bool {
	for _, l := range m.lost {
		if !l.confirmed {
			return false
		}
	}
	return true
}
