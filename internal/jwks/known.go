package jwks

import (
	"slices"
	"time"
)

const (
	maxLost = 1024 // key IDs, twice as many as a set may hold

	// apart is how far two fetches must lie apart to confirm a removal. Age is
	// rounded down to a second, so two copies of one cached response differ by
	// less.
	apart = 1 * time.Second

	differFor = 24 * time.Hour
)

// memory is what a Source remembers of the keys that its sets held and lost.
// Such a key can't be newer than what is known, so the rule for a key that was
// never held does not apply to it.
type memory struct {
	last   *Set // the one that was in force last, expired or not
	lost   map[string]*lostKey
	differ time.Time // until when the authority's replicas are taken to differ
	back   string    // the ID of the key that came back
}

// lostKey is a key ID that a set held and its successor does not.
type lostKey struct {
	keys      []Key     // that were published under the ID
	since     time.Time // of which time the first response is that lacks it
	confirmed bool      // the authority has removed it
}

// learn takes in the set that a good end-to-end fetch brought. asOf is the
// time of the response, now the time of its arrival. A removal is confirmed by
// a second such response, or by one that is final. It reports whether set
// lacks a key that the set before it held.
func (m *memory) learn(set *Set, asOf, now time.Time, final bool) (removed bool) {
	for id, l := range m.lost {
		switch keys := set.byID[id]; {
		case len(keys) == 0:
			l.confirmed = l.confirmed || final || asOf.Sub(l.since) >= apart
		default:
			if slices.ContainsFunc(l.keys, set.Holds) {
				m.differ, m.back = now.Add(differFor), id
			}
			delete(m.lost, id)
		}
	}
	if m.last != nil && m.last != set {
		for id, keys := range m.last.byID {
			if len(set.byID[id]) == 0 {
				m.lose(id, &lostKey{keys: keys, since: asOf, confirmed: final})
				removed = true
			}
		}
	}
	m.last = set
	return removed
}

// lose notes a key ID that is gone, in the place of the oldest one if there
// are too many. A key ID that is forgotten counts as one that was never held.
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

// differs reports whether the authority's replicas publish different sets, as
// far as is known at now.
func (m *memory) differs(now time.Time) bool { return now.Before(m.differ) }

// settled reports whether every removal is confirmed.
func (m *memory) settled() bool {
	for _, l := range m.lost {
		if !l.confirmed {
			return false
		}
	}
	return true
}
