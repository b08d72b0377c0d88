package issuers

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Callers says which machines may call, by what their authority calls them,
// and what each may do. A machine with an empty Set meets
// scopes.Authenticated and nothing else.
type Callers map[string]scopes.Set

// mistakes collects everything that is wrong with a preset's arguments.
type mistakes struct {
	preset string
	errs   []error
}

func (m *mistakes) add(format string, args ...any) {
	m.errs = append(m.errs, fmt.Errorf("issuers: %s: %s", m.preset, fmt.Sprintf(format, args...)))
}

// result is the issuer, or every mistake and no issuer.
func (m *mistakes) result(iss verifier.Issuer) (verifier.Issuer, error) {
	if len(m.errs) > 0 {
		return verifier.Issuer{}, errors.Join(m.errs...)
	}
	return iss, nil
}

// audience checks the name of the service. where says where to find it.
func (m *mistakes) audience(audience, where string) {
	if !isVisible(audience) {
		m.add("the audience %.64q is empty or holds white space: write %s", audience, where)
	}
}

// host checks a domain. where says where to find it.
func (m *mistakes) host(domain, where string) {
	if !isHost(domain) {
		m.add("%.64q is no domain: write %s, in lower case, without scheme and without slash", domain, where)
	}
}

// url checks the name of an issuer that is a URL. where says where to find it.
func (m *mistakes) url(raw, where string) {
	if _, err := issuerURL(raw); err != nil {
		m.add("%.128q %v: write %s", raw, err, where)
	}
}

// issuerURL parses the name of an issuer: https, with no part that would make
// a second spelling of it (RFC 8414 §2).
func issuerURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Opaque != "" || u.Host == "" || !isVisible(raw):
		return nil, errors.New("is no absolute URL")
	case u.Scheme != "https" && !(u.Scheme == "http" && outbound.IsLoopback(u.Hostname())):
		return nil, errors.New("is not https")
	case u.User != nil:
		return nil, errors.New("holds credentials")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return nil, errors.New("holds a query or a fragment")
	case u.Host != strings.ToLower(u.Host) || u.RawPath != "" || hasDots(u.Path):
		return nil, errors.New(`holds capitals in its host, "%2F" or dot segments`)
	}
	return u, nil
}

func hasDots(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
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
