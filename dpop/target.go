package dpop

import "strings"

// sameTarget reports whether htu names the URL of origin and path, "ignoring any
// query and fragment parts" (RFC 9449 §4.3), after syntax-based and scheme-based
// normalization (RFC 3986 §6.2.2, §6.2.3): scheme and host in lower case, no default
// port, "/" for an empty path, and escapes of unreserved characters decoded. Escapes
// of reserved characters stay, and dot segments too: "/a%2Fb" is not "/a/b".
//
// A URL with user info never matches.
func sameTarget(htu, origin, path string) bool {
	if origin == "" || !strings.HasPrefix(path, "/") {
		return false // the service has no address, or the target is no path: "*", or CONNECT's
	}
	if strings.ContainsAny(path, "?#") {
		// No URL has these in its path, but net/http accepts a "#" in a request line as
		// a part of it. Cut off like the fragment of htu, it would match another path.
		return false
	}
	if len(htu) == len(origin)+len(path) && strings.HasPrefix(htu, origin) && htu[len(origin):] == path &&
		!strings.ContainsAny(htu, "?#%@\\") && printable(htu) {
		return true // as nearly every client writes it
	}
	want, ok := normalize(origin + path)
	if !ok {
		return false
	}
	got, ok := normalize(htu)
	return ok && got == want
}

// normalize returns the normal form of an http or https URL. ok is false if raw is
// none.
func normalize(raw string) (normal string, ok bool) {
	raw, _, _ = strings.Cut(raw, "#")
	raw, _, _ = strings.Cut(raw, "?")
	scheme, rest, found := strings.Cut(raw, "://")
	scheme = lower(scheme)
	if !found || scheme != "https" && scheme != "http" {
		return "", false
	}
	host, path := rest, "/"
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	host = lower(host)
	port := map[string]string{"https": ":443", "http": ":80"}[scheme]
	if name, isDefault := strings.CutSuffix(host, port); isDefault {
		host = name
	} else {
		host = strings.TrimSuffix(host, ":")
	}
	if host == "" || strings.HasSuffix(host, ":") || strings.ContainsAny(host, "@%\\ ") || !printable(raw) {
		return "", false
	}
	path, ok = decodeUnreserved(path)
	return scheme + "://" + host + path, ok
}

// lower folds ASCII alone: other letters have no place in a URL.
func lower(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}

// decodeUnreserved decodes the escapes of unreserved characters (RFC 3986 §2.3),
// and writes the others in upper case. ok is false for a malformed escape.
func decodeUnreserved(path string) (string, bool) {
	if !strings.Contains(path, "%") {
		return path, true
	}
	b := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			b = append(b, path[i])
			continue
		}
		if i+2 >= len(path) {
			return "", false
		}
		high, low := digit(path[i+1]), digit(path[i+2])
		if high < 0 || low < 0 {
			return "", false
		}
		if c := byte(high<<4 | low); unreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', "0123456789ABCDEF"[high], "0123456789ABCDEF"[low])
		}
		i += 2
	}
	return string(b), true
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
