// Package spiffeid checks the syntax of SPIFFE IDs, as "The SPIFFE Identity and
// Verifiable Identity Document" §2 defines it.
package spiffeid

import "strings"

// Scheme begins every SPIFFE ID.
const Scheme = "spiffe://"

const (
	maxID          = 2048 // §2.3
	maxTrustDomain = 255  // §2.1: the length of a host in a URI
)

// Split returns the trust domain of a workload's SPIFFE ID and its path, which
// begins with a slash. ok is false for a text that is no such ID. There is one
// spelling of each ID: upper case in the scheme or trust domain, user info, a port,
// a query, a fragment, percent-escapes and empty or dot segments are refused, as
// is an ID without a path, which names the trust domain itself.
func Split(id string) (trustDomain, path string, ok bool) {
	rest, isSPIFFE := strings.CutPrefix(id, Scheme)
	slash := strings.IndexByte(rest, '/')
	if !isSPIFFE || len(id) > maxID || slash < 0 {
		return "", "", false
	}
	trustDomain, path = rest[:slash], rest[slash:]
	return trustDomain, path, IsTrustDomain(trustDomain) && IsPath(path)
}

// IsTrustDomain reports whether name is the name of a trust domain (§2.1).
func IsTrustDomain(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isCommon(c) {
			return false
		}
	}
	return name != "" && len(name) <= maxTrustDomain
}

// IsPath reports whether path is "/" and a segment, once or more often (§2.2).
func IsPath(path string) bool {
	segments, rooted := strings.CutPrefix(path, "/")
	if !rooted {
		return false
	}
	for segment := range strings.SplitSeq(segments, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
		for i := range len(segment) {
			if c := segment[i]; !isCommon(c) && (c < 'A' || c > 'Z') {
				return false
			}
		}
	}
	return true
}

// isCommon reports whether c may be in a trust domain and in a path.
func isCommon(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_'
}
