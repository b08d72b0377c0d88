package httpmw

import (
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/urlpath"
	"github.com/m2mauth/m2mauth/scopes"
)

// Mux is an http.ServeMux on which no route exists without a requirement. Its
// patterns and their precedence are ServeMux's. The requirement belongs to the
// registration: it is closed over by the handler, and never looked up by a
// path a second time.
//
// Two requests that ServeMux would hand to a handler are answered here: one
// whose path has a "." or ".." segment once decoded, as in "/a/%2e%2e/b", with
// 400, because a handler that proxies or reads files could follow it out of
// its subtree; and CONNECT with 405, unless a pattern names that method.
// ServeMux's own answers, 404, 405 and redirects, need no token.
//
// Below a path of another router, put a Mux in http.StripPrefix, or use
// [Mux.Mount]. What a route requires does not depend on it: with a wrong prefix
// no pattern matches, and the answer is 404 or a redirect.
//
// Register everything before serving. Like ServeMux, a Mux is then safe for
// concurrent use.
type Mux struct {
	guard   *Middleware
	mux     *http.ServeMux
	routes  []route
	connect bool // a pattern names CONNECT
	mounted bool // its routes are another's as well, and final
}

// route is a registration.
type route struct {
	pattern string
	need    scopes.Requirement
	guard   *Middleware
	handler http.Handler
}

// NewMux makes an empty Mux, guarded by m. It panics if m is nil.
func NewMux(m *Middleware) *Mux {
	if m == nil {
		panic("httpmw: NewMux: the Middleware is nil: make one with httpmw.New")
	}
	return &Mux{guard: m, mux: http.NewServeMux()}
}

// Handle registers h for pattern, guarded by need. It panics, as
// http.ServeMux.Handle does, if the pattern is malformed or conflicts with
// another, and if need is the zero Requirement or h is nil.
func (x *Mux) Handle(pattern string, need scopes.Requirement, h http.Handler) {
	switch {
	case need.IsZero():
		panic(fmt.Sprintf("httpmw: Handle(%q): the zero Requirement is met by nobody: "+
			"write scopes.All(…), scopes.Any(…), scopes.Authenticated() or scopes.Public()", pattern))
	case h == nil:
		panic(fmt.Sprintf("httpmw: Handle(%q): the handler is nil", pattern))
	case x.mounted:
		panic(fmt.Sprintf("httpmw: Handle(%q): the Mux was mounted, which would miss this route: register it before", pattern))
	}
	x.register(route{pattern, need, x.guard, h})
}

// HandleFunc is Handle for a function.
func (x *Mux) HandleFunc(pattern string, need scopes.Requirement, h func(http.ResponseWriter, *http.Request)) {
	if h == nil {
		panic(fmt.Sprintf("httpmw: HandleFunc(%q): the handler is nil", pattern))
	}
	x.Handle(pattern, need, http.HandlerFunc(h))
}

func (x *Mux) register(r route) {
	x.mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) {
		r.guard.Serve(w, req, operation(req), r.need, r.handler)
	})
	x.routes = append(x.routes, r)
	method, _, hasMethod := strings.Cut(r.pattern, " ")
	x.connect = x.connect || hasMethod && method == http.MethodConnect
}

// Mount adds the routes of sub below prefix, a path like "/a/path/". sub's
// patterns do not repeat the prefix, and its handlers see the path without it.
// Each route keeps its requirement and its guard. ServeMux's rules of
// precedence and conflict hold among all routes alike, so a path under the
// prefix that no pattern of sub matches goes to whatever else matches it. A
// Mux that was mounted takes no further routes; it may be mounted again.
func (x *Mux) Mount(prefix string, sub *Mux) {
	if sub == nil || sub == x {
		panic(fmt.Sprintf("httpmw: Mount(%q): the Mux is nil or itself", prefix))
	}
	if !strings.HasPrefix(prefix, "/") || !strings.HasSuffix(prefix, "/") || strings.ContainsAny(prefix, " {}") {
		panic(fmt.Sprintf("httpmw: Mount(%q): want a path that begins and ends with a slash", prefix))
	}
	sub.mounted = true
	bare := strings.TrimSuffix(prefix, "/")
	for _, r := range sub.routes {
		r.pattern = mounted(bare, r.pattern)
		r.handler = http.StripPrefix(bare, r.handler)
		x.register(r)
	}
}

// mounted is pattern with prefix before its path.
func mounted(prefix, pattern string) string {
	slash := strings.Index(pattern, "/") // everything before it is method and host
	return pattern[:slash] + prefix + pattern[slash:]
}

// ServeHTTP answers the request with the handler whose pattern matches it, if
// the request meets its requirement.
func (x *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect && !x.connect {
		// ServeMux does not clean the path of a CONNECT request.
		urlpath.Refuse(w, http.StatusMethodNotAllowed)
		return
	}
	if urlpath.HasDotSegment(r.URL.Path) {
		urlpath.Refuse(w, http.StatusBadRequest)
		return
	}
	x.mux.ServeHTTP(w, r)
}

// Routes lists each pattern with the requirement that is in force for it, in
// the order of the patterns.
func (x *Mux) Routes() iter.Seq2[string, scopes.Requirement] {
	sorted := slices.SortedFunc(slices.Values(x.routes), func(a, b route) int {
		return strings.Compare(a.pattern, b.pattern)
	})
	return func(yield func(string, scopes.Requirement) bool) {
		for _, r := range sorted {
			if !yield(r.pattern, r.need) {
				return
			}
		}
	}
}

var _ http.Handler = (*Mux)(nil)
