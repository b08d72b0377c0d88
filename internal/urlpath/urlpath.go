// Package urlpath reads the path of a request in every way that a server after a
// handler could.
package urlpath

import (
	"net/http"
	"strings"
)

// HasDotSegment reports whether a decoded path has a "." or ".." segment. A
// backslash ends a segment, too: some servers read it as a slash.
func HasDotSegment(path string) bool {
	if !strings.Contains(path, ".") {
		return false
	}
	for segment := range strings.FieldsFuncSeq(path, func(c rune) bool { return c == '/' || c == '\\' }) {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// Refuse rejects a request whose path the handler, or a server after it, could
// resolve to another route.
func Refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}
