// Package screen knows the terminal: whether there is one, how wide it is, and which
// text may be written to it.
package screen

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// Columns of a terminal whose width is not known, and the bounds of one that is.
const (
	DefaultWidth = 80
	minWidth     = 40
	maxWidth     = 120
)

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width returns how many columns text on w may take: 40 to 120 on a terminal, and
// DefaultWidth elsewhere.
func Width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return min(max(columns, minWidth), maxWidth)
		}
	}
	return DefaultWidth
}

// Colour reports whether w is a terminal that shows colours, and nobody has turned
// them off by $NO_COLOR (no-color.org).
func Colour(w io.Writer) bool {
	return IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Plain returns text that was read elsewhere for one line of a terminal: unchanged if
// it is printable ASCII, and quoted otherwise. It is cut after most bytes. Control
// characters can't move the cursor, and none reverses the direction of the line.
func Plain(text string, most int) string {
	cut := ""
	if len(text) > most {
		text, cut = text[:most], "..."
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' {
			return strconv.QuoteToASCII(text) + cut
		}
	}
	return text + cut
}
