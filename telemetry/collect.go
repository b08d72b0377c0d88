package telemetry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/hints"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Bounds of the lists in a Report.
const (
	maxIssuers    = 1000
	maxKeys       = 32 // of an issuer, and as many problems
	maxOperations = 5000
	maxProblems   = 20
)

// report returns the state of everything at now.
func (s *status) report(now time.Time) *Report {
	r := &Report{
		Version:          ReportVersion,
		Service:          s.service,
		At:               now.UTC(),
		Since:            s.since.UTC(),
		Problems:         []Problem{},
		Decisions:        []Decisions{},
		Minutes:          []Minute{},
		Refusals:         []Refusals{},
		Operations:       s.operations[:min(len(s.operations), maxOperations)],
		OperationsTotal:  len(s.operations),
		OperationsDigest: s.digest,
	}
	allowed, refused := s.count(r)
	states := s.verifier.Status()
	r.IssuersTotal = len(states)
	r.Issuers = make([]IssuerReport, 0, min(len(states), maxIssuers))
	for _, st := range states[:min(len(states), maxIssuers)] {
		entry := issuerReport(&st, now)
		entry.Allowed, entry.Refused = allowed[st.Issuer], refused[st.Issuer]
		r.Issuers = append(r.Issuers, entry)
	}
	if s.recent != nil {
		r.Minutes = s.recent.Minutes()
		r.Refusals = s.recent.Refusals()
		r.RefusalsTotal = len(r.Refusals)
	}
	s.judge(r, states, now)
	return r
}

// count fills r.Decisions, and returns the totals by issuer.
func (s *status) count(r *Report) (allowed, refused map[string]uint64) {
	allowed, refused = make(map[string]uint64), make(map[string]uint64)
	all := make(map[verifier.Count]uint64)
	for c, n := range s.verifier.Counts() {
		if c.Reason == "" && c.Outcome == "allowed" {
			allowed[c.Issuer] += n
		} else {
			refused[c.Issuer] += n
		}
		c.Issuer = ""
		all[c] += n
	}
	for c, n := range all {
		r.Decisions = append(r.Decisions, Decisions{Outcome: c.Outcome, Reason: string(c.Reason), Remembered: c.Remembered, Count: n})
	}
	slices.SortFunc(r.Decisions, func(a, b Decisions) int {
		text := func(d Decisions) string { return fmt.Sprint(d.Outcome, " ", d.Reason, " ", d.Remembered) }
		return strings.Compare(text(a), text(b))
	})
	return allowed, refused
}

// hintOf returns the usual fix of the last error.
func hintOf(st *verifier.IssuerStatus) string {
	if st.Introspects {
		return hints.Usual(verifier.IntrospectionUnavailable)
	}
	return errorText(func() string { return hints.Fetch(st.LastError) })
}

func issuerReport(st *verifier.IssuerStatus, now time.Time) IssuerReport {
	r := IssuerReport{
		Issuer:      plain(st.Issuer, maxText),
		JWKSURL:     plain(st.JWKSURL, maxText),
		Introspects: st.Introspects,
		Optional:    st.Optional,
		State:       string(st.State),
		Confirmed:   st.Confirmed.UTC(),
		NextAttempt: st.NextAttempt.UTC(),
		Fetches:     st.Fetches,
		UnknownKeys: st.UnknownKeys,
		KeysTotal:   len(st.Keys),
		Keys:        []Key{},
		Problems:    []KeyProblem{},
	}
	if !st.Confirmed.IsZero() {
		r.Age = max(0, now.Sub(st.Confirmed).Seconds())
	}
	if st.LastError != nil {
		r.LastError = errorText(st.LastError.Error)
		r.Hint = hintOf(st)
	}
	for _, k := range st.Keys[:min(len(st.Keys), maxKeys)] {
		r.Keys = append(r.Keys, Key{ID: plain(k.ID, maxID), Algorithm: plain(k.Algorithm, maxID), Thumbprint: k.Thumbprint})
	}
	for _, p := range st.Problems[:min(len(st.Problems), maxKeys)] {
		r.Problems = append(r.Problems, KeyProblem{KeyID: plain(p.KeyID, maxID), Text: plain(p.Text, maxText), Compromised: p.Compromised})
	}
	return r
}

// addOperations reads the operations of one guard.
func (s *status) addOperations(list iter.Seq2[string, scopes.Requirement]) {
	for name, need := range list {
		s.operations = append(s.operations, Operation{
			Name:        plain(name, maxText),
			Requirement: plain(need.String(), maxText),
			Refused:     need.IsZero(),
			Public:      need.IsPublic(),
		})
	}
}

// finishOperations lists the operations that nobody may call first, and sets the
// digest.
func (s *status) finishOperations() {
	if len(s.operations) == 0 {
		s.operations = []Operation{}
		return
	}
	lines := make([]string, len(s.operations))
	for i, op := range s.operations {
		lines[i] = op.Name + "\x00" + op.Requirement + "\n"
	}
	slices.Sort(lines)
	digest := sha256.Sum256([]byte(strings.Join(lines, "")))
	s.digest = hex.EncodeToString(digest[:8])
	slices.SortStableFunc(s.operations, func(a, b Operation) int {
		switch {
		case a.Refused == b.Refused:
			return 0
		case a.Refused:
			return -1
		default:
			return 1
		}
	})
}
