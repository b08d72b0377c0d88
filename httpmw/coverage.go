package httpmw

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
)

// CheckCoverage reports the commonest hole in a routing table: a weaker
// pattern that answers what a stronger one seems to guard, for another method
// ("POST /admin" where only "GET /admin" is registered, and "/" is public),
// another host, or a path below it. Each is named with what to register. Call
// it when every route is registered, at start-up or in a test.
//
// It asks the Mux itself, with requests made from each pattern, so it knows
// what ServeMux does. That some other pattern is as strict, and so no hole, is
// decided by scopes.Requirement.Implies.
func (x *Mux) CheckCoverage() error {
	needs := make(map[string]scopes.Requirement, len(x.routes))
	for _, r := range x.routes {
		needs[r.pattern] = r.need
	}
	var errs []error
	for strong, need := range x.Routes() {
		reported := make(map[string]bool)
		for _, probe := range probes(strong) {
			_, weak := x.mux.Handler(probe)
			if weak == "" || weak == strong || reported[weak] || needs[weak].Implies(need) {
				continue
			}
			reported[weak] = true
			errs = append(errs, fmt.Errorf("httpmw: %q requires %v, but %s %s%s is answered by %q, which requires %v: "+
				"register that too, with what it requires",
				strong, need, probe.Method, probe.Host, probe.URL.Path, weak, needs[weak]))
		}
	}
	return errors.Join(errs...)
}

// probeMethods are those that handlers know, one that nobody does, and one in
// lower case, which is a different method.
var probeMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions, http.MethodTrace, "PROBE", "get",
}

// probes are requests near the one that pattern is for: its path and one below
// it, with every method, at its own host and another.
func probes(pattern string) []*http.Request {
	_, rest, hasMethod := strings.Cut(pattern, " ")
	if !hasMethod {
		rest = pattern
	}
	rest = strings.TrimLeft(rest, " \t")
	slash := strings.Index(rest, "/")
	host, path := rest[:slash], samplePath(rest[slash:])
	hosts := []string{"other.invalid"}
	if host != "" {
		hosts = []string{host, "other.invalid"}
	}
	paths := []string{path}
	if !strings.HasSuffix(path, "/") {
		paths = append(paths, path+"/", path+"/below")
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

// samplePath fills in a pattern's wildcards with segments that no other
// pattern is likely to name.
func samplePath(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = "m2mauth-probe"
			if segment == "{$}" {
				segments[i] = ""
			}
		}
	}
	path = strings.Join(segments, "/")
	if decoded, err := url.PathUnescape(path); err == nil {
		return decoded // patterns are written encoded, where they have to be
	}
	return path
}
