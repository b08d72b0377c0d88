package gorilla

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/gorilla/mux"
	"github.com/m2mauth/m2mauth/scopes"
)

// CheckCoverage reports routes and handlers that the requirements do not cover:
//
//   - routes with a handler and no requirement, and routes added after the
//     freeze, which are refused;
//   - custom handlers for 404 and 405, which need no token;
//   - routers that are a route's handler, whose routes all have that route's
//     requirement;
//   - matchers added to a route after its Subrouter, with which gorilla can run
//     another route's handler.
//
// Call it when every route is registered, at start-up or in a test.
func (g *Guard) CheckCoverage() error {
	if g.root == nil {
		return errors.New("gorilla: CheckCoverage: the Guard is the zero value: make one with gorilla.New")
	}
	g.freeze()
	var errs []error
	report := func(format string, args ...any) { errs = append(errs, fmt.Errorf("gorilla: "+format, args...)) }

	g.checkRouter("the router", g.root, report)
	routers := map[*mux.Router]bool{g.root: true}
	_ = g.walk(func(r *mux.Route, in *mux.Router, _ []*mux.Route) error {
		if !routers[in] {
			routers[in] = true
			g.checkRouter("the subrouter of "+describe(r), in, report)
		}
		if _, late := matchersOf(r); late {
			report("%s has matchers that were added after its Subrouter: the router may run another route's handler in its name; "+
				"add them before", describe(r))
		}
		if r.GetHandler() == nil {
			return nil // a route that only holds a subrouter answers nothing
		}
		rule, known := g.frozen[r]
		switch {
		case !known:
			report("%s was added after the requirements were frozen: every call of it is refused", describe(r))
		case rule.need.IsZero():
			report("%s has no requirement: every call of it is refused", describe(r))
		}
		switch r.GetHandler().(type) {
		case *mux.Router, *http.ServeMux:
			report("%s has a router for its handler: all its routes have the one requirement %v; "+
				"use Subrouter to tell them apart", describe(r), rule.need)
		}
		return nil
	})
	return errors.Join(errs...)
}

func (g *Guard) checkRouter(what string, r *mux.Router, report func(string, ...any)) {
	if r.NotFoundHandler != nil {
		report("%s has a NotFoundHandler, which answers without a token", what)
	}
	if r.MethodNotAllowedHandler != nil {
		report("%s has a MethodNotAllowedHandler, which answers without a token", what)
	}
}

// Operations returns each route that has a handler, as methods and path
// template, with its requirement: the zero Requirement if it has none. It
// freezes the requirements.
func (g *Guard) Operations() iter.Seq2[string, scopes.Requirement] {
	if g.root == nil {
		return func(func(string, scopes.Requirement) bool) {}
	}
	g.freeze()
	return func(yield func(string, scopes.Requirement) bool) {
		stop := errors.New("stop")
		_ = g.walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
			if r.GetHandler() != nil && !yield(describe(r), g.frozen[r].need) {
				return stop
			}
			return nil
		})
	}
}

// describe renders a route for people: "GET,HEAD /users/{id}".
func describe(r *mux.Route) string {
	name := templateOf(r)
	if methods, err := r.GetMethods(); err == nil && len(methods) > 0 {
		return strings.Join(methods, ",") + " " + name
	}
	return name
}
