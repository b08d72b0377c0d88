package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/benchmarks/internal/svg"
)

// document returns ATTACKS.md.
func document(all []*findings) string {
	var b strings.Builder
	b.WriteString("# What gets past\n\n<!-- Written by `go run ./attacks` in this folder: don't edit. -->\n\n![Accepted attacks](attacks.svg)\n\n")
	b.WriteString(`The attacks of package m2mtest/attack on one service with two operations, each of which requires a scope, behind
m2mauth and behind its peers. The authority's tokens are shaped like Stytch's and signed with RS256. The versions are those
of go.mod. Over gRPC there are fewer attacks: its clients can't send every value.

A **breach** lets a caller in who has no token for the operation. A **leniency** needs a token that the authority has made for the
caller, or would have to make: it matters where two programs, such as a proxy and a service, read the same call.

`)
	b.WriteString("| | attacks | breaches | leniencies | configured |\n|---|---:|---:|---:|---|\n")
	for _, f := range all {
		breaches, leniencies := f.counts()
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %s |\n", f.peer.name, f.attacks, breaches, leniencies, f.peer.how)
	}
	for _, part := range []struct {
		title  string
		breach bool
	}{{"Breaches", true}, {"Leniencies", false}} {
		fmt.Fprintf(&b, "\n## %s\n", part.title)
		for i := range classes {
			if c := &classes[i]; c.breach == part.breach {
				b.WriteString(c.table(all))
			}
		}
	}
	return b.String()
}

// table returns who accepts which attacks of c.
func (c *class) table(all []*findings) string {
	var names []string
	for _, f := range all {
		for _, name := range f.accepted {
			if classOf(name) == c && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if names == nil {
		return fmt.Sprintf("\n%s Nobody accepts that.\n", c.what)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n\n|", c.what)
	for _, f := range all {
		fmt.Fprintf(&b, " | %s", f.peer.name)
	}
	b.WriteString(" |\n|---" + strings.Repeat("|---", len(all)) + "|\n")
	for _, name := range names {
		fmt.Fprintf(&b, "| %s", strings.ReplaceAll(name, "|", `\|`))
		for _, f := range all {
			cell := ""
			if slices.Contains(f.accepted, name) {
				cell = "accepted"
			}
			fmt.Fprintf(&b, " | %s", cell)
		}
		b.WriteString(" |\n")
	}
	return b.String()
}

// chart draws attacks.svg.
func chart(all []*findings) string {
	colors := []string{"#cf222e", "#d4a72c"}
	d := svg.Drawing{Y: 30}
	d.Text(16, d.Y, "start", "bold", "Hostile calls that get past, on the same service")
	d.Y += 14
	d.Legend([]string{"breaches", "leniencies"}, colors, 110)
	most := 0
	for _, f := range all {
		most = max(most, len(f.accepted))
	}
	unit := float64(svg.BarsWidth) / float64(max(most, 1)+10)
	for _, f := range all {
		breaches, leniencies := f.counts()
		d.Row(f.peer.name, strings.HasPrefix(f.peer.name, ours), 1, func(_, y int) {
			label := fmt.Sprintf("%d + %d of %d", breaches, leniencies, f.attacks)
			d.Bar(y, float64(breaches)*unit, float64(leniencies)*unit, colors[1], label)
			d.Bar(y, 0, float64(breaches)*unit, colors[0], "")
		})
	}
	return d.Finish("What m2mtest/attack gets past m2mauth and its peers")
}
