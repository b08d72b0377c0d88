package mcptest

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/m2mauth/m2mauth/scopes"
)

// Client is one column of a [Matrix].
type Client struct {
	Name   string
	Scopes []string
}

// Matrix calls every tool, prompt and resource of target as each client, and returns a
// table of who may call what. Keep it in a file beside the code and compare it in a test,
// so that reviewers see each change of policy:
//
//	got := mcptest.Matrix(t, target, mcptest.Client{Name: "reader", Scopes: []string{"files:read"}})
//
// It reports through t each call whose outcome differs from the requirement, and each
// list that shows anything else than what the client may call.
func Matrix(t T, target Target, clients ...Client) string {
	t.Helper()
	if problem := target.problem(); problem != "" {
		t.Errorf("mcptest: Matrix: %s", problem)
		return ""
	}
	all := target.inventory()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "operation")
	for _, c := range clients {
		fmt.Fprintf(w, "\t%s", c.Name)
	}
	fmt.Fprintln(w)
	columns := make([]map[string]string, len(clients))
	for i, c := range clients {
		columns[i] = target.column(t, c, all)
	}
	for _, o := range all {
		fmt.Fprint(w, o.name)
		for i := range clients {
			fmt.Fprintf(w, "\t%s", columns[i][o.name])
		}
		fmt.Fprintln(w)
	}
	w.Flush() // a strings.Builder never fails
	return b.String()
}

// problem returns what is missing in a Target, or "".
func (t *Target) problem() string {
	switch {
	case t.Authority == nil:
		return "the Target has no Authority"
	case t.Handler == nil:
		return "the Target has no Handler"
	case t.Operations == nil:
		return "the Target has no Operations"
	}
	return ""
}

// column calls everything as one client.
func (t *Target) column(report T, c Client, all []operation) map[string]string {
	report.Helper()
	token := t.token(c.Scopes...)
	session := t.open(token)
	var shown []string
	for _, kind := range kinds {
		for _, item := range t.listed(kind.list, kind.member, kind.name, token, session) {
			shown = append(shown, kind.prefix+item)
		}
	}
	cells := make(map[string]string)
	for _, o := range all {
		may := o.need.MetBy(scopes.Of(c.Scopes...))
		got := t.post(token, session, message(o.method, o.params))
		cells[o.name] = "-"
		if got.accepted() {
			cells[o.name] = "yes"
		}
		if got.accepted() != may {
			report.Errorf("mcptest: Matrix: %s calls %s: %s, but the requirement is %v", c.Name, o.name, got.text, o.need)
		}
		if listed := slices.Contains(shown, o.name); listed && !may {
			report.Errorf("mcptest: Matrix: the list of %s shows %s, but the requirement is %v", c.Name, o.name, o.need)
		}
	}
	return cells
}
