package explain

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/m2mauth/m2mauth/internal/redact"
)

// The columns at which texts begin.
const (
	beside = 10 // the verdict, "cause:" and "hint:"
	listed = 16 // the name of a check
)

// page is how text for people is laid out.
type page struct {
	width  int // columns
	indent int // the column at which texts begin
	colour bool
}

// fold breaks a text into lines, at spaces alone: an ID or a URL stays whole, so that
// it can be copied. A word that is too long for a line has one of its own.
func (p page) fold(text string) (lines []string) {
	for word := range strings.FieldsSeq(text) {
		if last := len(lines) - 1; last >= 0 && p.indent+utf8.RuneCountInString(lines[last])+1+utf8.RuneCountInString(word) <= p.width {
			lines[last] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}

// rows returns how many lines of a terminal the lines take: one that is too long takes
// several.
func (p page) rows(lines []string) (n int) {
	for _, line := range lines {
		n += 1 + (p.indent+utf8.RuneCountInString(line)-1)/p.width
	}
	return n
}

// cut returns the first lines of a text, the last of which ends with more.
func (p page) cut(lines []string, most int, more string) []string {
	words := strings.Fields(strings.Join(lines, " "))
	for len(words) > 0 {
		words = words[:len(words)-1]
		if short := p.fold(strings.Join(append(words[:len(words):len(words)], more), " ")); p.rows(short) <= most {
			return short
		}
	}
	return []string{more}
}

// escape matches what colours text.
var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

// write writes a head and the lines beside it, or nothing without lines.
func (p page) write(b *strings.Builder, head string, lines []string) {
	for i, line := range lines {
		if i > 0 {
			head = ""
		}
		b.WriteString(head)
		shown := utf8.RuneCountInString(escape.ReplaceAllString(head, ""))
		b.WriteString(strings.Repeat(" ", max(1, p.indent-shown)) + line + "\n")
	}
}

// paint returns the verdict, coloured if the terminal shows colours.
func (p page) paint(verdict string) string {
	if !p.colour {
		return verdict + ":"
	}
	number := map[string]string{accepted: "32", refused: "31", unknown: "33"}[verdict]
	return "\x1b[1;" + number + "m" + verdict + ":\x1b[0m"
}

// tidy returns a text for one line of the report: in visible ASCII, without tokens.
func tidy(text string) string {
	text = strings.ReplaceAll(redact.Tokens(text), "…", "...")
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = plain(line)
	}
	return strings.Join(lines, "; ")
}

// quote returns text in quotes, in visible ASCII.
func quote(text string) string {
	return strconv.QuoteToASCII(strings.ReplaceAll(text, "…", "..."))
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// configured returns the part of a cause that comes from the configuration. It shows
// each name in it without the secret that may be in a wrong flag.
func configured(want string) string {
	return quoted.ReplaceAllStringFunc(want, func(name string) string {
		text, err := strconv.Unquote(name)
		if err != nil {
			return name
		}
		return quote(redact.Text(text))
	})
}

// plain returns text in visible ASCII, with escapes for everything else.
func plain(text string) string {
	var b strings.Builder
	for _, c := range text {
		if c >= ' ' && c <= '~' {
			b.WriteRune(c)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(c)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
