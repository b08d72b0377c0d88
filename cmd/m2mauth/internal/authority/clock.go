package authority

import (
	"sync/atomic"
	"time"
)

// maxShift bounds how far a clock can be off: times stay within the years of RFC 3339.
const maxShift = 10 * 366 * 24 * time.Hour

// clock is the wall clock, off by a shift. The zero clock is right.
type clock struct{ off atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(c.shift()) }
func (c *clock) shift() time.Duration { return time.Duration(c.off.Load()) }
func (c *clock) set(d time.Duration)  { c.off.Store(int64(d)) }
