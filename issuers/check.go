package issuers

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Callers maps the machines that may call, by their names at the authority, to
// their scopes. A machine with an empty Set meets scopes.Authenticated alone.
type Callers map[string]scopes.Set

// mistakes collects the errors in a preset's arguments.
type mistakes struct {
	preset string
	errs   []error
}

func (m *mistakes) add(format string, args ...any) {
	m.errs = append(m.errs, fmt.Errorf("issuers: %s: %s", m.preset, fmt.Sprintf(format, args...)))
}

// result returns iss, or every mistake and the zero Issuer.
func (m *mistakes) result(iss verifier.Issuer) (verifier.Issuer, error) {
	if len(m.errs) > 0 {
		return verifier.Issuer{}, errors.Join(m.errs...)
	}
	return iss, nil
}

// audience checks a name of the service. where says where to find the right one.
func (m *mistakes) audience(audience, where string) {
	if !isVisible(audience) {
		m.add("the audience %s is empty or holds white space: write %s", redact.Quote(audience), where)
	}
}

// host checks a domain. where says where to find the right one.
func (m *mistakes) host(domain, where string) {
	if !isHost(domain) {
		m.add("%s is no domain: write %s, in lower case, without scheme and without slash", redact.Quote(domain), where)
	}
}

// url parses an issuer that is a URL. Plain http is admitted on loopback, and
// elsewhere if insecure is set, as in Issuer.JWKSURL. where says where to find the
// right URL. After a mistake it returns nil.
func (m *mistakes) url(raw string, insecure bool, where string) *url.URL {
	u, err := outbound.ParseIssuer(raw, insecure)
	if err != nil {
		m.add("%s %v: write %s", redact.Quote(raw), err, where)
		return nil
	}
	return u
}

// isHost reports whether s is a DNS name of two labels or more, in lower case.
func isHost(s string) bool {
	labels := 0
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
		labels++
	}
	return labels > 1 && len(s) <= 253
}

// isLabel reports whether s is a label of a DNS name (RFC 1123 §2.1).
func isLabel(s string) bool {
	return only(s, func(c byte) bool { return c == '-' || isLower(c) || isDigit(c) }) &&
		s[0] != '-' && s[len(s)-1] != '-' && len(s) <= 63
}

// isGUID reports whether s is a GUID in the spelling of tokens: lower case.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !isDigit(c) && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

func isNumber(s string) bool { return only(s, isDigit) && len(s) <= 32 }

// isVisible reports whether s is some visible ASCII.
func isVisible(s string) bool {
	return only(s, func(c byte) bool { return c > ' ' && c < 0x7f }) && len(s) <= 1024
}

// only reports whether s is not empty and all of it is of the class.
func only(s string, class func(byte) bool) bool {
	for i := range len(s) {
		if !class(s[i]) {
			return false
		}
	}
	return s != ""
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlphanumeric(c byte) bool { return isLower(c|0x20) || isDigit(c) }
