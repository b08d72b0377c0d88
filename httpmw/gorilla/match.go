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

// gorilla/mux v1.8.1 can run a handler under another route's name: a route of a
// subrouter that matches, although a matcher of the route around it does not,
// stays in RouteMatch while later routes are tried. If a later one matches, the
// first one's Route goes into the context, and the handler can be either's. The
// functions here tell such a match without running a matcher twice.

// stale returns the status with which to refuse a request that the router
// matched to another route than in's, whose name it kept; 0 if it did not. In a
// real match the method of each route around in's holds, and only a stale match
// gives a route without a handler somebody's.
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
// after its Subrouter. mux does not export them. If a later release keeps them
// elsewhere, the answer is the one that refuses more.
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

// compare tells each rule whether it is weaker than another one, and so must not
// be reached by a path that can be read as the other's. It tightens a rule under
// which the handler of a route without matchers could run: see matchersOf.
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
// request as one for another route than the router did. Where the router cleans
// and decodes paths itself, it reads them as http.FileServer does.
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

// canonicalHost reports whether a host pattern, which the router compares as it
// stands, can't miss the host of r for its case or its trailing dot.
func canonicalHost(r *http.Request) bool {
	host := r.Host
	if r.URL.IsAbs() {
		host = r.URL.Host // as the router does
	}
	name, ok := urlpath.Host(host)
	if strings.HasPrefix(host, "[") {
		name = "[" + name + "]"
	}
	port, same := strings.CutPrefix(host, name)
	return ok && same && (port == "" || port[0] == ':')
}
