// Package resource parses the URLs by which clients know a service. They come
// from the configuration and never from a request, whose Host anybody can
// write.
package resource

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/urlpath"
)

// wellKnown is the path of the metadata of a resource without a path (RFC 9728
// §3).
const wellKnown = "/.well-known/oauth-protected-resource"

// Resource is a parsed resource identifier (RFC 9728 §1.2).
type Resource struct{ origin, path string }

// Parse parses a resource identifier: an https URL, or http on loopback, of
// host and path alone, in lower case up to the path. The error completes
// "Options.Resource …".
func Parse(id string) (Resource, error) {
	origin, path, ok := split(id)
	if !ok {
		return Resource{}, fmt.Errorf("is %s: want an https URL of host and path alone, "+
			"such as https://api.example.com/orders (http is for loopback)", redact.Quote(id))
	}
	return Resource{origin, path}, nil
}

// MetadataPath returns the path of the resource's metadata: the well-known
// prefix stands between host and path (RFC 9728 §3.1).
func (r Resource) MetadataPath() string {
	if r.path == "/" {
		return wellKnown
	}
	return wellKnown + r.path
}

// MetadataURL returns the URL of the resource's metadata.
func (r Resource) MetadataURL() string { return r.origin + r.MetadataPath() }

// CheckOrigin returns an error that completes "Options.Origin …" if origin is
// not the address of a service: scheme and host as in a resource identifier,
// and the prefix that a proxy removes from paths, if it does. The empty origin
// stands for none.
func CheckOrigin(origin string) error {
	if origin == "" {
		return nil
	}
	if _, path, ok := split(origin); !ok || strings.HasSuffix(path, "/") {
		return fmt.Errorf("is %s: want an https URL of host and prefix alone, without a slash at the end, "+
			"such as https://api.example.com or https://example.com/api (http is for loopback)", redact.Quote(origin))
	}
	return nil
}

// split takes an identifier apart. ok is false if it is not one that clients
// can compare byte for byte (RFC 9728 §3.3).
func split(id string) (origin, path string, ok bool) {
	u, err := url.Parse(id)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return "", "", false
	}
	origin = u.Scheme + "://" + u.Host
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !outbound.IsLoopback(u.Hostname())):
		return "", "", false
	case origin != strings.ToLower(origin) || strings.HasSuffix(u.Host, ":"):
		return "", "", false
	case origin+u.Path != id: // it has a query, a fragment or an escape
		return "", "", false
	case strings.ContainsFunc(id, func(c rune) bool { return !inURL(c) }) || urlpath.HasDotSegment(u.Path) || strings.Contains(u.Path, "//"):
		return "", "", false
	}
	return origin, u.Path, true
}

// inURL reports whether a URL may hold c without an escape. '"' and '\', which
// a challenge can't hold, are excluded, and so are the braces of patterns.
func inURL(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c < 0x80 && strings.ContainsRune("-._~!$&'()*+,;=:@/[]", c)
}
