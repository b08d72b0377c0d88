// Package gorilla declares requirements on the routes of a gorilla/mux router.
//
//	root := mux.NewRouter()
//	guard, err := gorilla.New(m, root)
//	guard.Route(root.HandleFunc("/orders", list).Methods("GET"), scopes.All("orders:read"))
//	admin := root.PathPrefix("/admin")
//	guard.Route(admin, scopes.All("admin")) // for every route of the subrouter, too
//	guard.Route(admin.Subrouter().HandleFunc("/keys", keys), scopes.All("admin", "keys"))
//
// The guard enforces the requirement of the route that the router has matched. A
// route without a requirement inherits that of the nearest route around it. If
// there is none, every call of it is refused.
//
// The router answers 404 and 405 before any middleware, so these answers need no
// token. [Guard.CheckCoverage] reports custom handlers for them.
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

// Guard enforces requirements on the routes of one router. Make one with [New].
// Declare every requirement before serving: the first request freezes them, and
// so do CheckCoverage and Operations. Serving is safe for concurrent use.
//
// Like httpmw.Mux, Guard answers 400 to a decoded path with a "." or ".."
// segment, which a handler could follow to another route. It answers 400 to two
// more requests, on routes that require less than some other route:
//
//   - If the router has UseEncodedPath or SkipClean: a path that other servers
//     may read differently, letter case aside, like "/admin%2Fx", "//admin" or
//     "/a;b".
//   - If a route has a host: a Host in upper case or with a trailing dot, which
//     the router would not match to that route.
//
// gorilla can match a request to a route that has no handler, or that does not
// take the request's method. Guard answers such a request 404 or 405.
type Guard struct {
	m        *httpmw.Middleware
	root     *mux.Router
	freezing sync.Once

	mu       sync.Mutex
	declared map[*mux.Route]scopes.Requirement

	// Set once, by freeze.
	frozen           map[*mux.Route]rule
	encoded, unclean bool // UseEncodedPath or SkipClean somewhere
	hosts            bool // a route has a host
}

// rule holds the requirement of a route, and what a match of it needs.
type rule struct {
	name    string // of the operation: the template of its path
	need    scopes.Requirement
	handles bool       // the route has a handler
	methods [][]string // its own, and those of each route around it
	late    bool       // a route around it has matchers that come after its Subrouter
	weak    bool       // some other route has a requirement that this one does not imply
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

// freeze sets the rule of each route of the router.
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

// walk calls f for each route that the guard can see matched. It leaves out the
// routes of a router that is the handler of a route: only that router matches
// them.
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

// nearest returns the most specific declaration for r: its own, or that of the
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
			// gorilla matches it by its prefix, if it does not clean paths or
			// does not decode them.
			urlpath.Refuse(w, http.StatusBadRequest)
			return
		}
		// A route that was added late, or is not in the context, has the zero
		// rule, which refuses every call.
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

// templateOf returns the template of a route's path, or its name if it has none.
func templateOf(r *mux.Route) string {
	if template, err := r.GetPathTemplate(); err == nil && template != "" {
		return template
	}
	return r.GetName()
}
