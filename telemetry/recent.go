package telemetry

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/m2mauth/m2mauth/internal/hints"
	"github.com/m2mauth/m2mauth/verifier"
)

const (
	defaultKeep = 8
	maxKeep     = 100

	// maxReasons bounds how many Reasons are told apart. Those of package
	// verifier are fewer; more come only from callbacks that make them up.
	maxReasons = 128

	otherReason verifier.Reason = "_OTHER"
)

// Recent keeps the last refusals of each Reason, with what was found and expected,
// and counts the decisions of each minute of the last hour. Put its Observe into
// verifier.Config.Observe. The zero value is ready. It is safe for concurrent use,
// and must not be copied. Its memory is bounded: what it keeps is cut, and beyond 128
// Reasons, further ones share the name _OTHER.
//
// It keeps no token and no claims, except for what the cause of a refusal says of
// the one that was wrong.
type Recent struct {
	// Keep bounds the refusals that are kept of each Reason: 8 if 0 or negative, at
	// most 100. Set it before the first call.
	Keep int

	minutes minutes

	mu      sync.Mutex
	reasons map[verifier.Reason]*refusals
}

// refusals holds the last refusals of one Reason.
type refusals struct {
	outcome     string
	count       uint64
	first, last time.Time
	minutes     [minutesKept]minuteCount
	ring        []Refusal // as long as it is filled
	next        int       // where the next one goes
}

// minuteCount counts the refusals of one minute, which is in Unix time.
type minuteCount struct {
	minute int64
	n      uint64
}

// Observe records a decision. It is for verifier.Config.Observe: an allowed call
// costs it a look at the clock and one atomic addition.
//
// If a Reason has more than Keep refusals in a second, the others of that second
// are only counted. So a flood costs little, and does not push out at once what
// was refused before it.
func (r *Recent) Observe(_ context.Context, d verifier.Decision) {
	now := time.Now()
	result, code := outcome(&d)
	switch code {
	case 0:
		r.minutes.at(now).allowed.Add(1)
		return
	case verifier.Unavailable, verifier.TooManyRequests:
		r.minutes.at(now).unavailable.Add(1)
	default:
		r.minutes.at(now).refused.Add(1)
	}
	if !r.count(d.Reason, result, now) {
		return
	}
	refusal := refusalOf(&d, now) // outside of the lock: it calls the user's code
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.of(d.Reason)
	if len(of.ring) < r.keep() {
		of.ring = append(of.ring, refusal)
		return
	}
	of.ring[of.next] = refusal
	of.next = (of.next + 1) % len(of.ring)
}

// count counts a refusal, and reports whether it is to be kept.
func (r *Recent) count(reason verifier.Reason, result string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.of(reason)
	of.outcome = result
	of.count++
	if of.first.IsZero() {
		of.first = now
	}
	of.last = now
	minute := unixMinute(now)
	m := &of.minutes[slotOf(minute)]
	if m.minute != minute {
		*m = minuteCount{minute: minute}
	}
	m.n++
	return len(of.ring) < r.keep() || now.Sub(of.ring[of.next].At) >= time.Second
}

// of returns the refusals of a Reason. The caller holds mu.
func (r *Recent) of(reason verifier.Reason) *refusals {
	if len(reason) > maxID {
		reason = otherReason
	}
	of := r.reasons[reason]
	if of != nil {
		return of
	}
	if len(r.reasons) >= maxReasons {
		reason = otherReason
		if of = r.reasons[reason]; of != nil {
			return of
		}
	}
	if r.reasons == nil {
		r.reasons = make(map[verifier.Reason]*refusals)
	}
	of = new(refusals)
	r.reasons[reason] = of
	return of
}

func (r *Recent) keep() int {
	if r.Keep <= 0 {
		return defaultKeep
	}
	return min(r.Keep, maxKeep)
}

func refusalOf(d *verifier.Decision, now time.Time) Refusal {
	cause, hint := causeAndHint(d)
	found, expected := hints.Split(cause)
	return Refusal{
		At:        now,
		Operation: plain(d.Operation, maxID),
		Issuer:    plain(d.Issuer, maxText),
		ClientID:  plain(d.Client.ID, maxID),
		KeyID:     plain(d.Client.KeyID, maxID),
		Found:     found,
		Expected:  expected,
		Hint:      hint,
	}
}

// Refusals returns what is kept, the Reason that was last seen first.
func (r *Recent) Refusals() []Refusals {
	r.mu.Lock()
	defer r.mu.Unlock()
	since := unixMinute(time.Now()) - minutesKept
	list := make([]Refusals, 0, len(r.reasons))
	for reason, of := range r.reasons {
		entry := Refusals{
			Reason:  plain(string(reason), maxID),
			Outcome: of.outcome,
			Count:   of.count,
			First:   of.first,
			Last:    of.last,
			Latest:  make([]Refusal, 0, len(of.ring)),
		}
		for _, m := range of.minutes {
			if m.minute > since {
				entry.Hour += m.n
			}
		}
		for i := range of.ring {
			entry.Latest = append(entry.Latest, of.ring[(of.next+i)%len(of.ring)])
		}
		slices.Reverse(entry.Latest)
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b Refusals) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}

// Minutes returns the decisions of each minute of the last hour, the oldest first
// and the current one last.
func (r *Recent) Minutes() []Minute { return r.minutes.list(time.Now()) }
