package grpcmw

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw/m2mauthpb"
	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

type requires = m2mauthpb.Requirement

// declare makes descriptors of the services, as protoc would: the options of
// a service under "", and of its methods under their names; nil for none.
func declare(t *testing.T, services map[string]map[string]*requires) *protoregistry.Files {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("t/v1/test.proto"), Package: proto.String("t.v1"), Syntax: proto.String("proto3"),
		Dependency:  []string{"m2mauth/v1/require.proto"},
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("M")}},
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		service := &descriptorpb.ServiceDescriptorProto{Name: proto.String(name), Options: &descriptorpb.ServiceOptions{}}
		for _, method := range slices.Sorted(maps.Keys(services[name])) {
			option := services[name][method]
			if method == "" {
				proto.SetExtension(service.Options, m2mauthpb.E_RequireDefault, option)
				continue
			}
			m := &descriptorpb.MethodDescriptorProto{
				Name: proto.String(method), InputType: proto.String(".t.v1.M"), OutputType: proto.String(".t.v1.M"),
			}
			if option != nil {
				m.Options = &descriptorpb.MethodOptions{}
				proto.SetExtension(m.Options, m2mauthpb.E_Require, option)
			}
			service.Method = append(service.Method, m)
		}
		file.Service = append(file.Service, service)
	}
	d, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	files := new(protoregistry.Files)
	if err := files.RegisterFile(d); err != nil {
		t.Fatal(err)
	}
	return files
}

func TestPolicyFromDescriptors(t *testing.T) {
	files := declare(t, map[string]map[string]*requires{
		"Orders": {
			"":        {All: []string{"read"}},
			"List":    nil,
			"Create":  {All: []string{"write", "audit"}},
			"Search":  {Any: []string{"read", "search"}},
			"Whoami":  {Authenticated: true},
			"Ping":    {Public: true},
			"Replace": {All: []string{"write"}},
		},
		"Bare":  {"Open": nil, "Get": {All: []string{"get"}}},
		"Other": {"": {Public: true}, "Leak": nil},
	})
	explicit := Policy{
		"/grpc.health.v1.Health/*": scopes.Public(),
		"/t.v1.Orders/List":        scopes.All("list"),  // more specific than the default
		"/t.v1.Orders/Replace":     scopes.All("write"), // the same in both
	}
	got, err := policyFrom(files, explicit, []string{"t.v1.Orders", "t.v1.Bare"})
	if err != nil {
		t.Fatal(err)
	}
	want := Policy{
		"/grpc.health.v1.Health/*": scopes.Public(),
		"/t.v1.Orders/*":           scopes.All("read"),
		"/t.v1.Orders/List":        scopes.All("list"),
		"/t.v1.Orders/Create":      scopes.All("write", "audit"),
		"/t.v1.Orders/Search":      scopes.Any("read", "search"),
		"/t.v1.Orders/Whoami":      scopes.Authenticated(),
		"/t.v1.Orders/Ping":        scopes.Public(),
		"/t.v1.Orders/Replace":     scopes.All("write"),
		"/t.v1.Bare/Get":           scopes.All("get"),
	}
	if !maps.EqualFunc(got, want, scopes.Requirement.Equal) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if len(explicit) != 3 {
		t.Errorf("the explicit policy was changed: %v", explicit)
	}

	// What is declared nowhere is refused, and reported; and what was not asked
	// for is not there.
	compiled, err := got.compile()
	if err != nil {
		t.Fatal(err)
	}
	i := &Interceptor{policy: compiled}
	services := map[string]grpc.ServiceInfo{
		"t.v1.Bare":             {Methods: []grpc.MethodInfo{{Name: "Open"}, {Name: "Get"}}},
		"t.v1.Other":            {Methods: []grpc.MethodInfo{{Name: "Leak"}}},
		"grpc.health.v1.Health": {Methods: []grpc.MethodInfo{{Name: "Check"}}},
	}
	err = i.CheckCoverage(services)
	for _, want := range []string{`"/t.v1.Bare/Open" is served`, `"/t.v1.Other/Leak" is served`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
	var listed []string
	for name, need := range i.Methods(services) {
		listed = append(listed, name+" "+need.String())
	}
	if want := []string{
		"/grpc.health.v1.Health/Check public", `/t.v1.Bare/Get all("get")`, "/t.v1.Bare/Open nobody", "/t.v1.Other/Leak nobody",
	}; !slices.Equal(listed, want) {
		t.Errorf("got  %q\nwant %q", listed, want)
	}
	for range i.Methods(services) {
		break
	}
}

func TestPolicyFromDescriptorsRefuses(t *testing.T) {
	newer := &requires{Public: true}
	newer.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1))
	files := declare(t, map[string]map[string]*requires{
		"Both":     {"": {All: []string{"a"}}, "M": {All: []string{"m"}}},
		"Unset":    {"": {}, "M": {}},
		"Two":      {"M": {All: []string{"a"}, Public: true}},
		"Empty":    {"M": {Any: []string{""}}},
		"Spaced":   {"": {All: []string{"a b"}}},
		"Newer":    {"M": newer},
		"Harmless": {"M": {Public: true}},
	})
	for _, tt := range []struct {
		name     string
		explicit Policy
		services []string
		want     []string // in the message
	}{
		{"no service", nil, nil, []string{"no service is named"}},
		{"unknown service", nil, []string{"t.v1.Missing"}, []string{`"t.v1.Missing" is not known`}},
		{"slash", nil, []string{"/t.v1.Both"}, []string{`"/t.v1.Both" is malformed`}},
		{"empty name", nil, []string{""}, []string{`"" is malformed`}},
		{"a message", nil, []string{"t.v1.M"}, []string{`"t.v1.M" is not a service`}},
		{"a method", nil, []string{"t.v1.Both.M"}, []string{`"t.v1.Both.M" is not a service`}},
		{"method in both", Policy{"/t.v1.Both/M": scopes.Public()}, []string{"t.v1.Both"},
			[]string{`"/t.v1.Both/M" requires public in the Policy and all("m") in t/v1/test.proto`}},
		{"service in both", Policy{"/t.v1.Both/*": scopes.All("b")}, []string{"t.v1.Both"},
			[]string{`"/t.v1.Both/*" requires all("b") in the Policy and all("a")`}},
		{"unset", nil, []string{"t.v1.Unset"}, []string{
			`t/v1/test.proto: the option (m2mauth.v1.require_default) of "/t.v1.Unset/*" sets 0 of its fields`,
			`the option (m2mauth.v1.require) of "/t.v1.Unset/M" sets 0 of its fields`}},
		{"two", nil, []string{"t.v1.Two"}, []string{"sets 2 of its fields"}},
		{"empty scope", nil, []string{"t.v1.Empty"}, []string{`"/t.v1.Empty/M" is malformed: "" is not a scope name`}},
		{"malformed scope", nil, []string{"t.v1.Spaced"}, []string{`"/t.v1.Spaced/*" is malformed: "a b" is not a scope name`}},
		{"newer", nil, []string{"t.v1.Newer"}, []string{"newer version"}},
		{"all at once", Policy{"x": scopes.Public(), "/t.v1.Both/M": scopes.Public()},
			[]string{"t.v1.Both", "t.v1.Unset", "t.v1.Missing", "t.v1.Two"},
			[]string{`"x"`, "/t.v1.Both/M", "/t.v1.Unset/*", "/t.v1.Unset/M", "t.v1.Missing", "/t.v1.Two/M"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := policyFrom(files, tt.explicit, tt.services)
			if err == nil || p != nil {
				t.Fatalf("got %v, %v; want an error", p, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is missing in: %v", want, err)
				}
			}
		})
	}
}

