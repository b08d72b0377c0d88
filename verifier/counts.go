package verifier

import (
	"iter"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
)

// Count names one kind of decision. Its fields have few values, so that they can
// label metrics.
type Count struct {
	Issuer     string // the configured Name; "" before one is known, and for scopes.Public
	Outcome    string // "allowed", or Code.String of the refusal
	Reason     Reason // "" if allowed; _OTHER for one that this package does not define
	Remembered bool   // the token was remembered: its signature was not checked again
}

// otherReason replaces every Reason that this package does not define.
const otherReason Reason = "_OTHER"

const allowed = "allowed"

// Counts yields how many decisions of each kind were made since New, without
// kinds that never occurred. The counters are read one after another while calls
// continue.
func (v *Verifier) Counts() iter.Seq2[Count, uint64] {
	return func(yield func(Count, uint64) bool) {
		if v.isUnmade() {
			return
		}
		for c, n := range v.counts.all(v.issuers) {
			if !yield(c, n) {
				return
			}
		}
	}
}

// Count returns the kind that [Verifier.Counts] counts d as, for other metrics with
// the same labels.
func (d Decision) Count() Count {
	c := Count{Issuer: d.Issuer, Outcome: allowed, Reason: d.Reason, Remembered: d.Cached}
	if d.Err == nil {
		return c
	}
	e := AsError(d.Err)
	c.Outcome = e.Code.String()
	if _, known := kindOf[e.Reason]; !known {
		c.Reason = otherReason
	}
	return c
}

// kind is the part of a Count that is the same for every issuer.
type kind struct {
	code   Code // 0 if allowed
	reason Reason
}

// kinds lists every kind that is usual: each Reason with its own Code, and
// otherReason with each Code.
var kinds = func() []kind {
	list := []kind{{}}
	for _, r := range reasons {
		list = append(list, kind{r.code(), r})
	}
	for c := NoCredentials; c <= TooManyRequests; c++ {
		list = append(list, kind{c, otherReason})
	}
	return list
}()

// kindOf maps each Reason of this package to its index in kinds.
var kindOf = func() map[Reason]int {
	m := make(map[Reason]int, len(reasons))
	for i, k := range kinds[:1+len(reasons)] {
		m[k.reason] = i
	}
	return m
}()

// counts holds the counters of a Verifier. They are striped: concurrent calls on
// different processors add to different memory.
type counts struct {
	stripes []stripe
	pool    sync.Pool // of *stripe: it hands out one per processor, most of the time
	next    atomic.Uint32

	mu      sync.Mutex
	unusual map[unusual]uint64 // a callback gave a Reason another Code than its own
}

// stripe has a counter for each issuer, and for none, of each kind, and whether
// the token was remembered.
type stripe []atomic.Uint64

type unusual struct {
	issuer int
	kind
	remembered bool
}

func (c *counts) init(issuers int) {
	n := min(runtime.GOMAXPROCS(0), 16)
	c.stripes = make([]stripe, n)
	for i := range c.stripes {
		c.stripes[i] = make(stripe, (issuers+1)*len(kinds)*2)
	}
	c.pool.New = func() any { return &c.stripes[c.next.Add(1)%uint32(len(c.stripes))] }
}

// add counts d.
func (c *counts) add(d *decision) {
	issuer, k, remembered := 0, 0, 0
	if d.issuer != nil {
		issuer = 1 + d.issuer.index
	}
	if d.cached {
		remembered = 1
	}
	if e := d.err; e != nil {
		i, known := kindOf[e.Reason]
		switch {
		case !known && e.Code >= NoCredentials && e.Code <= TooManyRequests:
			i = len(kinds) - int(TooManyRequests) - 1 + int(e.Code)
		case !known || kinds[i].code != e.Code:
			c.addUnusual(unusual{issuer, kind{e.Code, e.Reason}, d.cached}, known)
			return
		}
		k = i
	}
	s := c.pool.Get().(*stripe)
	(*s)[(issuer*len(kinds)+k)*2+remembered].Add(1)
	c.pool.Put(s)
}

func (c *counts) addUnusual(u unusual, known bool) {
	if !known {
		u.reason = otherReason
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unusual == nil {
		c.unusual = make(map[unusual]uint64)
	}
	c.unusual[u]++
}

// all yields every counter that is not zero.
func (c *counts) all(issuers []*issuer) iter.Seq2[Count, uint64] {
	name := func(i int) string {
		if i == 0 {
			return ""
		}
		return issuers[i-1].Name
	}
	return func(yield func(Count, uint64) bool) {
		for i := range (len(issuers) + 1) * len(kinds) * 2 {
			var n uint64
			for _, s := range c.stripes {
				n += s[i].Load()
			}
			if n > 0 && !yield(kinds[i/2%len(kinds)].count(name(i/2/len(kinds)), i%2 == 1), n) {
				return
			}
		}
		c.mu.Lock()
		rest := maps.Clone(c.unusual)
		c.mu.Unlock()
		for u, n := range rest {
			if !yield(u.count(name(u.issuer), u.remembered), n) {
				return
			}
		}
	}
}

func (k kind) count(issuer string, remembered bool) Count {
	outcome := allowed
	if k.code != 0 || k.reason != "" {
		outcome = k.code.String()
	}
	return Count{Issuer: issuer, Outcome: outcome, Reason: k.reason, Remembered: remembered}
}
