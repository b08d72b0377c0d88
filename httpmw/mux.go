package httpmw

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/m2mauth/m2mauth/internal/urlpath"
	"github.com/m2mauth/m2mauth/scopes"
)

// Mux routes requests like http.ServeMux and registers each route with its
// requirement. Its patterns and their precedence are ServeMux's. The registered
// handler enforces the requirement, so no path is matched a second time to find
// it. The zero Mux, and a nil one, refuse every request as Unavailable.
//
// Mux refuses some requests that ServeMux would pass to a handler:
//
//   - 400, if the decoded path has a "." or ".." segment, as in "/a/%2e%2e/b". A
//     handler that proxies or reads files could follow it out of its subtree.
//   - 400, if a handler, or a server after it, could read the request as one for
//     another route, and that route requires something that this one does not:
//     "/admin%2Fx", "/Admin/x", "/public/..;/admin/x" or "/admin%252Fx", which
//     "/" matches beside a guarded "/admin/". Such a path is also refused if it
//     is still encoded after three decodings, or holds control characters or
//     invalid UTF-8. A route takes every path if no route is stricter.
//   - 405, to CONNECT, unless a pattern names that method.
//
// ServeMux's own answers, 404, 405 and redirects, need no token.
//
// Hosts in patterns match in any case, with or without a trailing dot and a
// port (RFC 9110 §4.2.3); where a pattern has a host, a handler then finds
// Request.Host in the pattern's spelling, and a malformed host is answered 400.
//
// Mux does not see what a handler uses instead of the path or the method, like
// X-Original-URL or X-HTTP-Method-Override. Give such a handler the strictest
// requirement of all its operations.
//
// To serve a Mux below a path of another router, use http.StripPrefix, or
// [Mux.Mount] for another Mux. A wrong prefix opens nothing: no pattern matches,
// and the response is 404 or a redirect.
//
// Register every route before serving: Handle panics after the first request. A
// Mux is safe for concurrent use once it serves.
type Mux struct {
	guard   *Middleware
	mux     *http.ServeMux
	routes  []*route
	connect bool // a pattern names CONNECT
	hosts   bool // a pattern names a host
	mounted bool // another Mux has its routes, so it takes no more

	compiling sync.Mutex
	compiled  atomic.Bool // the routes are final, and their rivals are set
}

// route is a registered pattern.
type route struct {
	pattern string
	parsed  pattern
	need    scopes.Requirement
	guard   *Middleware
	handler http.Handler

	// Written by compile. rivals is nil, or has an element for each route.
	index      int
	rivals     []rivalry
	lookalikes *lookalikes
}

// NewMux makes an empty Mux whose routes m guards, or returns every mistake at
// once: m is nil, or GODEBUG=httpmuxgo121=1 makes http.ServeMux ignore methods
// and wildcards.
func NewMux(m *Middleware) (*Mux, error) {
	var errs []error
	if m == nil {
		errs = append(errs, errors.New("httpmw: NewMux: the Middleware is nil: make one with httpmw.New"))
	}
	if !knowsMethods() {
		errs = append(errs, errors.New("httpmw: NewMux: GODEBUG has httpmuxgo121=1: "+
			"http.ServeMux would never match a pattern with a method: remove that setting"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Mux{guard: m, mux: http.NewServeMux()}, nil
}

// knowsMethods reports whether ServeMux has the patterns of Go 1.22.
func knowsMethods() bool {
	mux := http.NewServeMux()
	mux.Handle("GET /{x}", http.NotFoundHandler())
	_, pattern := mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/x"}})
	return pattern != ""
}

// Handle registers h for pattern: only calls that meet need reach it. Like
// http.ServeMux.Handle it panics if the pattern is malformed or conflicts with
// another. It also panics if need is the zero Requirement, if h is nil, and
// after the Mux has served or was mounted.
func (x *Mux) Handle(pattern string, need scopes.Requirement, h http.Handler) {
	switch {
	case x == nil || x.mux == nil:
		panic(fmt.Sprintf("httpmw: Handle(%q): the Mux is the zero value: make one with httpmw.NewMux", pattern))
	case need.IsZero():
		panic(fmt.Sprintf("httpmw: Handle(%q): the zero Requirement is met by nobody: "+
			"write scopes.All(…), scopes.Any(…), scopes.Authenticated() or scopes.Public()", pattern))
	case h == nil:
		panic(fmt.Sprintf("httpmw: Handle(%q): the handler is nil", pattern))
	case x.mounted:
		panic(fmt.Sprintf("httpmw: Handle(%q): the Mux was mounted, which would miss this route: register it before", pattern))
	}
	x.register(pattern, need, x.guard, h)
}

// HandleFunc registers the function h as [Mux.Handle] does.
func (x *Mux) HandleFunc(pattern string, need scopes.Requirement, h func(http.ResponseWriter, *http.Request)) {
	if h == nil {
		panic(fmt.Sprintf("httpmw: HandleFunc(%q): the handler is nil", pattern))
	}
	x.Handle(pattern, need, http.HandlerFunc(h))
}

func (x *Mux) register(pattern string, need scopes.Requirement, guard *Middleware, h http.Handler) {
	x.compiling.Lock()
	defer x.compiling.Unlock()
	if x.compiled.Load() {
		panic(fmt.Sprintf("httpmw: Handle(%q): the Mux already serves: register every route before", pattern))
	}
	pattern = withPlainHost(pattern)
	r := &route{pattern: pattern, need: need, guard: guard, handler: h}
	x.mux.HandleFunc(pattern, r.serve) // panics if the pattern is malformed
	r.parsed = parsePattern(pattern)
	x.routes = append(x.routes, r)
	x.connect = x.connect || r.parsed.method == http.MethodConnect
	x.hosts = x.hosts || r.parsed.host != ""
}

// ServeHTTP answers the request with the handler whose pattern matches it, if
// the request meets its requirement.
func (x *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if x == nil || x.mux == nil {
		new(Middleware).Serve(w, r, operation(r), scopes.Requirement{}, nil)
		return
	}
	if !x.compiled.Load() {
		x.compile()
	}
	if r.Method == http.MethodConnect && !x.connect {
		// ServeMux does not clean the path of a CONNECT request.
		urlpath.Refuse(w, http.StatusMethodNotAllowed)
		return
	}
	if urlpath.HasDotSegment(r.URL.Path) {
		urlpath.Refuse(w, http.StatusBadRequest)
		return
	}
	if x.hosts {
		var ok bool
		if r, ok = withHost(r); !ok {
			urlpath.Refuse(w, http.StatusBadRequest)
			return
		}
	}
	x.mux.ServeHTTP(w, r)
}

func (x *Mux) compile() {
	x.compiling.Lock()
	defer x.compiling.Unlock()
	if !x.compiled.Load() {
		compile(x.routes)
		x.compiled.Store(true)
	}
}

// serve answers a request that ServeMux has matched to the route.
func (r *route) serve(w http.ResponseWriter, req *http.Request) {
	if r.rivals != nil && r.mistakable(req) {
		urlpath.Refuse(w, http.StatusBadRequest)
		return
	}
	r.guard.Serve(w, req, operation(req), r.need, r.handler)
}

// Operations returns each pattern with its requirement, in the order of the
// patterns.
func (x *Mux) Operations() iter.Seq2[string, scopes.Requirement] {
	sorted := slices.SortedFunc(slices.Values(x.routes), func(a, b *route) int {
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
