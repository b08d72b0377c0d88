package tokensource

import (
	"errors"
	"net/url"
	"strings"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

// origin is the scheme, host and port of a URL, in one spelling.
type origin struct{ scheme, host, port string }

func (o origin) String() string {
	host := o.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	text := o.scheme + "://" + host
	if o.port != defaultPort(o.scheme) {
		text += ":" + o.port
	}
	return text
}

// originOf returns the origin of u (RFC 6454 §4).
func originOf(u *url.URL) origin {
	o := origin{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port()}
	if o.port == "" {
		o.port = defaultPort(o.scheme)
	}
	return o
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}

// parseOrigin reads a configured origin. Its errors complete a sentence that
// begins with the origin.
func parseOrigin(raw string) (origin, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || !outbound.IsAbsolute(u):
		return origin{}, errors.New("is no absolute URL")
	case u.User != nil:
		return origin{}, errors.New("holds credentials")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return origin{}, errors.New("has a path, a query or a fragment: want scheme and host")
	}
	return originOf(u), outbound.CheckScheme(u, false)
}
