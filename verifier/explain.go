package verifier

import (
	"context"
	"fmt"
	"strings"

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
}

// Explain returns what [Verifier.Authorize] would decide about the call now,
// without effects: it fetches no keys and waits for none, neither reads nor fills
// the memory of verified tokens, and is neither observed nor counted. It calls
// the callbacks of the configuration, Check included.
//
// The result can differ from Authorize only if a fetch of keys would have helped:
// Err then is KeysUnavailable. About an opaque token nobody is asked. Unless an answer
// is remembered, Err is IntrospectionUnavailable.
func (v *Verifier) Explain(ctx context.Context, r Request, need scopes.Requirement) Explanation {
	e := Explanation{Operation: visible(r.Operation), Need: need}
	if need.IsPublic() {
		return e
	}
	d := decision{dry: true, trace: &trace{}}
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
		fmt.Fprint(f, "\n", strings.TrimRight(fmt.Sprintf("%-11s  %-12s  %s", s.Outcome, s.Check, detail), " "))
	}
}

// String returns the verdict in one line: the client and its scopes, and the
// refusal if there is one.
func (e Explanation) String() string {
	text := "allowed"
	if e.Err != nil {
		text = "refused: " + e.Err.Error()
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
