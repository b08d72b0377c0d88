package mcptest

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// report collects how often each attack was refused, in the order of first use.
type report struct {
	names    []string
	rows     map[string]*row
	problems []string
}

type row struct{ right, all int }

func newReport() *report { return &report{rows: make(map[string]*row)} }

// expect records a request that must be accepted, or refused.
func (r *report) expect(name, operation string, got outcome, accepted bool) {
	wrong := got.accepted() != accepted
	r.add(name, operation, got.text, wrong)
}

func (r *report) add(name, operation, got string, wrong bool) {
	at := r.rows[name]
	if at == nil {
		at = new(row)
		r.rows[name], r.names = at, append(r.names, name)
	}
	at.all++
	if !wrong {
		at.right++
		return
	}
	r.problems = append(r.problems, fmt.Sprintf("%s: %s: %s", name, operation, got))
}

func (r *report) table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "attack\tas expected")
	for _, name := range r.names {
		fmt.Fprintf(w, "%s\t%d of %d\n", name, r.rows[name].right, r.rows[name].all)
	}
	w.Flush() // a strings.Builder never fails
	return b.String()
}
