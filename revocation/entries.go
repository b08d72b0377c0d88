package revocation

import (
	"encoding/base64"
	"hash/maphash"
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// entries holds cut-offs by what they select. Only find may be called without the
// mutex of the List: it waits for one write to one shard at most, and never for a
// snapshot or for forgetting.
type entries struct {
	shards [256]shard
	seed   maphash.Seed
	total  atomic.Int64
	kinds  [len(kindOrder)]atomic.Int64 // entries by kind, in that order
	began  time.Time                    // of the monotonic clock

	issuers map[string]int // entries by the issuer that they name; find does not read it
}

type shard struct {
	mu     sync.RWMutex // held by find, and by every write
	byName map[name]entry
	_      [32]byte // a cache line of its own
}

// kindOrder is the order in which find looks.
var kindOrder = [...]Kind{ClientKind, EverythingKind, TokenKind, KeyKind}

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
	source int64         // the bound that the source has, as upTo; -1 if it has none
	note   string
}

// maxKeep is above the life of any process, and far from the end of a Duration.
const maxKeep = 100 * 366 * 24 * time.Hour

func newEntries() *entries {
	e := &entries{seed: maphash.MakeSeed(), began: time.Now(), issuers: make(map[string]int)}
	for i := range e.shards {
		e.shards[i].byName = make(map[name]entry)
	}
	return e
}

func (e *entries) len() int { return int(e.total.Load()) }

// shard returns the shard that may hold n.
func (e *entries) shard(n *name) *shard {
	text := n.name
	if n.kind == EverythingKind {
		text = n.issuer
	}
	return &e.shards[maphash.String(e.seed, text)%uint64(len(e.shards))]
}

// each returns the entries.
func (e *entries) each() iter.Seq2[name, entry] {
	return func(yield func(name, entry) bool) {
		for i := range e.shards {
			for n, entry := range e.shards[i].byName {
				if !yield(n, entry) {
					return
				}
			}
		}
	}
}

// count counts the entry of n that came (1) or went (-1).
func (e *entries) count(n *name, more int) {
	e.total.Add(int64(more))
	for i := range kindOrder {
		if kindOrder[i] == n.kind {
			e.kinds[i].Add(int64(more))
		}
	}
	if e.issuers[n.issuer] += more; e.issuers[n.issuer] == 0 {
		delete(e.issuers, n.issuer)
	}
}

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
	next := entry{source: -1, note: c.Note}
	if c.hasBound() {
		next.upTo = c.IssuedUpTo.Unix()
	}
	if !c.Until.IsZero() {
		next.until = c.Until.Unix()
		life = max(life, c.Until.Sub(now))
	}
	if shared {
		next.source = next.upTo
	}
	next.keep = time.Since(e.began) + min(life, maxKeep)
	s := e.shard(&n)
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.byName[n]
	if known {
		next = old.widened(next)
	} else {
		e.count(&n, 1)
	}
	s.byName[n] = next
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
	wider.source = max(old.source, next.source)
	return wider
}

// get returns the entry of n.
func (e *entries) get(n *name) (entry, bool) {
	s := e.shard(n)
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, ok := s.byName[*n]
	return found, ok
}

// find returns the cut-off of one issuer name that refuses t.
func (e *entries) find(issuer string, t *Issued) (Cutoff, bool) {
	for i, kind := range kindOrder {
		if e.kinds[i].Load() == 0 {
			continue
		}
		n := name{issuer: issuer, kind: kind}
		switch kind {
		case ClientKind:
			n.name = t.ClientID
		case TokenKind:
			n.name = t.TokenID
		case KeyKind:
			// The text of this name stays on the stack.
			if found, ok := e.get(&name{issuer, kind, string(t.KeyThumbprint[:])}); ok {
				n.name = string(t.KeyThumbprint[:])
				return n.cutoff(found), true
			}
			continue
		}
		found, ok := e.get(&n)
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
	list := make([]Cutoff, 0, e.len())
	for n, entry := range e.each() {
		list = append(list, n.cutoff(entry))
	}
	return list
}

// wouldHold returns how many entries there are after the cut-offs were added.
func (e *entries) wouldHold(cutoffs []Cutoff) int {
	added := make(map[name]bool)
	for _, c := range cutoffs {
		n := nameOf(c)
		if _, known := e.shard(&n).byName[n]; !known {
			added[n] = true
		}
	}
	return e.len() + len(added)
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
	for n, entry := range e.each() {
		has, found := upTo[n]
		if entry.source >= 0 && !entry.ended(now) && (!found || has < entry.source) {
			lost = append(lost, n.cutoff(entry))
		}
	}
	return lost
}

func (e entry) ended(now time.Time) bool { return e.until != 0 && now.Unix() > e.until }

// forget removes the entries that have ended by both clocks.
func (e *entries) forget(now time.Time) {
	running := time.Since(e.began)
	for n, entry := range e.each() {
		if entry.ended(now) && running > entry.keep {
			s := e.shard(&n)
			s.mu.Lock()
			delete(s.byName, n)
			s.mu.Unlock()
			e.count(&n, -1)
		}
	}
}
