package outbound

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// IsLoopback reports whether host, the host of a URL without its port and
// brackets, is this machine: "localhost" in any case, an address of 127.0.0.0/8
// or ::1. It resolves no name, so that a name for such an address is not.
func IsLoopback(host string) bool {
	const localhost = "localhost"
	// EqualFold alone would fold the letter U+017F to "s".
	if len(host) == len(localhost) && strings.EqualFold(host, localhost) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// CheckScheme refuses every URL but https, and http where it cannot be read or
// changed on the way: on loopback. insecure admits http to any host.
func CheckScheme(u *url.URL, insecure bool) error {
	switch {
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (insecure || IsLoopback(u.Hostname())):
		return nil
	default:
		return errors.New("is not https")
	}
}

// ParseIssuer parses an issuer that is a URL (RFC 8414 §2). Issuers are compared
// byte for byte, so that it refuses every part that would allow a second
// spelling. Its errors complete a sentence that begins with the issuer, and
// quote nothing of it.
func ParseIssuer(raw string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || !isVisible(raw):
		return nil, errors.New("is no absolute URL")
	case u.User != nil:
		return nil, errors.New("holds credentials")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return nil, errors.New("holds a query or a fragment")
	case !strings.HasPrefix(raw, u.Scheme+"://"+strings.ToLower(u.Host)):
		return nil, errors.New("holds capitals in its scheme or host")
	case u.RawPath != "" || hasDots(u.Path):
		return nil, errors.New(`holds "%2F" or dot segments`)
	}
	if err := CheckScheme(u, insecure); err != nil {
		return nil, err
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

func isVisible(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f })
}

// WithoutURL returns err without the URL that each *url.Error in it repeats:
// user info and queries hold secrets. The errors of url.Parse quote parts of the
// URL even further in, so that WithoutURL replaces them. Several *url.Error stand
// in one error if the transport has a client of its own.
func WithoutURL(err error) error {
	for {
		u, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		if u.Op == "parse" {
			return errors.New("the URL is malformed")
		}
		err = u.Err
	}
}
