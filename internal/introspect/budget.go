package introspect

import "time"

// The budget of questions about tokens that are not known to be active. A question
// whose token is active costs nothing in the end. Good tokens that nobody has seen
// before, as after a start, are therefore bounded by the slots alone, and tokens that
// somebody makes up by this rate.
const (
	perSecond = 20
	atFirst   = newSlots + maxQueued // as many as can be on their way at once
)

// budget is a token bucket. The zero value has no limit.
type budget struct {
	perSecond int
	most      float64
	left      float64
	at        time.Time // of left
}

func newBudget(now time.Time, perSecond, most int) budget {
	return budget{perSecond: perSecond, most: float64(most), left: float64(most), at: now}
}

// wait returns how long it is until b has a question.
func (b *budget) wait(now time.Time) time.Duration {
	if b.perSecond == 0 {
		return 0
	}
	b.left = min(b.most, b.left+now.Sub(b.at).Seconds()*float64(b.perSecond))
	b.at = now
	if b.left >= 1 {
		return 0
	}
	return max(1, time.Duration((1-b.left)/float64(b.perSecond)*float64(time.Second)))
}

// take takes a question out of b, once there is one.
func (b *budget) take() { b.left-- }

// giveBack returns one question to b.
func (b *budget) giveBack() {
	b.left = min(b.most, b.left+1)
}
