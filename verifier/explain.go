package verifier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/scopes"
)

// Explanation describes how a Verifier would decide a call. It holds no token.
type Explanation struct {
	Operation string             // of the Request
	Issuer    string             // the configured Name; "" before one is known
	Client    Client             // zero unless the token was verified
	Need      scopes.Requirement // the requirement
	Err       error              // the *Error of a refusal; nil if the call is allowed
	Steps     []Step             // every check, in order; none for scopes.Public

	unchecked bool // Config.Check was not called, and would have been
}

// ExplainOptions configures Explain. The zero value calls no more than Authorize needs
// to read the token.
type ExplainOptions struct {
	// CallCheck calls Config.Check. It is a choice of the caller's, because Check is
	// the callback that may have effects, such as to count against a quota, or take
	// long. Without it, the Explanation says what all other checks decide, and its
	// text says so.
	CallCheck bool
}

// Explain returns what [Verifier.Authorize] would decide about the call now,
// without effects: it fetches no keys and waits for none, asks no authority about a
// token, uses up no proof, does not fill the memory of verified tokens, and is neither
// observed nor counted. It applies the configuration of v: Accept, ScopesFrom,
// PeerCertificatesFrom, the revocations, and Check if opts says so. opts may be nil.
//
// The result differs from that of Authorize in three cases:
//   - A fetch of keys would have helped: Err is KeysUnavailable.
//   - The authority would be asked about the token, and no answer is remembered: Err
//     is IntrospectionUnavailable.
//   - A proof of possession was used before, or that is unknown: Explain does not look.
func (v *Verifier) Explain(ctx context.Context, r Request, need scopes.Requirement, opts *ExplainOptions) Explanation {
	e := Explanation{Operation: visible(r.Operation), Need: need}
	if need.IsPublic() {
		return e
	}
	d := decision{dry: true, trace: &trace{}, withoutCheck: opts == nil || !opts.CallCheck}
	v.decideToken(orBackground(ctx), &r, nil, need, &d)
	v.describe(&d, &r, need)
	if d.err != nil {
		e.Err = d.err
	}
	if d.issuer != nil {
		e.Issuer = d.issuer.Name
	}
	if d.token != nil {
		e.Client = d.token.client
	}
	e.Steps = v.steps(&d)
	e.unchecked = d.err == nil && d.withoutCheck && v.cfg.Check != nil
	return e
}

// Format implements fmt.Formatter: %+v prints String and then a line for each check,
// every other verb String alone.
func (e Explanation) Format(f fmt.State, verb rune) {
	fmt.Fprint(f, e.String())
	if verb != 'v' || !f.Flag('+') {
		return
	}
	for _, s := range e.Steps {
		detail := s.Detail
		if detail == "" {
			detail = string(s.Reason)
		}
		fmt.Fprint(f, "\n", strings.TrimRight(fmt.Sprintf("%-7s  %-12s  %s", s.Outcome, s.Check, detail), " "))
	}
}

// String returns the verdict in one line: the client and its scopes, and the
// refusal if there is one.
func (e Explanation) String() string {
	text := "allowed"
	switch {
	case e.Err != nil:
		text = "refused: " + e.Err.Error()
	case e.unchecked:
		text = "allowed, if Config.Check allows it"
	}
	if e.Operation != "" {
		text = e.Operation + ": " + text
	}
	text += "; requires " + e.Need.String()
	switch {
	case e.Client.ID != "":
		text += "; " + e.Client.String() + " is granted " + grantedText(e.Client.Scopes)
	case e.Issuer != "":
		text += "; issuer " + excerpt(e.Issuer)
	}
	return text
}

// recall returns what is remembered of an answer about a token, and records in d how
// far its token came. The authority is not asked.
func (o *opaque) recall(raw string, d *decision) (*token, *Error) {
	d.trace.claims = nil // of a JWT: those of the answer count
	if t := o.current(raw, time.Now()); t != nil {
		d.read(jose.Header{}, t.members)
		d.trace.token = t
		return t, nil
	}
	verdict, err, ok := o.asker.Remembered(raw)
	switch {
	case !ok:
		return nil, refuseWith(Unavailable, IntrospectionUnavailable, errNotAsked)
	case err != nil:
		return nil, introspectionError(err)
	}
	d.reach(verdict.at)
	return nil, verdict.refusal()
}

var errNotAsked = errors.New("the authority was not asked about the token, and no answer is remembered")
