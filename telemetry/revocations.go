package telemetry

import (
	"fmt"
	"time"

	"github.com/m2mauth/m2mauth/internal/hints"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/verifier"
)

// revocationsReport returns the view of a list, and its problems.
func revocationsReport(l *revocation.List) (*RevocationsReport, []Problem) {
	st := l.Status()
	r := &RevocationsReport{
		State:      Well,
		Entries:    st.Entries,
		MaxEntries: st.MaxEntries,
		Generation: st.Generation,
		Shared:     st.Shared,
		FailOpen:   st.FailOpen,
		Position:   plain(st.Position, maxID),
		Confirmed:  st.Confirmed.UTC(),
		Age:        st.Age.Seconds(),
		MaxAge:     st.MaxAge.Seconds(),
		Missing:    st.Missing,
	}
	lastError := ""
	if st.LastError != nil {
		r.LastError = errorText(st.LastError.Error)
		lastError = ": " + r.LastError
	}
	var found []Problem
	add := func(state State, text, hint string) {
		found = append(found, Problem{state, "the list of revoked tokens", text, hint})
		if state.rank() < r.State.rank() {
			r.State = state
		}
	}
	const look = "look at its source and the network"
	switch {
	case st.Stale && !st.Fresh && !st.Loaded:
		add(Failing, "it was never loaded, and calls are refused as revocations_unavailable"+lastError, hints.Usual(verifier.RevocationsUnavailable))
	case st.Stale && !st.Fresh:
		add(Failing, "it is as of "+ago(st.Age)+", and calls are refused as revocations_unavailable"+lastError, hints.Usual(verifier.RevocationsUnavailable))
	case st.Stale && !st.Loaded:
		add(Degraded, "it was never loaded, and calls are allowed without it, because FailOpen is set"+lastError, look)
	case st.Stale:
		add(Degraded, "it is as of "+ago(st.Age)+", and calls are decided by it all the same, because FailOpen is set"+lastError, look)
	}
	if !st.Stale && !st.Fresh {
		add(Failing, "it can't be used, and calls are refused as revocations_unavailable"+lastError, "is it full? See MaxEntries")
	}
	if st.Missing > 0 {
		add(Degraded, fmt.Sprintf("the source has lost %s that this list keeps", counted(uint64(st.Missing), "cut-off")),
			"publish them again, so that new replicas have them")
	}
	if st.MaxEntries > 0 && st.Entries >= st.MaxEntries/10*9 {
		add(Degraded, fmt.Sprintf("it holds %s of at most %s", counted(uint64(st.Entries), "cut-off"), number(uint64(st.MaxEntries))),
			"use Everything for an issuer instead of many clients, or raise MaxEntries")
	}
	return r, found
}

// AsOf returns when the source last confirmed the view, in words.
func (r *RevocationsReport) AsOf() string {
	switch {
	case !r.Shared:
		return "in the memory of this replica alone"
	case r.Confirmed.IsZero():
		return "never loaded"
	default:
		return "as of " + ago(time.Duration(r.Age*float64(time.Second)))
	}
}