// TestUnresolvedOptions: descriptors that were made without our options being
// known hold them as unknown fields, and mean the same.
func TestUnresolvedOptions(t *testing.T) {
	known := declare(t, map[string]map[string]*requires{"S": {"": {All: []string{"a"}}, "M": {Public: true}}})
	d, err := known.FindFileByPath("t/v1/test.proto")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := proto.Marshal(protodesc.ToFileDescriptorProto(d))
	if err != nil {
		t.Fatal(err)
	}
	var file descriptorpb.FileDescriptorProto
	if err := (proto.UnmarshalOptions{Resolver: new(protoregistry.Types)}).Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if proto.HasExtension(file.GetService()[0].GetOptions(), m2mauthpb.E_RequireDefault) {
		t.Fatal("the options are known")
	}
	unresolved, err := protodesc.NewFile(&file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	files := new(protoregistry.Files)
	if err := files.RegisterFile(unresolved); err != nil {
		t.Fatal(err)
	}
	got, err := policyFrom(files, nil, []string{"t.v1.S"})
	want := Policy{"/t.v1.S/*": scopes.All("a"), "/t.v1.S/M": scopes.Public()}
	if err != nil || !maps.EqualFunc(got, want, scopes.Requirement.Equal) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

// TestGlobalFiles: the exported function reads what is linked in. The health
// service has none of our options, so it stays out unless it is explicit.
func TestGlobalFiles(t *testing.T) {
	public := Policy{"/grpc.health.v1.Health/*": scopes.Public()}
	got, err := PolicyFromDescriptors(public, "grpc.health.v1.Health")
	if err != nil || !maps.EqualFunc(got, public, scopes.Requirement.Equal) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := PolicyFromDescriptors(nil, "grpc.health.v1.Health"); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v; want an empty policy", got, err)
	}
}
