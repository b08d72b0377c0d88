package httpmw

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/urlpath"
)

// CheckCoverage reports gaps in the routes: requests near a route that a broader
// pattern with a weaker requirement answers, with another method, another host
// or a path below. If "GET /admin" is guarded and "/" is public, it reports that
// POST /admin is public. It also reports two patterns that differ only in their
// spelling, like "/admin" and "/Admin". Each report says what to register. Call
// it when every route is registered, at start-up or in a test.
//
// A pattern that names the method and the path is not a gap: "GET /orders" and
// "POST /orders" may have different requirements, and so may "/admin/{$}" and
// "/admin/". Neither is one that names another host, or another method and no
// subtree: "DELETE /orders/{id}" beside "GET /orders/search". "OPTIONS /" may
// answer the preflight requests of every route.
//
// CheckCoverage makes requests from each pattern and lets the Mux's router match
// them, so it follows ServeMux's precedence. It compares requirements with
// scopes.Requirement.Implies.
func (x *Mux) CheckCoverage() error {
	byPattern := make(map[string]*route, len(x.routes))
	hosts := []string{"other.invalid"}
	for _, r := range x.routes {
		byPattern[r.pattern] = r
		if h := r.parsed.host; h != "" && !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	slices.Sort(hosts)
	var errs []error
	for pattern := range x.Operations() {
		strong := byPattern[pattern]
		reported := make(map[*route]bool)
		for _, probe := range strong.probes(hosts) {
			_, answers := x.mux.Handler(probe)
			weak := byPattern[answers]
			if weak == nil || reported[weak] || !weak.weakerThan(strong) || !weak.parsed.broaderThan(strong.parsed) {
				continue
			}
			reported[weak] = true
			errs = append(errs, fmt.Errorf("httpmw: %q requires %v, but %s %s%s is answered by %q, which requires %v%s: "+
				"register a pattern for that too, with the same requirement",
				strong.pattern, strong.need, probe.Method, probe.Host, probe.URL.Path, weak.pattern, weak.need, otherGuard(strong, weak)))
		}
		if twin := x.twin(strong); twin != nil {
			errs = append(errs, fmt.Errorf("httpmw: %q requires %v, but %q, which some servers read as the same, requires %v%s: "+
				"give both the same requirement, or remove one",
				strong.pattern, strong.need, twin.pattern, twin.need, otherGuard(strong, twin)))
		}
	}
	return errors.Join(errs...)
}

// otherGuard returns the words for a requirement that looks as strict and
// belongs to another Middleware.
func otherGuard(strong, weak *route) string {
	if strong.guard != weak.guard && weak.need.Implies(strong.need) {
		return " of another guard"
	}
	return ""
}

// broaderThan reports whether p matches every path of o and was not written for
// o: p's path is more general, or p has no method or host and o has one. A
// pattern with another host than o's, or for a whole other method than o's, was
// written on purpose: "DELETE /orders/{id}" beside "GET /orders/search", and
// "OPTIONS /". Only a subtree of another method still is broader.
func (p pattern) broaderThan(o pattern) bool {
	if !p.coversPath(o) || p.host != "" && o.host != "" && p.host != o.host {
		return false
	}
	if !p.coversMethod(o) && !o.coversMethod(p) && (!p.isSubtree() || p.method == http.MethodOptions) {
		return false
	}
	return !o.coversPath(p) || p.method == "" && (o.method != "" || p.host == "" && o.host != "")
}

// twin returns a route that is weaker than r and has the path of r in another
// spelling, or nil. Mux serves both as they are written.
func (x *Mux) twin(r *route) *route {
	reduced, ok := r.parsed.reduced()
	if !ok {
		return nil
	}
	for _, other := range x.routes {
		path, ok := other.parsed.reduced()
		if ok && path == reduced && other.weakerThan(r) && other.parsed.meets(r.parsed) &&
			!(other.parsed.coversPath(r.parsed) && r.parsed.coversPath(other.parsed)) {
			return other
		}
	}
	return nil
}

// reduced returns the path of the pattern as lax servers read it, with its
// wildcards but not their names. ok is false if servers disagree about it.
func (p pattern) reduced() (path string, ok bool) {
	var b strings.Builder
	for _, s := range p.segments {
		switch s.kind {
		case literal:
			text, ok := urlpath.Reduce("/" + s.text)
			if !ok {
				return "", false
			}
			b.WriteString(text)
		case wild:
			b.WriteString("/{}")
		case multi:
			b.WriteString("/{...}")
		case end:
			b.WriteString("/{$}")
		}
	}
	return b.String(), true
}

// probeMethods are the common methods, and one that no handler knows. The Mux
// refuses methods in lower case where they could be mistaken.
var probeMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions, http.MethodTrace, "PROBE",
}

// probes returns requests near r: its path and one below, with every method, at
// its own host and at the others.
func (r *route) probes(others []string) []*http.Request {
	hosts := others
	if host := r.parsed.host; host != "" {
		hosts = append([]string{host}, slices.DeleteFunc(slices.Clone(others), func(h string) bool { return h == host })...)
	}
	paths := []string{r.parsed.sample("m2mauth-probe")}
	if own := paths[0]; strings.HasSuffix(own, "/") {
		paths = append(paths, own+"below")
	} else {
		paths = append(paths, own+"/", own+"/below")
	}
	var list []*http.Request
	for _, h := range hosts {
		for _, p := range paths {
			for _, m := range probeMethods {
				list = append(list, &http.Request{Method: m, Host: h, URL: &url.URL{Path: p}, Header: http.Header{}})
			}
		}
	}
	return list
}
