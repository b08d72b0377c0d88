package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/verifier"
)

func (o *options) write(w io.Writer, r report) error {
	if o.json {
		return r.writeJSON(w)
	}
	_, err := io.WriteString(w, r.text())
	return err
}

const (
	width  = 80
	indent = 14
)

// text returns the report for people, at most 80 columns wide.
func (r report) text() string {
	var b strings.Builder
	for _, row := range r.rows {
		mark := map[string]string{passed: "✓", failed: "✗", unknown: "?", notReached: "–"}[row.state]
		head := fmt.Sprintf("%s %-12s", mark, row.check)
		if row.state == notReached {
			b.WriteString(strings.TrimRight(head, " ") + "\n")
			continue
		}
		wrap(&b, head, "found "+row.found)
		wrap(&b, "", "want  "+row.want)
		if row.cause != "" {
			wrap(&b, "", "why   "+oneLine(row.cause))
		}
		if row.hint != "" {
			wrap(&b, "", "hint  "+oneLine(row.hint))
		}
	}
	b.WriteString("\n")
	wrap(&b, r.verdict()+":", r.summary())
	return b.String()
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

// wrap writes head and text. It breaks lines at spaces, and within words that are
// longer than a line.
func wrap(b *strings.Builder, head, text string) {
	line := head
	if pad := indent - utf8.RuneCountInString(head); pad > 0 {
		line += strings.Repeat(" ", pad)
	} else {
		line += " "
	}
	column := utf8.RuneCountInString(line)
	start := true // of a line
	flush := func() {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		line, column, start = strings.Repeat(" ", indent+6), indent+6, true
	}
	for word := range strings.SplitSeq(text, " ") {
		if n := utf8.RuneCountInString(word); !start && column+1+n > width {
			flush()
		}
		if !start {
			line, column = line+" ", column+1
		}
		for _, c := range word {
			if column == width {
				flush()
			}
			line, column, start = line+string(c), column+1, false
		}
		start = false
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
