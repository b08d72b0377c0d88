package attack

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// outcome describes how a call ended.
type outcome struct {
	text       string // for the table: "200", "Unauthenticated"
	ok         bool   // a plain success
	refused    bool   // the status of a refused credential
	broken     bool   // the server failed, or has nothing of that name
	crashed    bool   // the handler panicked
	unsent     bool   // the request can't be written
	body       string // of an HTTP response
	statusCode int
}

// welcome reports whether a good token was accepted.
func (o outcome) welcome() bool { return !o.refused && !o.broken && !o.crashed }

// letIn reports whether a hostile call got what the control got, or a success.
func (o outcome) letIn(control outcome) bool {
	return o.crashed || !o.refused && (o.ok || o.text == control.text)
}

// report collects the outcomes of each attack, in the order of first use.
type report struct {
	skip func(attack string) bool // may be nil
	rows []*row
}

// The first rows of the table: the others depend on them.
const (
	controlBefore = "a good token"
	controlAfter  = "a good token, after the attack"
)

func newReport(skip func(string) bool) *report {
	r := &report{skip: skip}
	r.row(controlBefore, "accepted")
	r.row(controlAfter, "accepted")
	return r
}

type row struct {
	attack, expected string
	right            int // as expected
	skipped          bool
	wrong            []string
}

func (r *report) row(attack, expected string) *row {
	for _, have := range r.rows {
		if have.attack == attack {
			return have
		}
	}
	added := &row{attack: attack, expected: expected}
	r.rows = append(r.rows, added)
	return added
}

// skips reports whether to leave out an attack, and records that.
func (r *report) skips(attack string) bool {
	if r.skip == nil || !r.skip(attack) {
		return false
	}
	r.row(attack, "refused").skipped = true
	return true
}

// control records a call that must be accepted.
func (r *report) control(name, operation string, got outcome) {
	r.judge(r.row(name, "accepted"), operation, got, got.welcome())
}

// add records a call that must be refused.
func (r *report) add(attack, operation string, got, control outcome) {
	r.judge(r.row(attack, "refused"), operation, got, !got.letIn(control))
}

func (r *report) judge(to *row, operation string, got outcome, right bool) {
	if right {
		to.right++
		return
	}
	to.wrong = append(to.wrong, shown(operation)+": "+got.text)
}

// problems returns one text for each row that is not as expected.
func (r *report) problems() []string {
	var list []string
	for _, row := range r.rows {
		switch {
		case row.skipped || len(row.wrong) == 0:
		case row.expected == "refused":
			list = append(list, "ACCEPTED: "+row.attack+": "+strings.Join(row.wrong, "; "))
		default:
			list = append(list, row.attack+" is not accepted, so the refusals there prove nothing: "+strings.Join(row.wrong, "; "))
		}
	}
	return list
}

func (r *report) table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "attack\texpected\tgot")
	for _, row := range r.rows {
		fmt.Fprintf(w, "%s\t%s\t%s\n", row.attack, row.expected, row.got())
	}
	w.Flush() // a strings.Builder never fails
	return b.String()
}

func (r *row) got() string {
	asExpected := fmt.Sprintf("%s, %d of %d", r.expected, r.right, r.right+len(r.wrong))
	switch {
	case r.skipped:
		return "skipped"
	case len(r.wrong) == 0:
		return asExpected
	case r.expected == "refused":
		return "ACCEPTED: " + strings.Join(r.wrong, "; ")
	default:
		return "REFUSED: " + strings.Join(r.wrong, "; ")
	}
}

// shown returns text with control characters escaped.
func shown(text string) string {
	if strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return strconv.Quote(text)
	}
	return text
}
