package telemetry

import (
	"sync/atomic"
	"time"
)

const minutesKept = 60

// minutes counts decisions by minute. The zero value is ready.
type minutes [minutesKept]atomic.Pointer[minute]

// minute holds the counters of one minute, which is in Unix time.
type minute struct {
	minute                        int64
	allowed, refused, unavailable atomic.Uint64
}

func unixMinute(t time.Time) int64 { return t.Unix() / 60 }

// slotOf returns the index of a minute, also of one before 1970.
func slotOf(minute int64) int64 { return (minute%minutesKept + minutesKept) % minutesKept }

// at returns the counters of the minute of now.
func (m *minutes) at(now time.Time) *minute {
	n := unixMinute(now)
	slot := &m[slotOf(n)]
	for {
		current := slot.Load()
		if current != nil && current.minute == n {
			return current
		}
		if fresh := (&minute{minute: n}); slot.CompareAndSwap(current, fresh) {
			return fresh
		}
	}
}

// list returns the minutes up to now, the oldest first.
func (m *minutes) list(now time.Time) []Minute {
	list := make([]Minute, minutesKept)
	last := unixMinute(now)
	for i := range list {
		n := last - minutesKept + 1 + int64(i)
		list[i].Start = time.Unix(n*60, 0).UTC()
		if c := m[slotOf(n)].Load(); c != nil && c.minute == n {
			list[i].Allowed, list[i].Refused, list[i].Unavailable = c.allowed.Load(), c.refused.Load(), c.unavailable.Load()
		}
	}
	return list
}
