package outbound

import (
	"errors"
	"net/url"
	"strings"
)

// CheckEndpoint refuses a URL that secrets must not be sent to. A query is part of
// the endpoint (RFC 6749 §3.2). Errors complete a sentence that begins with the URL.
func CheckEndpoint(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || !IsAbsolute(u):
		return errors.New("is no absolute URL")
	case u.User != nil:
		return errors.New("holds credentials")
	case strings.Contains(raw, "#"):
		return errors.New("holds a fragment")
	}
	return CheckScheme(u, false)
}
