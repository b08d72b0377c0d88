package verifier

import (
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
