package grpcmw

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
)

// Policy says what each method requires. A key is "/pkg.Service/Method", or
// "/pkg.Service/*" for the methods of a service that no other key names: the
// most specific one replaces. What no key names is refused.
type Policy map[string]scopes.Requirement

// policy is a compiled Policy. It is immutable. The zero policy names no method.
type policy struct {
	methods  map[string]scopes.Requirement // by full name
	services map[string]scopes.Requirement // by "/pkg.Service/"
}

// compile copies p into a form for look-ups, or reports every mistake in it.
func (p Policy) compile() (policy, error) {
	c := policy{
		methods:  make(map[string]scopes.Requirement),
		services: make(map[string]scopes.Requirement),
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(p)) {
		need := p[name]
		service, method, err := splitName(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("grpcmw: Policy: %w", err))
			continue
		}
		if need.IsZero() {
			errs = append(errs, fmt.Errorf("grpcmw: Policy: %q has the zero Requirement, which nobody meets: "+
				"write scopes.All(…), scopes.Any(…), scopes.Authenticated() or scopes.Public()", name))
			continue
		}
		if method == "*" {
			c.services[service] = need
		} else {
			c.methods[name] = need
		}
	}
	return c, errors.Join(errs...)
}

// splitName takes a key of a Policy apart: "/pkg.Service/" and "Method".
func splitName(name string) (service, method string, err error) {
	fail := func(problem string) error {
		return fmt.Errorf("%q %s: want \"/pkg.Service/Method\" or \"/pkg.Service/*\"", name, problem)
	}
	rest, rooted := strings.CutPrefix(name, "/")
	if !rooted {
		return "", "", fail("does not begin with a slash")
	}
	service, method, ok := strings.Cut(rest, "/")
	switch {
	case !ok || strings.Contains(method, "/"):
		return "", "", fail("is not a service and a method")
	case !isIdentifiers(service, "."):
		return "", "", fail("has a malformed service name")
	case method != "*" && !isIdentifiers(method, ""):
		return "", "", fail("has a malformed method name")
	}
	return "/" + service + "/", method, nil
}

// isIdentifiers reports whether name is a protobuf identifier, or several with
// separators between them. Dashes are admitted, for services that were not
// declared in a .proto file.
func isIdentifiers(name, separator string) bool {
	parts := []string{name}
	if separator != "" {
		parts = strings.Split(name, separator)
	}
	for _, part := range parts {
		if part == "" || strings.ContainsFunc(part, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-'
		}) {
			return false
		}
	}
	return true
}

// need is what a call of the method requires: nothing but an exact name, or
// its service's, is ever found. An unknown method, and one whose name does not
// begin with a slash, gets the zero Requirement, which nobody meets.
func (p policy) need(method string) scopes.Requirement {
	if need, ok := p.methods[method]; ok {
		return need
	}
	// Split at the last slash, as grpc-go does when it looks for the handler.
	return p.services[method[:strings.LastIndexByte(method, '/')+1]]
}
