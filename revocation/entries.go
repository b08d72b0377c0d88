package revocation

import (
	"encoding/base64"
	"time"
)

// entries holds cut-offs by what they select. It is guarded by its List.
type entries struct {
	byName map[name]entry
	kinds  map[Kind]int
	began  time.Time // of the monotonic clock
}

type name struct {
	issuer string
	kind   Kind
	name   string // of a Key, the 32 bytes of its thumbprint
}

// entry is a cut-off without its name.
type entry struct {
	upTo   int64         // Unix seconds
	until  int64         // Unix seconds; 0 for never
	keep   time.Duration // by the monotonic clock, since began
	shared bool          // the source has it
	note   string
}

func newEntries() entries {
	return entries{byName: make(map[name]entry), kinds: make(map[Kind]int), began: time.Now()}
}

func (e *entries) len() int { return len(e.byName) }

func nameOf(c Cutoff) name {
	n := name{c.Issuer, c.Select.kind, c.Select.name}
	if n.kind == KeyKind {
		digest, _ := thumbprint(n.name)
		n.name = string(digest[:])
	}
	return n
}

// put adds c or widens the entry that is there. It reports whether tokens are
// refused that were not before.
//
// The entry is kept for a token's whole life from now by the monotonic clock, however
// near its end is by the wall clock: that may be wrong.
func (e *entries) put(c Cutoff, now time.Time, life time.Duration, shared bool) (changed bool) {
	n := nameOf(c)
	next := entry{shared: shared, note: c.Note}
	if c.hasBound() {
		next.upTo = c.IssuedUpTo.Unix()
	}
	if !c.Until.IsZero() {
		next.until = c.Until.Unix()
		life = max(life, c.Until.Sub(now))
	}
	next.keep = time.Since(e.began) + life
	old, known := e.byName[n]
	if known {
		next = old.widened(next)
	} else {
		e.kinds[n.kind]++
	}
	e.byName[n] = next
	return !known || next.upTo > old.upTo
}

// widened returns an entry that refuses all that old and next refuse, for as long.
func (old entry) widened(next entry) entry {
	wider := old
	if next.upTo > old.upTo {
		wider.upTo, wider.note = next.upTo, next.note
	}
	if old.until != 0 && next.until != 0 {
		wider.until = max(old.until, next.until)
	} else {
		wider.until = 0
	}
	wider.keep = max(old.keep, next.keep)
	wider.shared = old.shared || next.shared
	return wider
}

// find returns the cut-off of one issuer name that refuses t.
func (e *entries) find(issuer string, t *Issued) (Cutoff, bool) {
	for _, kind := range [...]Kind{ClientKind, EverythingKind, TokenKind, KeyKind} {
		if e.kinds[kind] == 0 {
			continue
		}
		n := name{issuer: issuer, kind: kind}
		switch kind {
		case ClientKind:
			n.name = t.ClientID
		case TokenKind:
			n.name = t.TokenID
		case KeyKind:
			if found, ok := e.byName[name{issuer, kind, string(t.KeyThumbprint[:])}]; ok { // does not allocate
				n.name = string(t.KeyThumbprint[:])
				return n.cutoff(found), true
			}
			continue
		}
		found, ok := e.byName[n]
		if ok && (kind == TokenKind || t.IssuedAt.IsZero() || t.IssuedAt.Unix() <= found.upTo) {
			return n.cutoff(found), true
		}
	}
	return Cutoff{}, false
}

// cutoff returns the Cutoff of an entry.
func (n name) cutoff(e entry) Cutoff {
	c := Cutoff{Issuer: n.issuer, Select: Selector{n.kind, n.name}, Note: e.note}
	if n.kind == KeyKind {
		c.Select.name = base64.RawURLEncoding.EncodeToString([]byte(n.name))
	}
	if c.hasBound() {
		c.IssuedUpTo = time.Unix(e.upTo, 0)
	}
	if e.until != 0 {
		c.Until = time.Unix(e.until, 0)
	}
	return c
}

// all returns every cut-off.
func (e *entries) all() []Cutoff {
	list := make([]Cutoff, 0, len(e.byName))
	for n, entry := range e.byName {
		list = append(list, n.cutoff(entry))
	}
	return list
}

// wouldHold returns how many entries there are after the cut-offs were added.
func (e *entries) wouldHold(cutoffs []Cutoff) int {
	added := make(map[name]bool)
	for _, c := range cutoffs {
		if _, known := e.byName[nameOf(c)]; !known {
			added[nameOf(c)] = true
		}
	}
	return len(e.byName) + len(added)
}

// missing returns the cut-offs that the source had and that a snapshot of it lacks,
// or has with an earlier bound, unless they have ended.
func (e *entries) missing(snapshot []Cutoff, now time.Time) (lost []Cutoff) {
	upTo := make(map[name]int64, len(snapshot))
	for _, c := range snapshot {
		n := nameOf(c)
		upTo[n] = max(upTo[n], 0)
		if c.hasBound() {
			upTo[n] = max(upTo[n], c.IssuedUpTo.Unix())
		}
	}
	for n, entry := range e.byName {
		has, found := upTo[n]
		if entry.shared && !entry.ended(now) && (!found || has < entry.upTo) {
			lost = append(lost, n.cutoff(entry))
		}
	}
	return lost
}

func (e entry) ended(now time.Time) bool { return e.until != 0 && now.Unix() > e.until }

// forget removes the entries that have ended by both clocks.
func (e *entries) forget(now time.Time) {
	running := time.Since(e.began)
	for n, entry := range e.byName {
		if entry.ended(now) && running > entry.keep {
			delete(e.byName, n)
			e.kinds[n.kind]--
		}
	}
}

// issuers returns how many cut-offs each issuer has.
func (e *entries) issuers() map[string]int {
	counts := make(map[string]int)
	for n := range e.byName {
		counts[n.issuer]++
	}
	return counts
}
