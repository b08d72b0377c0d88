package m2mtest

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/m2mauth/m2mauth/scopes"
)

// Section describes one server in a [Matrix].
type Section struct {
	Title string

	// Operations are the routes or methods with their requirements, from the
	// Operations of an httpmw.Mux, a gorilla.Guard or a grpcmw.Interceptor.
	Operations iter.Seq2[string, scopes.Requirement]
}

// Matrix returns a text that lists every operation with its requirement. Keep
// it in a file beside the code and compare it in a test, so that reviewers see
// each change of policy.
//
//	got := m2mtest.Matrix(
//		m2mtest.Section{Title: "HTTP", Operations: mux.Operations()},
//		m2mtest.Section{Title: "gRPC", Operations: guard.Operations(server.GetServiceInfo())},
//	)
//
// Sections keep their order, and operations are sorted, one on a line. A line
// depends on its own operation alone, so a change shows as one line. An
// exclamation mark marks an operation without a requirement, of which every
// call is refused.
func Matrix(sections ...Section) string {
	var b strings.Builder
	for i, s := range sections {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "# %s\n", printable(s.Title))
		var lines []string
		if s.Operations != nil {
			for operation, need := range s.Operations {
				lines = append(lines, matrixLine(operation, need))
			}
		}
		if len(lines) == 0 {
			lines = append(lines, "(nothing)\n")
		}
		slices.Sort(lines)
		b.WriteString(strings.Join(lines, ""))
	}
	return b.String()
}

// matrixLine returns one line. It pads to a fixed column, so that a longer name
// does not change the other lines.
func matrixLine(operation string, need scopes.Requirement) string {
	mark := ""
	if need.IsZero() {
		mark = " ! no requirement: every call is refused"
	}
	return fmt.Sprintf("%-64s  %v%s\n", printable(operation), need, mark)
}

// printable returns text, quoted if it is empty or would break the line.
func printable(text string) string {
	if text == "" || strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return strconv.Quote(text)
	}
	return text
}
