package main

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/screen"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/verifier"
)

func (o *options) write(w io.Writer, r report) error {
	if o.json {
		return r.writeJSON(w)
	}
	_, err := io.WriteString(w, r.text(page{width: screen.Width(w), colour: screen.Colour(w)}, o.verbose))
	return err
}

const indent = 14

// page is how text for people is laid out.
type page struct {
	width   int // columns
	colour  bool
	hanging int // how much further the second line of a text begins
}

// text returns the report for people: the verdict with its cause and a hint, and
// every check if verbose.
func (r report) text(p page, verbose bool) string {
	var b strings.Builder
	p.wrap(&b, p.paint(r.verdict()+":"), r.summary())
	for _, row := range r.rows {
		// A cause that repeats what was found and wanted is not in the row: those texts
		// hide secrets in a wrong flag.
		cause := row.cause
		if cause == "" && row.found != "" {
			cause = "found " + row.found + ", want " + row.want
		}
		if row.state != passed && row.state != notReached && cause != "" {
			p.wrap(&b, "cause:", oneLine(cause))
		}
		if row.hint != "" {
			p.wrap(&b, "hint:", oneLine(row.hint))
		}
	}
	if !verbose {
		return b.String()
	}
	b.WriteString("\n")
	for _, row := range r.rows {
		mark := map[string]string{passed: "✓", failed: "✗", unknown: "?", notReached: "–"}[row.state]
		head := fmt.Sprintf("%s %-12s", mark, row.check)
		if row.state == notReached {
			b.WriteString(strings.TrimRight(head, " ") + "\n")
			continue
		}
		facts := p
		facts.hanging = len("found ")
		facts.wrap(&b, head, "found "+row.found)
		facts.wrap(&b, "", "want  "+row.want)
	}
	return b.String()
}

// paint colours the verdict, if the terminal shows colours.
func (p page) paint(verdict string) string {
	if !p.colour {
		return verdict
	}
	number := map[string]string{"accepted:": "32", "refused:": "31"}[verdict]
	if number == "" {
		number = "33"
	}
	return "\x1b[1;" + number + "m" + verdict + "\x1b[0m"
}

func (r report) verdict() string {
	switch e := r.subject.refusal; {
	case e == nil:
		return "accepted"
	case e.Code == verifier.Unavailable:
		return "unknown"
	default:
		return "refused"
	}
}

func (r report) summary() string {
	if e := r.subject.refusal; e != nil {
		return fmt.Sprintf("%s, %s", plain(string(e.Reason)), e.Code)
	}
	c := r.subject.decision.Client
	return "client " + quote(c.ID) + " of " + quote(redact.Text(c.Issuer))
}

func oneLine(text string) string { return plain(redact.Tokens(strings.ReplaceAll(text, "\n", "; "))) }

// escape matches what colours text.
var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

// wrap writes head and text. It breaks lines at spaces alone: an ID or a URL stays
// whole, so that it can be copied.
func (p page) wrap(b *strings.Builder, head, text string) {
	line, head := head, escape.ReplaceAllString(head, "")
	if pad := indent - utf8.RuneCountInString(head); pad > 0 {
		line += strings.Repeat(" ", pad)
	} else {
		line += " "
	}
	column := max(indent, utf8.RuneCountInString(head)+1)
	start := true // of a line
	flush := func() {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		line, column, start = strings.Repeat(" ", indent+p.hanging), indent+p.hanging, true
	}
	for word := range strings.SplitSeq(text, " ") {
		if n := utf8.RuneCountInString(word); !start && column+1+n > p.width {
			flush()
		}
		if !start {
			line, column = line+" ", column+1
		}
		line, column, start = line+word, column+utf8.RuneCountInString(word), false
	}
	flush()
}

// jsonReport is the report for machines. Texts of the token are quoted, as in the
// other report.
type jsonReport struct {
	Verdict string      `json:"verdict"` // accepted, refused or unknown
	Code    string      `json:"code,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	Client  *jsonClient `json:"client,omitempty"`
	Checks  []jsonCheck `json:"checks"`
}

type jsonClient struct {
	ID     string `json:"id"`
	Issuer string `json:"issuer"`
}

type jsonCheck struct {
	Check  string `json:"check"`
	Result string `json:"result"` // passed, failed, unknown or not_reached
	Found  string `json:"found,omitempty"`
	Want   string `json:"want,omitempty"`
	Why    string `json:"why,omitempty"`
	Hint   string `json:"hint,omitempty"`
}

func (r report) writeJSON(w io.Writer) error {
	doc := jsonReport{Verdict: r.verdict()}
	if e := r.subject.refusal; e != nil {
		doc.Code, doc.Reason = e.Code.String(), plain(string(e.Reason))
	} else {
		c := r.subject.decision.Client
		doc.Client = &jsonClient{plain(redact.Tokens(c.ID)), plain(redact.Text(c.Issuer))}
	}
	for _, row := range r.rows {
		doc.Checks = append(doc.Checks, jsonCheck{
			Check:  strings.ReplaceAll(strings.ToLower(row.check.String()), " ", "_"),
			Result: row.state,
			Found:  row.found,
			Want:   row.want,
			Why:    oneLine(row.cause),
			Hint:   oneLine(row.hint),
		})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}
