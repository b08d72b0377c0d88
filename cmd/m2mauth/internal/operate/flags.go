package operate

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
)

// Errors of every command's flags. They don't repeat values, which may be misplaced
// secrets.
var (
	ErrHelp     = errors.New("help")
	ErrFlags    = errors.New("a flag is unknown")
	ErrArgument = errors.New("unexpected argument: names and IDs are flags, and secrets and tokens are read from files or " +
		"standard input, because others can see arguments, and the shell keeps them in its history")
)

// Parse parses flags that the caller has registered, and refuses arguments after them.
// The error repeats no value.
func Parse(fs *flag.FlagSet, args []string) error {
	err := ParseBefore(fs, args)
	if err == nil && fs.NArg() > 0 {
		return ErrArgument
	}
	return err
}

// ParseBefore does what Parse does, and leaves the arguments after the flags to the
// caller.
func ParseBefore(fs *flag.FlagSet, args []string) error {
	fs.SetOutput(io.Discard) // it would quote unknown flags and malformed values
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return ErrHelp
	case err != nil:
		return mistake(fs, err)
	}
	return nil
}

// NoneEmpty returns an error for each flag that is given and empty, for a command in
// which that would be unsafe: its variable may be unset in a script.
func NoneEmpty(fs *flag.FlagSet) error {
	var errs []error
	fs.Visit(func(f *flag.Flag) {
		if f.Value.String() == "" {
			errs = append(errs, fmt.Errorf("-%s is empty: leave it out, or is a variable unset?", f.Name))
		}
	})
	return errors.Join(errs...)
}

// mistake returns an error for one of package flag, which names the flag if fs has it
// and quotes nothing else.
func mistake(fs *flag.FlagSet, err error) error {
	found := ErrFlags
	fs.VisitAll(func(f *flag.Flag) {
		switch {
		case err.Error() == "flag needs an argument: -"+f.Name:
			found = fmt.Errorf("-%s lacks its value", f.Name)
		case strings.Contains(err.Error(), " for flag -"+f.Name+": "), strings.Contains(err.Error(), " for -"+f.Name+": "):
			found = fmt.Errorf("-%s has a malformed value", f.Name)
		}
	})
	return found
}

// Refuse writes the mistakes in the flags of a command, or its usage if help was
// asked for, and returns the exit status.
func Refuse(stderr io.Writer, command, usage string, err error) int {
	if errors.Is(err, ErrHelp) {
		fmt.Fprint(stderr, usage)
		return Usage // not 0, so that a script stops
	}
	Complain(stderr, command, err)
	fmt.Fprintf(stderr, "Run m2mauth %s -help for the flags.\n", command)
	return Usage
}

// Complain writes an error, of which no line holds a token.
func Complain(w io.Writer, command string, err error) {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(w, "m2mauth %s: %s\n", command, redact.Tokens(strings.TrimRight(line, "\n")))
	}
}
