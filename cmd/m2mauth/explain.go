package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// patience bounds the whole command: a fetch of the keys takes 5 s at most, and
// there may be two.
const patience = 20 * time.Second

// subject is a token, what judges it, and what came of that.
type subject struct {
	issuer verifier.Issuer
	leeway time.Duration
	now    time.Time
	need   scopes.Requirement
	length int // of the token
	dots   int // in it

	decision verifier.Decision
	refusal  *verifier.Error // nil if it was let in
	keys     []verifier.KeyStatus
	problems []verifier.KeyProblem
	shown    shown
}

// explain judges the token and writes the report. An error is a mistake in the
// flags: nothing was judged.
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
		Observe:       func(_ context.Context, d verifier.Decision) { s.decision = d },
		Now:           now,
	}
	if leeway == 0 {
		cfg.Leeway = -1 // which is none: zero is the default
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
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.judge(ctx, v, token)
	if err := o.write(stdout, s.report()); err != nil {
		return 0, err
	}
	switch {
	case s.refusal == nil:
		return exitLetIn, nil
	case s.refusal.Code == verifier.Unavailable:
		return exitUnknown, nil
	default:
		return exitRefused, nil
	}
}

// judge asks the verifier, as a guarded service would.
func (s *subject) judge(ctx context.Context, v *verifier.Verifier, token string) {
	s.length, s.dots = len(token), strings.Count(token, ".")
	err := s.authorize(ctx, v, token)
	if e := s.refusal; e != nil && e.Reason == verifier.KeysUnavailable {
		// A service that has run for a while has keys. This one waits for them
		// first; why it gets none is in the refusal.
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

// failed is the check that was not passed; checkEnd if they all were.
func (s *subject) failed() (c check, known bool) {
	if s.refusal == nil {
		return checkEnd, true
	}
	return failedAt(s.refusal, s.decision)
}

// The states of a check.
const (
	passed     = "passed"
	failed     = "failed"
	unknown    = "unknown" // it could not be made
	notReached = "not_reached"
)

// row is what is told about one check.
type row struct {
	check       check
	state       string
	found, want string
	cause, hint string
	reason      verifier.Reason
}

// report is what is told about a token.
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
