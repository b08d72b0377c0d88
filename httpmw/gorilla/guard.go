// Package gorilla declares requirements on the routes of a gorilla/mux router.
//
//	root := mux.NewRouter()
//	guard := gorilla.New(m, root)
//	guard.Route(root.HandleFunc("/orders", list).Methods("GET"), scopes.All("orders:read"))
//	admin := root.PathPrefix("/admin")
//	guard.Route(admin, scopes.All("admin")) // for every route of the subrouter, too
//	guard.Route(admin.Subrouter().HandleFunc("/keys", keys), scopes.All("admin", "keys"))
//
// The requirement is enforced for the route that the router has matched. A
// route without one inherits that of the nearest route around it; where there
// is none, its calls are refused.
//
// A router answers 404 and 405 before any middleware: no token is asked for
// then, and custom handlers for the two are reported by
// [Guard.CheckCoverage].
package gorilla

import (
	"errors"
	"net/http"
	"sync"

	"github.com/gorilla/mux"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/urlpath"
	"github.com/m2mauth/m2mauth/scopes"
)

// Guard enforces requirements on the routes of one router. Declare everything,
// then serve: at the first request, and at CheckCoverage, what is declared is
// frozen. Serving is safe for concurrent use.
//
// Like httpmw.Mux it answers 400 to a decoded path with a "." or ".." segment,
// which a route's handler might take for another route's. Two more requests are
// answered 400 on routes that require less than some other route does:
//
//   - If the router has UseEncodedPath or SkipClean: a path that others may read
//     differently, letter case aside, as "/admin%2Fx", "//admin" or "/a;b".
//   - If a route has a host: a Host in upper case or with a trailing dot, which
//     the router would not match to it.
//
// gorilla can match a request to a route whose own or outer methods do not
// include the request's, or that has no handler: such a request is answered 405
// or 404.
type Guard struct {
	m        *httpmw.Middleware
	root     *mux.Router
	freezing sync.Once

	mu       sync.Mutex
	declared map[*mux.Route]scopes.Requirement

	// Written once, by freeze.
	frozen           map[*mux.Route]rule
	encoded, unclean bool // UseEncodedPath or SkipClean somewhere
	hosts            bool // a route has a host
}

// rule is what is in force for a route.
type rule struct {
	name    string // of the operation: the template of its path
	need    scopes.Requirement
	handles bool       // the route has a handler
	methods [][]string // its own, and those of each route around it
	late    bool       // a route around it has matchers that come after its Subrouter
	weak    bool       // some other route requires what it does not
}

// New makes a Guard and installs it on root, as the middleware that runs first
// if none was installed before. It returns every mistake at once, and installs
// nothing then: m or root is nil.
func New(m *httpmw.Middleware, root *mux.Router) (*Guard, error) {
	var errs []error
	if m == nil {
		errs = append(errs, errors.New("gorilla: New: the Middleware is nil: make one with httpmw.New"))
	}
	if root == nil {
		errs = append(errs, errors.New("gorilla: New: the Router is nil: make one with mux.NewRouter"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	g := &Guard{m: m, root: root, declared: make(map[*mux.Route]scopes.Requirement)}
	root.Use(g.middleware)
	return g, nil
}

// Route declares what r requires, and returns r. For a route with a subrouter,
// the requirement applies to each route of the subrouter that declares none: the
// most specific declaration applies. Route panics if need is the zero
// Requirement, if r already requires something else, and after the freeze.
func (g *Guard) Route(r *mux.Route, need scopes.Requirement) *mux.Route {
	if g == nil || g.root == nil {
		panic("gorilla: Route: the Guard is the zero value: make one with gorilla.New")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	before, declared := g.declared[r]
	switch {
	case r == nil:
		panic("gorilla: Route: the route is nil")
	case need.IsZero():
		panic("gorilla: Route: the zero Requirement is met by nobody: " +
			"write scopes.All(…), scopes.Any(…), scopes.Authenticated() or scopes.Public()")
	case declared && !before.Equal(need):
		panic("gorilla: Route: the route already requires " + before.String())
	case g.frozen != nil:
		panic("gorilla: Route: the router already serves: declare every requirement before")
	}
	g.declared[r] = need
	return r
}

// freeze works out what is in force for each route that there is.
func (g *Guard) freeze() {
	g.freezing.Do(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		frozen := make(map[*mux.Route]rule)
		// The walk fails only if its function does.
		_ = g.walk(func(r *mux.Route, _ *mux.Router, ancestors []*mux.Route) error {
			_, late := matchersOf(r)
			for _, around := range ancestors {
				_, around := matchersOf(around)
				late = late || around
			}
			frozen[r] = rule{
				name: templateOf(r), need: g.nearest(r, ancestors),
				handles: r.GetHandler() != nil, methods: methodsOf(r, ancestors), late: late,
			}
			_, err := r.GetHostTemplate()
			g.hosts = g.hosts || err == nil
			g.encoded = g.encoded || option(r, "useEncodedPath")
			return nil
		})
		g.encoded = g.encoded || option(g.root, "useEncodedPath")
		g.unclean = option(g.root, "skipClean")
		compare(frozen)
		g.frozen = frozen
	})
}

// walk calls f for each route that the guard sees matched. What is behind a
// route whose handler is a router by itself is matched by that router alone.
func (g *Guard) walk(f mux.WalkFunc) error {
	return g.root.Walk(func(r *mux.Route, in *mux.Router, ancestors []*mux.Route) error {
		if err := f(r, in, ancestors); err != nil {
			return err
		}
		if _, opaque := r.GetHandler().(*mux.Router); opaque {
			return mux.SkipRouter
		}
		return nil
	})
}

// nearest is the most specific declaration for r: its own, or that of the
// nearest route around it. The caller holds mu.
func (g *Guard) nearest(r *mux.Route, ancestors []*mux.Route) scopes.Requirement {
	if need, ok := g.declared[r]; ok {
		return need
	}
	for i := len(ancestors) - 1; i >= 0; i-- {
		if need, ok := g.declared[ancestors[i]]; ok {
			return need
		}
	}
	return scopes.Requirement{}
}

func (g *Guard) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.freeze()
		if urlpath.HasDotSegment(r.URL.Path) {
			// gorilla hands it to the route whose prefix it begins with, if it
			// was told not to clean paths, or not to decode them.
			urlpath.Refuse(w, http.StatusBadRequest)
			return
		}
		// The zero rule, of a route that came late or is not in the context,
		// refuses every call.
		in, known := g.frozen[mux.CurrentRoute(r)]
		if status := in.stale(r); known && status != 0 {
			urlpath.Refuse(w, status)
			return
		}
		if in.weak && g.ambiguous(r) {
			urlpath.Refuse(w, http.StatusBadRequest)
			return
		}
		name := in.name
		if name == "" {
			name = r.URL.EscapedPath()
		}
		g.m.Serve(w, r, r.Method+" "+name, in.need, next)
	})
}

// templateOf names a route: by its name, or by the template of its path.
func templateOf(r *mux.Route) string {
	if template, err := r.GetPathTemplate(); err == nil && template != "" {
		return template
	}
	return r.GetName()
}
