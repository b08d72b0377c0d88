package telemetry

import (
	"fmt"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/internal/hints"
	"github.com/m2mauth/m2mauth/verifier"
)

// ownFaults lists the Reasons of refusals that only this service can cause: no
// caller can. Refusals by others are usual.
var ownFaults = []verifier.Reason{
	verifier.CheckFailed, verifier.Panicked, verifier.PeerUnknown, verifier.Closed,
	verifier.RevocationsUnavailable, verifier.IntrospectionUnavailable, verifier.ReplayUnavailable,
}

// lately is how long a refusal by an own fault counts as a problem.
const lately = 10 * time.Minute

// judge fills Revocations, State, Verdict and Problems.
func (s *status) judge(r *Report, states []verifier.IssuerStatus, now time.Time) {
	var found []Problem
	for _, st := range states {
		found = append(found, issuerProblems(&st, now)...)
	}
	if s.revocations != nil {
		list, problems := revocationsReport(s.revocations)
		r.Revocations = list
		found = append(found, problems...)
	}
	for _, ref := range r.Refusals {
		if reason := verifier.Reason(ref.Reason); slices.Contains(ownFaults, reason) && now.Sub(ref.Last) < lately {
			found = append(found, Problem{Failing, ref.Reason,
				fmt.Sprintf("%s refused for it in the last hour, the last one %s", calls(ref.Hour), ago(now.Sub(ref.Last))), hints.Usual(reason)})
		}
	}
	if p, ok := s.undeclared(); ok {
		found = append(found, p)
	}
	slices.SortStableFunc(found, func(a, b Problem) int { return a.State.rank() - b.State.rank() })
	r.State, r.Verdict = verdict(found, len(states))
	if more := len(found) - maxProblems; more > 0 {
		found = append(found[:maxProblems], Problem{Degraded, "more", fmt.Sprintf("and %d more problems", more), ""})
	}
	r.Problems = append(r.Problems, found...)
}

func (s State) rank() int { return slices.Index([]State{Failing, Degraded, Well}, s) }

// verdict says in one sentence how things are. The worst problem comes first.
func verdict(found []Problem, issuers int) (State, string) {
	if len(found) == 0 {
		return Well, fmt.Sprintf("All is well: the keys of %s are fresh.", counted(uint64(issuers), "issuer"))
	}
	worst := found[0]
	text := map[State]string{
		Failing:  "Calls are refused that should not be",
		Degraded: "It works, and something needs attention",
	}[worst.State]
	if more := len(found) - 1; more > 0 {
		return worst.State, fmt.Sprintf("%s: %s and %s.", text, worst.Subject, counted(uint64(more), "more problem"))
	}
	return worst.State, text + ": " + worst.Subject + "."
}

func issuerProblems(st *verifier.IssuerStatus, now time.Time) (found []Problem) {
	add := func(state State, text, fix string) {
		if st.Optional && state == Failing {
			state = Degraded
		}
		subject := "the keys of "
		if st.Introspects {
			subject = "the introspection of tokens of "
		}
		found = append(found, Problem{state, subject + plain(st.Issuer, maxText), text, fix})
	}
	lastError, fix := "", ""
	if st.LastError != nil {
		lastError, fix = ": "+errorText(st.LastError.Error), hintOf(st)
	}
	switch {
	case st.Introspects && st.State == verifier.KeysCold:
		add(Failing, "no question was ever answered well, and every token of this issuer is refused as introspection_unavailable"+lastError, fix)
	case st.Introspects && st.State == verifier.KeysStale:
		add(Degraded, "the last question failed, the last good answer came "+ago(now.Sub(st.Confirmed))+lastError, fix)
	case st.Introspects && st.State == verifier.KeysFresh: // no keys, and no problem
	case st.State == verifier.KeysCold && st.LastError == nil:
		add(Degraded, "they are being fetched for the first time", "")
	case st.State == verifier.KeysCold:
		add(Failing, "they were never fetched, and every token of this issuer is refused as keys_unavailable"+lastError, fix)
	case st.State == verifier.KeysExpired:
		add(Failing, "they are too old, last confirmed "+ago(now.Sub(st.Confirmed))+", and every token of this issuer is refused"+lastError, fix)
	case st.State == verifier.KeysClosed:
		add(Failing, "the Verifier is closed", hints.Usual(verifier.Closed))
	case st.State == verifier.KeysStale:
		add(Degraded, "the last good ones are in use, confirmed "+ago(now.Sub(st.Confirmed))+lastError, fix)
	case len(st.Keys) == 0:
		add(Failing, "the key set was fetched, and none of its keys can be used", "see the problems of its keys")
	}
	for _, p := range st.Problems {
		if p.Compromised {
			add(Degraded, "the authority has published the secret part of the key "+plain(p.KeyID, maxID)+", and it is no longer used",
				"have the authority replace the key now: everybody who saw it can sign tokens")
		}
	}
	return found
}

// undeclared returns the problem of operations that every client is refused.
func (s *status) undeclared() (Problem, bool) {
	n := 0
	for n < len(s.operations) && s.operations[n].Refused { // they come first
		n++
	}
	if n == 0 {
		return Problem{}, false
	}
	text := s.operations[0].Name
	if n > 1 {
		text += fmt.Sprintf(" and %d more", n-1)
	}
	return Problem{Degraded, "the policy", text + ": no requirement is declared, so every client is refused",
		hints.Usual(verifier.NoRequirement)}, true
}
