package operate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/redact"
)

// Terminal asks the operator and tells what happens. Its zero value asks nobody.
type Terminal struct {
	In          io.Reader
	Out         io.Writer
	Interactive bool // somebody can answer
	Now         func() time.Time

	lines chan string // from In, read by one goroutine
	steps int
}

// NewTerminal returns a Terminal for a command. It is interactive if stdin is a
// terminal.
func NewTerminal(stdin io.Reader, out io.Writer) *Terminal {
	t := &Terminal{In: stdin, Out: out, Now: time.Now}
	if f, ok := stdin.(*os.File); ok {
		info, err := f.Stat()
		t.Interactive = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return t
}

// Step begins the next numbered step.
func (t *Terminal) Step(of int, title string) {
	t.steps++
	fmt.Fprintf(t.Out, "\n%d/%d  %s  %s\n", t.steps, of, t.Now().UTC().Format(time.TimeOnly), title)
}

// Say writes one line of a step.
func (t *Terminal) Say(format string, args ...any) {
	fmt.Fprintf(t.Out, "     "+format+"\n", args...)
}

// Fail writes an error that does not end the command.
func (t *Terminal) Fail(err error) {
	for line := range strings.Lines(err.Error()) {
		t.Say("%s", redact.Tokens(strings.TrimRight(line, "\n")))
	}
}

// ErrNobody means that an answer is needed, and nobody can give one.
var ErrNobody = errors.New("nobody can answer")

// Ask writes a question and reports whether the operator's answer is want. Any other
// answer is a no. It returns ErrNobody if standard input is not a terminal or has
// ended.
func (t *Terminal) Ask(ctx context.Context, question, want string) (bool, error) {
	if !t.Interactive {
		return false, ErrNobody
	}
	fmt.Fprintf(t.Out, "     %s ", question)
	if t.lines == nil {
		t.lines = make(chan string)
		go func() { // ends with the process: a read can't be interrupted
			defer close(t.lines)
			for scanner := bufio.NewScanner(t.In); scanner.Scan(); {
				t.lines <- scanner.Text()
			}
		}()
	}
	select {
	case line, ok := <-t.lines:
		if !ok {
			fmt.Fprintln(t.Out)
			return false, ErrNobody
		}
		return strings.TrimSpace(line) == want, nil
	case <-ctx.Done():
		fmt.Fprintln(t.Out)
		return false, context.Cause(ctx)
	}
}

// Plain returns a text that was read elsewhere for one line of a terminal.
func Plain(text string) string {
	for _, r := range text {
		if r < ' ' || r == 0x7f || !strconv.IsPrint(r) {
			return strconv.QuoteToASCII(text)
		}
	}
	return text
}
