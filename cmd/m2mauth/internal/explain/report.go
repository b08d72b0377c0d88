package explain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/screen"
	"github.com/m2mauth/m2mauth/internal/hints"
	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/verifier"
)

// write writes the report.
func (s *subject) write(w io.Writer, o *options) error {
	if o.json {
		return s.writeJSON(w)
	}
	_, err := io.WriteString(w, s.text(page{width: screen.Width(w), colour: screen.Colour(w)}, o.verbose))
	return err
}

// briefly is how many lines verdict, cause and hint have at most, unless the terminal
// is narrower than 80 columns.
const briefly = 6

// text returns the report for people: the verdict with its cause and a hint, and
// every check if verbose. A cause that is too long is cut: the check has all of it.
func (s *subject) text(p page, verbose bool) string {
	var b strings.Builder
	p.indent = beside
	p.write(&b, p.paint(s.verdict()), p.fold(s.summary()))
	hint := p.fold(s.hint())
	cause := p.fold(s.briefCause())
	if most := max(2, briefly-1-p.rows(hint)); p.rows(cause) > most {
		more := "... (-v shows all)"
		if verbose {
			more = "..."
		}
		cause = p.cut(cause, most, more)
	}
	p.write(&b, "cause:", cause)
	p.write(&b, "hint:", hint)
	if !verbose {
		return b.String()
	}
	b.WriteString("\n")
	p.indent = listed
	for _, step := range s.Steps {
		head := fmt.Sprintf("%s %s", s.mark(step), step.Check)
		if detail := s.detail(step); detail != "" {
			p.write(&b, head, p.fold(detail))
		} else {
			b.WriteString(head + "\n")
		}
	}
	return b.String()
}

// mark returns the mark of a check.
func (s *subject) mark(step verifier.Step) string {
	switch {
	case step.Outcome == verifier.Passed:
		return "✓"
	case step.Outcome == verifier.Skipped:
		return "–"
	case s.verdict() == unknown:
		return "?"
	}
	return "✗"
}

// detail returns what a check has found.
func (s *subject) detail(step verifier.Step) string {
	if step.Outcome == verifier.Failed {
		return s.cause()
	}
	return tidy(step.Detail)
}

// summary returns what follows the verdict.
func (s *subject) summary() string {
	if e := s.refusal(); e != nil {
		return tidy(fmt.Sprintf("%s, %s", e.Reason, e.Code))
	}
	granted := "no scopes"
	if s.Client.Scopes.Len() > 0 {
		granted = s.Client.Scopes.String()
	}
	return fmt.Sprintf("client %s of %s is granted %s", quote(redact.Tokens(s.Client.ID)), quote(redact.Text(s.Client.Issuer)), tidy(granted))
}

// cause returns what was found and what was expected, or "". It never repeats the
// Reason alone.
func (s *subject) cause() string {
	text := hints.Cause(s.Err)
	if e := s.refusal(); e == nil || text == string(e.Reason) {
		return ""
	}
	found, want := hints.Split(text)
	if want == "" {
		return tidy(found)
	}
	return tidy(found) + ", want " + tidy(configured(want))
}

// briefCause returns the cause without what is known of the keys, if the fetch that
// failed explains it.
func (s *subject) briefCause() string {
	if missing, ok := errors.AsType[*jwks.MissingError](s.Err); ok && missing.Err != nil {
		return tidy(missing.Err.Error())
	}
	return s.cause()
}

// jsonReport is the report for machines.
type jsonReport struct {
	Verdict string      `json:"verdict"` // accepted, refused or unknown
	Code    string      `json:"code,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	Cause   string      `json:"cause,omitempty"`
	Hint    string      `json:"hint,omitempty"`
	Client  *jsonClient `json:"client,omitempty"`
	Checks  []jsonCheck `json:"checks"`
}

type jsonClient struct {
	ID     string   `json:"id"`
	Issuer string   `json:"issuer"`
	Scopes []string `json:"scopes"`
}

type jsonCheck struct {
	Check  string `json:"check"`
	Result string `json:"result"` // passed, failed, unknown or skipped
	Detail string `json:"detail,omitempty"`
}

func (s *subject) writeJSON(w io.Writer) error {
	doc := jsonReport{Verdict: s.verdict(), Cause: s.cause(), Hint: s.hint()}
	if e := s.refusal(); e != nil {
		doc.Code, doc.Reason = e.Code.String(), tidy(string(e.Reason))
	} else {
		doc.Client = &jsonClient{plain(redact.Tokens(s.Client.ID)), tidy(redact.Text(s.Client.Issuer)), []string{}}
		for name := range s.Client.Scopes.All() {
			doc.Client.Scopes = append(doc.Client.Scopes, tidy(name))
		}
	}
	for _, step := range s.Steps {
		result := string(step.Outcome)
		if s.mark(step) == "?" {
			result = unknown
		}
		doc.Checks = append(doc.Checks, jsonCheck{
			Check:  strings.ReplaceAll(strings.ToLower(step.Check), " ", "_"),
			Result: result,
			Detail: s.detail(step),
		})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}
