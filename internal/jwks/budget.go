package jwks

import "time"

const (
	budgetSize  = 2                // fetches: one for a rotation, one to spare
	budgetEvery = 15 * time.Second // until it gains one more
	maxHold     = 30 * time.Second
)

// budget bounds the fetches that callers cause. It is a bucket of budgetSize
// that gains one every budgetEvery. The zero budget is full.
type budget struct {
	full time.Time // when it will hold budgetSize again
	held time.Time // it gives nothing before then
}

// take draws one fetch and reports whether there was one to draw.
func (b *budget) take(now time.Time) bool {
	if now.Before(b.next()) {
		return false
	}
	b.full = latest(b.full, now).Add(budgetEvery)
	return true
}

// next returns when take succeeds again. A time that has passed means now.
func (b *budget) next() time.Time {
	return latest(b.full.Add(-(budgetSize-1)*budgetEvery), b.held)
}

// hold empties the budget for d, maxHold at most: the authority asked for it.
func (b *budget) hold(now time.Time, d time.Duration) {
	b.held = now.Add(min(d, maxHold))
}

const (
	floodRate  = 20 // refusals a second that are still answered as an outage
	floodEvery = time.Second / floodRate
	floodFor   = 2 * time.Second // how far a flood is remembered at most
)

// flood measures how often callers are refused because their key may be newer
// than what is known. The zero flood has seen none.
type flood struct {
	drained time.Time // when the refusals so far no longer count
}

// add counts one refusal and reports whether there were more than floodRate in
// a second. Those beyond the rate count as well, so that all of a flood is
// told apart from an outage, and not a part of it.
func (f *flood) add(now time.Time) bool {
	f.drained = latest(f.drained, now).Add(floodEvery)
	if limit := now.Add(floodFor); f.drained.After(limit) {
		f.drained = limit
	}
	return f.drained.Sub(now) > time.Second
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
