package httpmw

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/m2mauth/m2mauth/internal/urlpath"
)

// Mount adds the routes of sub below prefix, a path like "/a/path/". The
// patterns of sub do not repeat the prefix, and its handlers see the path
// without it. Each route keeps its requirement and its guard.
//
// ServeMux's rules of precedence and conflict apply to all routes together. A
// path below prefix that no pattern of sub matches can match another route. sub
// takes no more routes afterwards, but it may be mounted again. Mount panics if
// prefix is malformed, if sub is nil or x, and where Handle does.
func (x *Mux) Mount(prefix string, sub *Mux) {
	if sub == nil || sub == x {
		panic(fmt.Sprintf("httpmw: Mount(%q): the Mux is nil or itself", prefix))
	}
	if !strings.HasPrefix(prefix, "/") || !strings.HasSuffix(prefix, "/") || strings.ContainsAny(prefix, " {}") ||
		strings.Contains(prefix, "//") || urlpath.HasDotSegment(prefix) {
		panic(fmt.Sprintf("httpmw: Mount(%q): want a clean path that begins and ends with a slash", prefix))
	}
	sub.mounted = true
	bare := strings.TrimSuffix(prefix, "/")
	for _, r := range sub.routes {
		x.register(mounted(bare, r.pattern), r.need, r.guard, below(strings.Count(bare, "/"), r.handler))
	}
}

// mounted inserts prefix before the path of pattern.
func mounted(prefix, pattern string) string {
	slash := strings.Index(pattern, "/") // everything before it is method and host
	return pattern[:slash] + prefix + pattern[slash:]
}

// below removes the first segments of the path before it calls h. Unlike
// http.StripPrefix it does not compare them: the pattern has matched them,
// however they are encoded.
func below(segments int, h http.Handler) http.Handler {
	if segments == 0 {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		escaped := r.URL.EscapedPath()
		for range segments {
			_, after, _ := strings.Cut(escaped[1:], "/")
			escaped = "/" + after
		}
		decoded, err := url.PathUnescape(escaped)
		if err != nil {
			http.NotFound(w, r) // EscapedPath is always decodable
			return
		}
		r2 := new(http.Request)
		*r2 = *r
		r2.URL = new(url.URL)
		*r2.URL = *r.URL
		r2.URL.Path, r2.URL.RawPath = decoded, ""
		if r2.URL.EscapedPath() != escaped {
			r2.URL.RawPath = escaped
		}
		h.ServeHTTP(w, r2)
	})
}
