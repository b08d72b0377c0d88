package grpcmw

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
)

// Policy maps methods to their requirements. A key is "/pkg.Service/Method", or
// "/pkg.Service/*" for the methods of the service that have no key of their own.
// A method without either is refused. The zero Policy, nil, refuses every method.
type Policy map[string]scopes.Requirement

// policy is a compiled Policy. It is immutable. The zero policy names no method.
type policy struct {
	methods  map[string]scopes.Requirement // by full name
	services map[string]scopes.Requirement // by "/pkg.Service/"
}

// compile returns a copy of p for look-ups, or every mistake in p at once.
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

// splitName splits a key of a Policy into "/pkg.Service/" and "Method".
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
// separators between them. It also accepts dashes, for services that no .proto
// file declares.
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

// need returns the requirement of a method, by its exact name or that of its
// service. It returns the zero Requirement, which nobody meets, for an unknown
// method and for a name that does not begin with a slash.
func (p policy) need(method string) scopes.Requirement {
	if need, ok := p.methods[method]; ok {
		return need
	}
	// Split at the last slash, as grpc-go does when it looks for the handler.
	return p.services[method[:strings.LastIndexByte(method, '/')+1]]
}
