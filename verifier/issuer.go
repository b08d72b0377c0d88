package verifier

import (
	"errors"
	"strings"

	"github.com/m2mauth/m2mauth/internal/jwks"
)

// issuer is a trusted authority at work: its configuration, complete, and its
// keys.
type issuer struct {
	Issuer
	source *jwks.Source
}

// admits reports whether the issuer's tokens may have this header type
// (RFC 8725 §3.11).
func (iss *issuer) admits(typ string, present bool) bool {
	for _, want := range iss.TokenTypes {
		if want == "" {
			if !present {
				return true
			}
		} else if present && equalMediaType(want, typ) {
			return true
		}
	}
	return false
}

// equalMediaType compares two values of "typ" without regard to case and to a
// leading "application/" (RFC 7515 §4.1.9).
func equalMediaType(a, b string) bool {
	a, b = trimApplication(a), trimApplication(b)
	// strings.EqualFold alone would fold non-ASCII letters to ASCII ones.
	return len(a) == len(b) && strings.EqualFold(a, b)
}

func trimApplication(t string) string {
	const prefix = "application/"
	if len(t) > len(prefix) && strings.EqualFold(t[:len(prefix)], prefix) && !strings.Contains(t[len(prefix):], "/") {
		return t[len(prefix):]
	}
	return t
}

// SubjectIsClient accepts a token whose subject is the client itself, or that
// has none: the mark of the client-credentials grant at most authorities
// (RFC 9068 §2.2). Anything else is NotMachine: a token that a client got on
// behalf of a person.
func SubjectIsClient(c Client) error {
	if c.Subject == "" || c.Subject == c.ID {
		return nil
	}
	return NotMachine
}

// SubjectHasPrefix accepts tokens whose subject begins with prefix, where that
// is how an authority names machines; others are NotMachine.
func SubjectHasPrefix(prefix string) func(Client) error {
	return func(c Client) error {
		if prefix != "" && strings.HasPrefix(c.Subject, prefix) {
			return nil
		}
		return NotMachine
	}
}

// ClaimEquals accepts tokens in which the claim called name is the string
// value; others are NotMachine.
func ClaimEquals(name, value string) func(Client) error {
	return func(c Client) error {
		if v, ok := c.claim(name); ok {
			if text, isText := v.Text(); isText && text == value {
				return nil
			}
		}
		return NotMachine
	}
}

// ClaimAbsent accepts tokens without a claim called name, whatever its value;
// others are NotMachine.
func ClaimAbsent(name string) func(Client) error {
	return func(c Client) error {
		if c.token == nil {
			return ErrNoClaims
		}
		if _, present := c.claim(name); present {
			return NotMachine
		}
		return nil
	}
}

// ClaimPrefixAbsent accepts tokens without a claim whose name begins with
// prefix; others are NotMachine.
func ClaimPrefixAbsent(prefix string) func(Client) error {
	return func(c Client) error {
		if c.token == nil {
			return ErrNoClaims
		}
		for _, m := range c.token.members {
			if strings.HasPrefix(m.Name, prefix) {
				return NotMachine
			}
		}
		return nil
	}
}

var errNoRule = errors.New("AcceptAll without a rule")

// AcceptAll accepts what every one of the rules accepts. Without a rule it
// accepts nothing.
func AcceptAll(rules ...func(Client) error) func(Client) error {
	return func(c Client) error {
		if len(rules) == 0 {
			return errNoRule
		}
		for _, rule := range rules {
			if err := rule(c); err != nil {
				return err
			}
		}
		return nil
	}
}
