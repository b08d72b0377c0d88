package grpcmw

import (
	"iter"
	"slices"

	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/grpc"
)

// Methods lists each method that a server has, as grpc.Server.GetServiceInfo
// tells them, with the requirement that is in force for it, in the order of
// their names; the zero Requirement where the policy has none.
func (i *Interceptor) Methods(services map[string]grpc.ServiceInfo) iter.Seq2[string, scopes.Requirement] {
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
