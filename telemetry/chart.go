package telemetry

import (
	"fmt"
	"time"
)

// Size of the chart of the last hour, in its own units.
const (
	chartHeight = 96
	barStep     = 10
	barWidth    = 7
)

// hour is the chart of the last hour.
type hour struct {
	Bars                      []bar
	Width, Height             int
	Allowed, Refused, Unknown uint64
	Peak                      uint64    // calls in the busiest minute
	PeakAt                    time.Time // its start
	First, Last               time.Time
}

// bar is one part of one minute's bar.
type bar struct {
	Class               string
	X, Y, Width, Height int
}

// Label says in words what the chart shows.
func (h hour) Label() string {
	if h.Peak == 0 {
		return "No calls in the last hour"
	}
	return fmt.Sprintf("Calls in each minute of the last hour: %s allowed, %s refused, %s undecided; at most %s in a minute, at %s UTC",
		number(h.Allowed), number(h.Refused), number(h.Unknown), number(h.Peak), h.PeakAt.Format("15:04"))
}

func newHour(list []Minute) hour {
	h := hour{Width: max(1, len(list)) * barStep, Height: chartHeight}
	if len(list) == 0 {
		return h
	}
	h.First, h.Last = list[0].Start, list[len(list)-1].Start
	for _, m := range list {
		h.Allowed += m.Allowed
		h.Refused += m.Refused
		h.Unknown += m.Unavailable
		if n := m.Allowed + m.Refused + m.Unavailable; n > h.Peak {
			h.Peak, h.PeakAt = n, m.Start
		}
	}
	for i, m := range list {
		y := chartHeight
		for _, part := range []struct {
			class string
			n     uint64
		}{{"allowed", m.Allowed}, {"refused", m.Refused}, {"unknown", m.Unavailable}} {
			if part.n == 0 {
				continue
			}
			// A few calls are visible beside many.
			height := min(max(2, int(float64(part.n)/float64(h.Peak)*(chartHeight-4))), y)
			y -= height
			h.Bars = append(h.Bars, bar{part.class, i*barStep + (barStep-barWidth)/2, y, barWidth, height})
		}
	}
	return h
}
