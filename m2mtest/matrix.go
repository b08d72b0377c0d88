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

// Section is one server's part of a [Matrix].
type Section struct {
	Title string

	// Operations lists each route or method with its requirement. It is what
	// the method Operations of a httpmw.Mux, a gorilla.Guard or a
	// grpcmw.Interceptor returns.
	Operations iter.Seq2[string, scopes.Requirement]
}

// Matrix renders every operation and what it requires as text, for a file that
// is kept beside the code and compared by a test: so a change of policy shows
// in review.
//
//	got := m2mtest.Matrix(
//		m2mtest.Section{Title: "HTTP", Operations: mux.Operations()},
//		m2mtest.Section{Title: "gRPC", Operations: guard.Operations(server.GetServiceInfo())},
//	)
//
// The sections stand in the order given, their operations sorted, one on a
// line. A line depends on nothing but its own operation, so nothing else moves
// when one changes. An operation without a requirement, of which every call is
// refused, is marked with an exclamation mark.
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

// matrixLine pads to a fixed column: one that followed the longest name would
// move every line when a name is added.
func matrixLine(operation string, need scopes.Requirement) string {
	mark := ""
	if need.IsZero() {
		mark = " ! no requirement: every call is refused"
	}
	return fmt.Sprintf("%-64s  %v%s\n", printable(operation), need, mark)
}

// printable quotes what would break a line, or isn't there at all.
func printable(text string) string {
	if text == "" || strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return strconv.Quote(text)
	}
	return text
}
