// Package protopolicy makes a grpcmw.Policy from requirements that .proto files
// declare:
//
//	import "m2mauth/v1/require.proto";
//
//	service Orders {
//	  option (m2mauth.v1.require_default).all = "read:orders";
//
//	  rpc Create(CreateRequest) returns (Order) {
//	    option (m2mauth.v1.require).all = "write:orders";
//	  }
//	}
//
// The server calls [FromDescriptors] and passes the result to grpcmw.New.
// m2mauth/v1/require.proto defines the options. docs/protobuf.md in the repository
// shows how to generate code with protoc and buf.
//
// Protobuf identifies an option by a number, and a program that links two options
// with one number panics when it starts. Package grpcmw therefore does not link
// these. Their number is 76835814, which require.proto explains. No other project
// is known to use it, but no registry reserves it. If a program panics with
// "extension number 76835814 is already registered", write its policy in Go.
package protopolicy

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/grpcmw/protopolicy/m2mauthpb"
	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// FromDescriptors returns explicit, which may be nil, extended with the
// requirements that the named services declare in their .proto files:
//
//	policy, err := protopolicy.FromDescriptors(
//		grpcmw.Policy{"/grpc.health.v1.Health/*": scopes.Public()},
//		"orders.v1.Orders", "reports.v1.Reports")
//
// The option require of a method becomes an entry "/pkg.Service/Method", and
// require_default of a service an entry "/pkg.Service/*". The most specific
// entry applies, wherever it was written. It is an error if explicit and a
// .proto file have one entry with different requirements. A method without an
// entry is refused; Interceptor.CheckCoverage reports it.
//
// Only the named services are read, so no other linked package can open a
// method. Their generated Go code must be linked. FromDescriptors reports every
// unknown service at once, with every option that is empty, sets two fields or
// has a malformed scope. It does not change explicit, and leaves its mistakes
// to grpcmw.New.
func FromDescriptors(explicit grpcmw.Policy, services ...string) (grpcmw.Policy, error) {
	return fromFiles(protoregistry.GlobalFiles, explicit, services)
}

func fromFiles(files *protoregistry.Files, explicit grpcmw.Policy, services []string) (grpcmw.Policy, error) {
	var errs []error
	if len(services) == 0 {
		errs = append(errs, errors.New("protopolicy: no service is named: "+
			`name those that the server registers, like "pkg.Service"`))
	}
	merged := maps.Clone(explicit)
	if merged == nil {
		merged = make(grpcmw.Policy)
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
				errs = append(errs, fmt.Errorf("protopolicy: %q requires %v in the Policy and %v in %s: "+
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
	fail := func(problem string) error { return fmt.Errorf("protopolicy: %q %s", name, problem) }
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

// declarations returns the requirements that a service declares, by the keys of
// a Policy.
func declarations(service protoreflect.ServiceDescriptor, errs *[]error) grpcmw.Policy {
	declared := make(grpcmw.Policy)
	read := func(key string, d protoreflect.Descriptor, blank proto.Message, option protoreflect.ExtensionType) {
		need, present, err := readOption(d.Options(), blank, option)
		switch {
		case err != nil:
			*errs = append(*errs, fmt.Errorf("protopolicy: %s: the option (%s) of %q %w",
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

// readOption returns the requirement of one of our options, if it is set. blank
// is an empty message of the type of options.
func readOption(options, blank proto.Message, option protoreflect.ExtensionType) (need scopes.Requirement, present bool, err error) {
	// A descriptor can hold our options as unknown fields, or as messages without
	// a Go type, so they are decoded again from their bytes. The resolver has our
	// option alone: in a program that ignores a conflict of numbers, the global
	// registry could return another project's option.
	own := new(protoregistry.Types)
	err = own.RegisterExtension(option)
	var raw []byte
	if err == nil {
		raw, err = proto.MarshalOptions{AllowPartial: true}.Marshal(options)
	}
	if err == nil {
		err = proto.UnmarshalOptions{AllowPartial: true, Resolver: own}.Unmarshal(raw, blank)
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

// requirement returns the Requirement that an option declares.
func requirement(o *m2mauthpb.Requirement) (need scopes.Requirement, err error) {
	if len(o.ProtoReflect().GetUnknown()) > 0 {
		// An unknown field may demand more than the known ones.
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
