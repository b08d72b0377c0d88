package grpcmw

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/grpc"
)

// CheckCoverage compares the policy with the methods that a server has, as
// grpc.Server.GetServiceInfo returns them. It reports each method that the
// policy does not name, which is refused, and each name of the policy that the
// server does not have, which guards nothing. It does not report such a name if
// it is Public. Call it when every service is registered, at start-up or in a
// test.
func (i *Interceptor) CheckCoverage(services map[string]grpc.ServiceInfo) error {
	var errs []error
	served := make(map[string]bool) // methods, and services with their slashes
	for _, service := range slices.Sorted(maps.Keys(services)) {
		prefix := "/" + service + "/"
		served[prefix] = true
		for _, m := range services[service].Methods {
			served[prefix+m.Name] = true
			if i.policy.need(prefix + m.Name).IsZero() {
				errs = append(errs, fmt.Errorf("grpcmw: %q is served, and the policy does not name it: "+
					"every call of it is refused", prefix+m.Name))
			}
		}
	}
	stale := func(names map[string]scopes.Requirement, suffix string) {
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if !served[name] && !names[name].IsPublic() {
				errs = append(errs, fmt.Errorf("grpcmw: the policy names %q, and nothing of that name is served: "+
					"is it misspelt, or gone?", name+suffix))
			}
		}
	}
	stale(i.policy.methods, "")
	stale(i.policy.services, "*")
	return errors.Join(errs...)
}

// Operations returns each method that a server has, as
// grpc.Server.GetServiceInfo returns them, with its requirement: the zero
// Requirement if the policy has none. They are in the order of their names.
func (i *Interceptor) Operations(services map[string]grpc.ServiceInfo) iter.Seq2[string, scopes.Requirement] {
	var names []string
	for service, info := range services {
		for _, method := range info.Methods {
			names = append(names, "/"+service+"/"+method.Name)
		}
	}
	slices.Sort(names)
	return func(yield func(string, scopes.Requirement) bool) {
		for _, name := range names {
			if !yield(name, i.policy.need(name)) {
				return
			}
		}
	}
}
