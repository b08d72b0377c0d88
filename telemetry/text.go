package telemetry

import (
	"fmt"
	"strconv"

	"github.com/m2mauth/m2mauth/internal/hints"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/verifier"
)

const (
	maxID   = 256  // bytes of an identifier that others chose: SPIFFE IDs and service accounts fit
	maxText = 1024 // bytes of a sentence
)

// plain returns text unchanged if it is short and printable ASCII. Otherwise it
// returns it quoted, and cut after most bytes: no line breaks, no invisible
// characters, none that reverse the direction of the text.
func plain(text string, most int) string {
	if len(text) > most {
		return strconv.QuoteToASCII(text[:most]) + "..."
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' {
			return strconv.QuoteToASCII(text)
		}
	}
	return text
}

// errorText returns the text of an error that others wrote, without the tokens in
// it. Its methods may be the user's code: a panic in them ends here.
func errorText(text func() string) (shown string) {
	defer func() {
		if r := recover(); r != nil {
			shown = "the error's text can't be read: " + plain(fmt.Sprint(r), maxID)
		}
	}()
	return plain(redact.Tokens(text()), maxText)
}

// outcome returns the outcome of a decision as Verifier.Counts does, and its Code:
// 0 if the call was allowed.
func outcome(d *verifier.Decision) (string, verifier.Code) {
	if d.Err == nil {
		return "allowed", 0
	}
	code := verifier.AsError(d.Err).Code
	return code.String(), code
}

// causeAndHint returns why a call was refused, and how that is fixed usually.
func causeAndHint(d *verifier.Decision) (cause, hint string) {
	cause = errorText(func() string { return hints.Cause(d.Err) })
	hint = errorText(func() string { return hints.Of(*d) })
	return cause, hint
}
