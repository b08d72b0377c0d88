package doortest

import (
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// credential returns rows with values that only some transports carry.
func credential() []Case {
	return invalid(verifier.TooLarge,
		Case{Name: "a million dots", Values: func(*Fixture) []string { return []string{"Bearer " + strings.Repeat(".", 1_000_000)} }},
		Case{Name: "a million spaces", Values: func(f *Fixture) []string {
			return []string{"Bearer " + strings.Repeat(" ", 1_000_000) + f.Token(spec{})}
		}},
	)
}
