package grpcmw

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/m2mauth/m2mauth/grpcmw/m2mauthpb"
	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// PolicyFromDescriptors is explicit, and what the named services say of
// themselves in their .proto files, by the options of m2mauth/v1/require.proto:
//
//	policy, err := grpcmw.PolicyFromDescriptors(
//		grpcmw.Policy{"/grpc.health.v1.Health/*": scopes.Public()},
//		"orders.v1.Orders", "reports.v1.Reports")
//
// The option require of a method is the same as an entry "/pkg.Service/Method",
// and require_default of a service as "/pkg.Service/*"; so the most specific one
// replaces, wherever it was written. One entry with different requirements in
// both places is an error. A method that neither names is refused, and
// Interceptor.CheckCoverage reports it.
//
// Only the services that are named are read, so no other package that happens
// to be linked in opens a method. Their generated Go code must be linked in. A
// service that there is not, and an option that is empty, sets two fields or
// names malformed scopes, are errors. All of them are reported at once, with
// the mistakes in explicit, which is not changed.
func PolicyFromDescriptors(explicit Policy, services ...string) (Policy, error) {
	return policyFrom(protoregistry.GlobalFiles, explicit, services)
}

func policyFrom(files *protoregistry.Files, explicit Policy, services []string) (Policy, error) {
	_, err := explicit.compile()
	errs := []error{err}
	if len(services) == 0 {
		errs = append(errs, errors.New("grpcmw: PolicyFromDescriptors: no service is named: "+
			`name those that the server registers, like "pkg.Service"`))
	}
	merged := maps.Clone(explicit)
	if merged == nil {
		merged = make(Policy)
	}
	for _, name := range services {
		service, err := findService(files, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		declared := declarations(service, &errs)
		for _, name := range slices.Sorted(maps.Keys(declared)) {
			need := declared[name]
			if other, both := explicit[name]; both && !other.Equal(need) {
				errs = append(errs, fmt.Errorf("grpcmw: %q requires %v in the Policy and %v in %s: "+
					"remove one of the two", name, other, need, service.ParentFile().Path()))
			}
			merged[name] = need
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return merged, nil
}

func findService(files *protoregistry.Files, name string) (protoreflect.ServiceDescriptor, error) {
	fail := func(problem string) error { return fmt.Errorf("grpcmw: PolicyFromDescriptors: %q %s", name, problem) }
	if full := protoreflect.FullName(name); !full.IsValid() {
		return nil, fail(`is malformed: want the full name of a service, like "pkg.Service"`)
	}
	found, err := files.FindDescriptorByName(protoreflect.FullName(name))
	if errors.Is(err, protoregistry.NotFound) {
		return nil, fail("is not known: is it misspelt, or is its generated code not imported?")
	}
	if err != nil {
		return nil, fail("can't be read: " + err.Error())
	}
	service, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil, fail("is not a service")
	}
	return service, nil
}

// declarations are those of a service, under the keys of a Policy.
func declarations(service protoreflect.ServiceDescriptor, errs *[]error) Policy {
	declared := make(Policy)
	read := func(key string, d protoreflect.Descriptor, blank proto.Message, option protoreflect.ExtensionType) {
		need, present, err := readOption(d.Options(), blank, option)
		switch {
		case err != nil:
			*errs = append(*errs, fmt.Errorf("grpcmw: %s: the option (%s) of %q %w",
				d.ParentFile().Path(), option.TypeDescriptor().FullName(), key, err))
		case present:
			declared[key] = need
		}
	}
	prefix := "/" + string(service.FullName()) + "/"
	read(prefix+"*", service, new(descriptorpb.ServiceOptions), m2mauthpb.E_RequireDefault)
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		read(prefix+string(method.Name()), method, new(descriptorpb.MethodOptions), m2mauthpb.E_Require)
	}
	return declared
}

// readOption reads one of our options, where it is set. It takes blank, an
// empty message, to do it.
func readOption(options, blank proto.Message, option protoreflect.ExtensionType) (need scopes.Requirement, present bool, err error) {
	// Whoever made the descriptor may not have known our options, or may have
	// known them as messages without a Go type. Bytes are the same for all.
	raw, err := proto.MarshalOptions{AllowPartial: true}.Marshal(options)
	if err == nil {
		err = proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(raw, blank)
	}
	if err != nil {
		return need, false, fmt.Errorf("can't be read: %w", err)
	}
	if !proto.HasExtension(blank, option) {
		return need, false, nil
	}
	set, ok := proto.GetExtension(blank, option).(*m2mauthpb.Requirement)
	if !ok {
		return need, false, errors.New("is of an unknown type")
	}
	need, err = requirement(set)
	return need, err == nil, err
}

// requirement is what an option stands for.
func requirement(o *m2mauthpb.Requirement) (need scopes.Requirement, err error) {
	if len(o.ProtoReflect().GetUnknown()) > 0 {
		// What it demands can't be known, so it can't be left out.
		return need, errors.New("was written for a newer version of this module")
	}
	set := 0
	for _, is := range []bool{len(o.GetAll()) > 0, len(o.GetAny()) > 0, o.GetAuthenticated(), o.GetPublic()} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return need, fmt.Errorf("sets %d of its fields: want exactly one of all, any, authenticated and public, "+
			"with at least one scope, or with true", set)
	case o.GetPublic():
		return scopes.Public(), nil
	case o.GetAuthenticated():
		return scopes.Authenticated(), nil
	case len(o.GetAny()) > 0:
		need, err = scopes.AnyOf(o.GetAny())
	default:
		need, err = scopes.AllOf(o.GetAll())
	}
	if err != nil {
		return need, fmt.Errorf("is malformed: %w", err)
	}
	return need, nil
}
