// Package explain implements the command "m2mauth explain": it says why a service
// accepts or refuses a token. Package verifier decides; this package configures a
// Verifier by flags or a file, and shows its Explanation.
package explain

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/verifier"
)

// Exit statuses.
const (
	exitAccepted = 0
	exitRefused  = 1
	exitUsage    = 2
	exitUnknown  = 3
)

// timeout bounds the whole command: a fetch of the keys takes 30 s at most.
const timeout = 40 * time.Second

// Run runs the command with the arguments after its name, and returns the exit
// status.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		return operate.Refuse(stderr, "explain", usage, err)
	}
	v, err := o.verifier()
	if err != nil {
		return operate.Refuse(stderr, "explain", usage, safeError(err))
	}
	defer v.Close()
	token, err := o.readToken(stdin)
	if err != nil {
		return operate.Refuse(stderr, "explain", usage, err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	s := o.ask(ctx, v, token)
	if err := s.write(stdout, o); err != nil {
		operate.Complain(stderr, "explain", errors.New("the report can't be written to standard output"))
		return exitUsage
	}
	return s.status()
}

// subject is an explained token.
type subject struct {
	verifier.Explanation
	token    string
	hasKeys  bool // that can be used
	problems []verifier.KeyProblem
}

// ask explains the token as a service that has run for a while would: it waits for
// the keys if they are needed. If the fetch fails, the refusal says why.
func (o *options) ask(ctx context.Context, v *verifier.Verifier, token string) *subject {
	s := &subject{token: token}
	r := verifier.Request{Authorization: []string{"Bearer " + token}}
	s.Explanation = v.Explain(ctx, r, o.need, nil)
	if s.reason() == verifier.KeysUnavailable {
		_ = v.Refresh(ctx)
		s.Explanation = v.Explain(ctx, r, o.need, nil)
	}
	for _, st := range v.Status() {
		s.hasKeys, s.problems = len(st.Keys) > 0, st.Problems
	}
	return s
}

// refusal returns the refusal, or nil.
func (s *subject) refusal() *verifier.Error {
	if s.Err == nil {
		return nil
	}
	return verifier.AsError(s.Err)
}

// reason returns the Reason of the refusal, or "".
func (s *subject) reason() verifier.Reason {
	if e := s.refusal(); e != nil {
		return e.Reason
	}
	return ""
}

// The verdicts.
const (
	accepted = "accepted"
	refused  = "refused"
	unknown  = "unknown" // it could not be decided
)

func (s *subject) verdict() string {
	switch e := s.refusal(); {
	case e == nil:
		return accepted
	case e.Code == verifier.Unavailable:
		return unknown
	}
	return refused
}

// status returns the exit status.
func (s *subject) status() int {
	switch s.verdict() {
	case accepted:
		return exitAccepted
	case refused:
		return exitRefused
	}
	return exitUnknown
}

// verifier returns a Verifier that is configured by the flags.
func (o *options) verifier() (*verifier.Verifier, error) {
	issuer, mistakes := o.trusted()
	v, err := verifier.New(verifier.Config{
		Issuers:   []verifier.Issuer{issuer},
		Leeway:    o.leeway,
		CacheSize: -1,
		Now:       o.clock,
	})
	switch {
	case mistakes == nil && err == nil:
		return v, nil
	case mistakes == nil:
		return nil, err
	}
	if err == nil {
		v.Close()
	}
	if incomplete := errors.Is(mistakes, errNoIssuer); incomplete {
		return nil, mistakes // what New says of the empty Issuer would not help
	}
	return nil, errors.Join(mistakes, err)
}

// safeError returns err, of which no line shows more of a configured value than may be
// shown.
func safeError(err error) error {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = tidy(line)
	}
	return errors.New(strings.Join(lines, "\n"))
}
