package gorilla

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/gorilla/mux"
	"github.com/m2mauth/m2mauth/internal/urlpath"
	"github.com/m2mauth/m2mauth/scopes"
)

// gorilla/mux v1.8.1 can put one route into the context and run the handler of
// another. A route of a subrouter can match although a matcher of the route
// around it fails. It then stays in RouteMatch while later routes are tried. If a
// later one matches, the context has the first route, and the handler is that of
// either. The functions here detect such a match without running a matcher twice.

// stale returns the status of a refusal if the router cannot have matched r to
// the route of in, and 0 otherwise. In a real match the route has a handler, and
// its methods and those of each route around it include the request's.
func (in rule) stale(r *http.Request) int {
	switch {
	case !in.handles:
		return http.StatusNotFound
	case slices.ContainsFunc(in.methods, func(allowed []string) bool { return !slices.Contains(allowed, r.Method) }):
		return http.StatusMethodNotAllowed
	}
	return 0
}

// methodsOf lists the methods that r and the routes around it are limited to.
func methodsOf(r *mux.Route, ancestors []*mux.Route) (list [][]string) {
	for _, route := range append(slices.Clone(ancestors), r) {
		if methods, err := route.GetMethods(); err == nil {
			list = append(list, methods)
		}
	}
	return list
}

// matchersOf returns how many matchers a route has, and whether any was added
// after its Subrouter. mux does not export them. If a later release renames the
// field, matchersOf returns what makes the guard refuse more.
func matchersOf(r *mux.Route) (n int, late bool) {
	matchers := reflect.ValueOf(r).Elem().FieldByName("matchers")
	if !matchers.IsValid() || matchers.Kind() != reflect.Slice {
		return 0, true
	}
	subrouter := reflect.TypeFor[*mux.Router]()
	for i := range matchers.Len() {
		if matchers.Index(i).Elem().Type() == subrouter && i+1 < matchers.Len() {
			return matchers.Len(), true
		}
	}
	return matchers.Len(), false
}

// option reports whether an unexported option of a Router or a Route is set, or
// can't be found.
func option(of any, name string) bool {
	field := reflect.ValueOf(of).Elem().FieldByName(name)
	return !field.IsValid() || field.Kind() != reflect.Bool || field.Bool()
}

// compare sets which rules are weaker than another one: a path that can be read
// as the other's must not reach their routes. It also adds to late rules the
// requirements of all routes without matchers, whose handlers could run.
func compare(rules map[*mux.Route]rule) {
	var catchAll []scopes.Requirement
	for route, in := range rules {
		if n, _ := matchersOf(route); n == 0 && in.handles {
			catchAll = append(catchAll, in.need)
		}
	}
	for route, in := range rules {
		if in.late {
			for _, need := range catchAll {
				in.need = in.need.And(need)
			}
		}
		for other, strong := range rules {
			if other != route && strong.handles && !in.need.Implies(strong.need) {
				in.weak = true
			}
		}
		rules[route] = in
	}
}

// ambiguous reports whether a handler, or a server after it, could read a
// request as one for another route. A router that cleans and decodes paths reads
// them as http.FileServer does, so it is not ambiguous.
func (g *Guard) ambiguous(r *http.Request) bool {
	if g.hosts && !canonicalHost(r) {
		return true
	}
	path := r.URL.Path
	if !g.encoded && !g.unclean || r.URL.RawPath == "" && urlpath.Plain(path) {
		return false
	}
	reduced, ok := urlpath.Reduce(path)
	return !ok || !strings.EqualFold(reduced, path) || g.encoded && r.URL.RawPath != ""
}

// canonicalHost reports whether the host of r is in lower case and without a
// trailing dot. The router compares hosts byte for byte.
func canonicalHost(r *http.Request) bool {
	host := r.Host
	if r.URL.IsAbs() {
		host = r.URL.Host // the router compares it, too
	}
	name, ok := urlpath.Host(host)
	if strings.HasPrefix(host, "[") {
		name = "[" + name + "]"
	}
	port, same := strings.CutPrefix(host, name)
	return ok && same && (port == "" || port[0] == ':')
}
