package m2mtest

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// outcome is how a call ended.
type outcome struct {
	text       string // for the table: "200", "Unauthenticated"
	ok         bool   // a plain success
	refused    bool   // the transport's way to say that a credential won't do
	broken     bool   // the server failed, or has nothing of that name
	crashed    bool   // the handler panicked
	body       string // of an HTTP answer
	statusCode int
}

// welcome reports whether a good token was let in.
func (o outcome) welcome() bool { return !o.refused && !o.broken && !o.crashed }

// letIn reports whether a hostile call got where the control got.
func (o outcome) letIn(control outcome) bool {
	return o.crashed || !o.refused && (o.ok || o.text == control.text)
}

// report collects what became of each attack, in the order of their first use.
type report struct {
	skip func(attack string) bool // may be nil
	rows []*row
}

// The rows that the rest depends on, first in the table.
const (
	controlBefore = "a good token"
	controlAfter  = "a good token, after the attack"
)

func newReport(skip func(string) bool) *report {
	r := &report{skip: skip}
	r.row(controlBefore, "let in")
	r.row(controlAfter, "let in")
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

// skips reports whether an attack is left out, and notes it.
func (r *report) skips(attack string) bool {
	if r.skip == nil || !r.skip(attack) {
		return false
	}
	r.row(attack, "refused").skipped = true
	return true
}

// control notes a call that must be let in.
func (r *report) control(name, operation string, got outcome) {
	r.judge(r.row(name, "let in"), operation, got, got.welcome())
}

// add notes a call that must be refused.
func (r *report) add(attack, operation string, got, control outcome) {
	r.judge(r.row(attack, "refused"), operation, got, !got.letIn(control))
}

func (r *report) judge(to *row, operation string, got outcome, right bool) {
	if right {
		to.right++
		return
	}
	to.wrong = append(to.wrong, printable(operation)+": "+got.text)
}

// problems are the rows that are not as expected, one text each.
func (r *report) problems() []string {
	var list []string
	for _, row := range r.rows {
		switch {
		case row.skipped || len(row.wrong) == 0:
		case row.expected == "refused":
			list = append(list, "LET IN: "+row.attack+": "+strings.Join(row.wrong, "; "))
		default:
			list = append(list, row.attack+" is not let in, so the refusals there prove nothing: "+strings.Join(row.wrong, "; "))
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
		return "LET IN: " + strings.Join(r.wrong, "; ")
	default:
		return "REFUSED: " + strings.Join(r.wrong, "; ")
	}
}
