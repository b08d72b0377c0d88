package urlpath

import "strings"

// Host returns the name in a Host header or an :authority, as routers compare
// it: in lower case, without the port, the brackets of an IPv6 address and the
// trailing dot of an absolute name. ok is false if servers could disagree about
// the name.
//
// It allocates only if the name has upper-case letters.
func Host(host string) (name string, ok bool) {
	if rest, bracketed := strings.CutPrefix(host, "["); bracketed {
		address, port, closed := strings.Cut(rest, "]")
		return strings.ToLower(address), closed && (port == "" || port[0] == ':') && hostBytes(address, ":.%")
	}
	name, _, _ = strings.Cut(host, ":")
	name = strings.TrimSuffix(name, ".")
	ok = strings.Count(host, ":") <= 1 && hostBytes(name, "-._~") && !strings.HasSuffix(name, ".")
	return strings.ToLower(name), ok
}

// hostBytes reports whether name is made of ASCII letters, digits and others.
func hostBytes(name, others string) bool {
	for i := range len(name) {
		c := lower(name[i])
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}
