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

// CheckCoverage reports gaps in a routing table: a broader pattern with a weaker
// requirement that answers what a stronger pattern seems to guard, for another
// method, another host or a path below it. With "GET /admin" guarded and "/"
// public, it reports that POST /admin is public. It also reports two patterns
// that differ by no more than their spelling, like "/admin" and "/Admin". Each
// report says what to register. Call it when every route is registered, at
// start-up or in a test.
//
// A pattern that names the method and the path itself is no gap: "GET /orders"
// and "POST /orders" may require different things, and so may "/admin/{$}" and
// "/admin/".
//
// CheckCoverage sends the Mux's router requests made from each pattern, so it
// follows ServeMux's precedence. scopes.Requirement.Implies decides whether
// another pattern is as strict.
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
				"register that too, with what it requires",
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

// otherGuard explains why a requirement that looks as strict is not.
func otherGuard(strong, weak *route) string {
	if strong.guard != weak.guard && weak.need.Implies(strong.need) {
		return " of another guard"
	}
	return ""
}

// broaderThan reports whether p matches the path of o and, without having been
// written for it, more: p's path is more general, or p has no method or host
// where o has one.
func (p pattern) broaderThan(o pattern) bool {
	if !p.coversPath(o) {
		return false
	}
	return !o.coversPath(p) || p.method == "" && (o.method != "" || p.host == "" && o.host != "")
}

// twin returns a route that is weaker than r and whose path is r's, spelled
// differently, or nil. Mux serves both as they are written.
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

// probeMethods are those that handlers know, and one that none does. The Mux
// answers methods in lower case itself where they could be mistaken.
var probeMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions, http.MethodTrace, "PROBE",
}

// probes are requests near the one that r is for: its path and one below it,
// with every method, at its own host and the others.
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
