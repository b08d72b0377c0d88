// Package urlpath looks at the path of a request as what is behind a handler
// might.
package urlpath

import (
	"net/http"
	"strings"
)

// HasDotSegment reports whether a decoded path has a "." or ".." segment. A
// backslash ends a segment, too: some of those behind a proxy take it for a
// slash.
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

// Refuse answers a request whose path leads to no route for certain: the one
// that it was matched to may not be the one that its handler, or what is behind
// it, makes of it.
func Refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}
