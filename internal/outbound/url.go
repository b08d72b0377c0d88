package outbound

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// IsLoopback reports whether host, the host of a URL without its port and
// brackets, is this machine: "localhost" in any case, an address of 127.0.0.0/8
// or ::1. It resolves no names: any other name is not loopback.
func IsLoopback(host string) bool {
	const localhost = "localhost"
	// EqualFold alone would fold the letter U+017F to "s".
	if len(host) == len(localhost) && strings.EqualFold(host, localhost) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// IsHostName reports whether name is a host name of ASCII letters, digits, hyphens,
// underscores and dots, or an IP address, without a port.
func IsHostName(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return !strings.Contains(name, "%") // a zone is no part of a Host
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return name != "" && len(name) <= 253 // RFC 1035 §2.3.4
}

// IsNamed reports whether the Host of a request, with or without a port, is a
// loopback name or one of names. Case and one dot at the end don't matter.
func IsNamed(host string, names []string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if IsLoopback(host) {
		return true
	}
	host = strings.TrimSuffix(host, ".")
	return slices.ContainsFunc(names, func(name string) bool {
		// For ASCII names, an equal length excludes letters that fold to ASCII.
		return host != "" && len(host) == len(name) && strings.EqualFold(host, name)
	})
}

// IsAbsolute reports whether u names a host, and no empty port. url.Parse accepts
// "https://login.example.comhttp://x", two URLs in one: its port is empty.
func IsAbsolute(u *url.URL) bool {
	return u.Opaque == "" && u.Hostname() != "" && !strings.HasSuffix(u.Host, ":")
}

// CheckScheme accepts https URLs, and http URLs on loopback, where nobody can read
// or change the traffic. With insecure it accepts http to every host.
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
// byte for byte, so ParseIssuer refuses every part that would allow a second
// spelling. Its errors continue a sentence that begins with the issuer, such as
// "holds credentials", and quote no part of it.
func ParseIssuer(raw string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || !IsAbsolute(u) || !isVisible(raw):
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

// WithoutURL returns the cause inside every *url.Error in err, without the URL that
// they repeat, whose user info and query may be secret. One error can hold several
// if the transport has a client of its own. It replaces errors of url.Parse, whose
// cause quotes parts of the URL as well.
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
