package jwks

import "time"

const (
	budgetSize  = 2                // fetches: one for a rotation, one to spare
	budgetEvery = 15 * time.Second // until the budget gains one more
	maxHold     = 30 * time.Second
)

// budget bounds the fetches that callers cause. It is a bucket of budgetSize
// that gains one every budgetEvery. The zero budget is full.
type budget struct {
	full time.Time // when it holds budgetSize again
	held time.Time // it gives nothing before then
}

// take draws one fetch, for a caller that waits for it. It returns false if the
// budget is spent.
func (b *budget) take(now time.Time) bool {
	if now.Before(b.next()) {
		return false
	}
	b.full = latest(b.full, now).Add(budgetEvery)
	return true
}

// takeSpare draws one fetch for a call that is refused at once, if the budget
// is full. Such calls never take the last fetch: anyone can make them, by a bad
// signature under a published key ID, and the first call with a new key needs
// it.
func (b *budget) takeSpare(now time.Time) bool {
	return !now.Before(b.full) && b.take(now)
}

// next returns when take succeeds again. A time in the past means now.
func (b *budget) next() time.Time {
	return latest(b.full.Add(-(budgetSize-1)*budgetEvery), b.held)
}

// hold stops take for d, for maxHold at most, as the authority requested.
func (b *budget) hold(now time.Time, d time.Duration) {
	b.held = now.Add(min(d, maxHold))
}

const (
	floodRate  = 20 // refusals a second that are still answered as an outage
	floodEvery = time.Second / floodRate
	floodFor   = 2 * time.Second // how long a flood is remembered at most
)

// flood measures how often callers are refused because their key may be newer
// than the set. The zero flood has counted none.
type flood struct {
	drained time.Time // when the refusals so far no longer count
}

// add counts one refusal and reports whether there were more than floodRate in
// a second. Refusals beyond the rate count as well, so that during a flood
// every refusal is reported as one.
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
