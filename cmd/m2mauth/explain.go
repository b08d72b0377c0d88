package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// timeout bounds the whole command: a fetch of the keys takes 5 s at most, and there
// may be two.
const timeout = 20 * time.Second

// subject holds a token's issuer and requirement, and the verifier's decision.
type subject struct {
	issuer verifier.Issuer
	leeway time.Duration
	now    time.Time
	need   scopes.Requirement
	length int // of the token
	dots   int // in it

	decision verifier.Decision
	refusal  *verifier.Error // nil if the token was accepted
	keys     []verifier.KeyStatus
	problems []verifier.KeyProblem
	shown    shown
}

// explain verifies the token, writes the report, and returns the exit status. It
// returns an error if a flag is wrong, or if token or report can't be read or
// written.
func (o *options) explain(ctx context.Context, stdin io.Reader, stdout io.Writer) (status int, err error) {
	s := &subject{}
	if s.issuer, err = o.trusted(); err != nil {
		return 0, err
	}
	if s.need, err = o.requirement(); err != nil {
		return 0, err
	}
	leeway, now, err := o.clock()
	if err != nil {
		return 0, err
	}
	s.leeway, s.now = leeway, now()
	cfg := verifier.Config{
		Issuers:       []verifier.Issuer{s.issuer},
		Leeway:        leeway,
		MaxTokenBytes: maxToken,
		CacheSize:     -1,
		Observe:       []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { s.decision = d }},
		Now:           now,
	}
	if leeway == 0 {
		cfg.Leeway = -1 // none; 0 would be the default
	}
	v, err := verifier.New(cfg)
	if err != nil {
		return 0, err
	}
	defer v.Close()
	token, err := o.readToken(stdin)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	s.decide(ctx, v, token)
	if err := o.write(stdout, s.report()); err != nil {
		return 0, err
	}
	switch {
	case s.refusal == nil:
		return exitAccepted, nil
	case s.refusal.Code == verifier.Unavailable:
		return exitUnknown, nil
	default:
		return exitRefused, nil
	}
}

// decide calls the verifier as a guarded service does.
func (s *subject) decide(ctx context.Context, v *verifier.Verifier, token string) {
	s.length, s.dots = len(token), strings.Count(token, ".")
	err := s.authorize(ctx, v, token)
	if e := s.refusal; e != nil && e.Reason == verifier.KeysUnavailable {
		// A service that has run for a while has keys, so wait for them first. If
		// the fetch fails, the refusal says why.
		_ = v.Refresh(ctx)
		err = s.authorize(ctx, v, token)
	}
	for _, st := range v.Status() {
		s.keys, s.problems = st.Keys, st.Problems
	}
	if failed, ok := s.failed(); err == nil || ok && failed > checkForm {
		s.shown = show(token)
	}
}

func (s *subject) authorize(ctx context.Context, v *verifier.Verifier, token string) error {
	s.refusal = nil
	_, err := v.Authorize(ctx, verifier.Request{
		Operation:     "explain",
		Authorization: []string{"Bearer " + token},
	}, s.need)
	if err != nil {
		s.refusal = verifier.AsError(err)
	}
	return err
}

// failed returns the check that was not passed, or checkEnd.
func (s *subject) failed() (c check, known bool) {
	if s.refusal == nil {
		return checkEnd, true
	}
	return failedAt(s.refusal, s.decision)
}

// States of a check.
const (
	passed     = "passed"
	failed     = "failed"
	unknown    = "unknown" // it could not be made
	notReached = "not_reached"
)

// row is one check of the report.
type row struct {
	check       check
	state       string
	found, want string
	cause, hint string
	reason      verifier.Reason
}

// report holds the checks of a token, in order.
type report struct {
	subject *subject
	rows    []row
}

func (s *subject) report() report {
	r := report{subject: s}
	at, known := s.failed()
	for c := range checkEnd {
		row := row{check: c, state: notReached}
		if known && c <= at {
			row.state = passed
			row.found, row.want = s.facts(c)
		}
		if known && c == at {
			row.state, row.reason = failed, s.refusal.Reason
			if s.refusal.Code == verifier.Unavailable {
				row.state = unknown
			}
			if s.refusal.Err != nil && !c.saysAll() {
				row.cause = s.refusal.Err.Error()
				if c == checkScopes {
					row.cause = requirement(row.cause)
				}
			}
			row.hint = s.hint(c)
		}
		r.rows = append(r.rows, row)
	}
	return r
}
