package protopolicy

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/grpcmw/protopolicy/m2mauthpb"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/runtime/protoimpl"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
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

func TestFromDescriptors(t *testing.T) {
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
	explicit := grpcmw.Policy{
		"/grpc.health.v1.Health/*": scopes.Public(),
		"/t.v1.Orders/List":        scopes.All("list"),  // more specific than the default
		"/t.v1.Orders/Replace":     scopes.All("write"), // the same in both
	}
	got, err := fromFiles(files, explicit, []string{"t.v1.Orders", "t.v1.Bare"})
	if err != nil {
		t.Fatal(err)
	}
	want := grpcmw.Policy{
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

	// A method without an entry is refused and reported. A service that was not
	// named adds none.
	_, v := m2mtest.Trust(t, nil)
	i, err := grpcmw.New(v, got, nil)
	if err != nil {
		t.Fatal(err)
	}
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
	for name, need := range i.Operations(services) {
		listed = append(listed, name+" "+need.String())
	}
	if want := []string{
		"/grpc.health.v1.Health/Check public", `/t.v1.Bare/Get all("get")`, "/t.v1.Bare/Open nobody", "/t.v1.Other/Leak nobody",
	}; !slices.Equal(listed, want) {
		t.Errorf("got  %q\nwant %q", listed, want)
	}
	for range i.Operations(services) {
		break
	}
}

func TestFromDescriptorsRefuses(t *testing.T) {
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
		explicit grpcmw.Policy
		services []string
		want     []string // in the message
	}{
		{"no service", nil, nil, []string{"no service is named"}},
		{"unknown service", nil, []string{"t.v1.Missing"}, []string{`"t.v1.Missing" is not known`}},
		{"slash", nil, []string{"/t.v1.Both"}, []string{`"/t.v1.Both" is malformed`}},
		{"empty name", nil, []string{""}, []string{`"" is malformed`}},
		{"a message", nil, []string{"t.v1.M"}, []string{`"t.v1.M" is not a service`}},
		{"a method", nil, []string{"t.v1.Both.M"}, []string{`"t.v1.Both.M" is not a service`}},
		{"method in both", grpcmw.Policy{"/t.v1.Both/M": scopes.Public()}, []string{"t.v1.Both"},
			[]string{`"/t.v1.Both/M" requires public in the Policy and all("m") in t/v1/test.proto`}},
		{"service in both", grpcmw.Policy{"/t.v1.Both/*": scopes.All("b")}, []string{"t.v1.Both"},
			[]string{`"/t.v1.Both/*" requires all("b") in the Policy and all("a")`}},
		{"unset", nil, []string{"t.v1.Unset"}, []string{
			`t/v1/test.proto: the option (m2mauth.v1.require_default) of "/t.v1.Unset/*" sets 0 of its fields`,
			`the option (m2mauth.v1.require) of "/t.v1.Unset/M" sets 0 of its fields`}},
		{"two", nil, []string{"t.v1.Two"}, []string{"sets 2 of its fields"}},
		{"empty scope", nil, []string{"t.v1.Empty"}, []string{`"/t.v1.Empty/M" is malformed: "" is not a scope name`}},
		{"malformed scope", nil, []string{"t.v1.Spaced"}, []string{`"/t.v1.Spaced/*" is malformed: "a b" is not a scope name`}},
		{"newer", nil, []string{"t.v1.Newer"}, []string{"newer version"}},
		{"all at once", grpcmw.Policy{"/t.v1.Both/M": scopes.Public()},
			[]string{"t.v1.Both", "t.v1.Unset", "t.v1.Missing", "t.v1.Two"},
			[]string{"/t.v1.Both/M", "/t.v1.Unset/*", "/t.v1.Unset/M", "t.v1.Missing", "/t.v1.Two/M"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := fromFiles(files, tt.explicit, tt.services)
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

// TestUnresolvedOptions: descriptors that were made without these options
// hold them as unknown fields, with the same meaning.
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
	got, err := fromFiles(files, nil, []string{"t.v1.S"})
	want := grpcmw.Policy{"/t.v1.S/*": scopes.All("a"), "/t.v1.S/M": scopes.Public()}
	if err != nil || !maps.EqualFunc(got, want, scopes.Requirement.Equal) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

// TestOptionNumber: the number is the one that require.proto derives, outside
// of the ranges that organizations use in-house and that the global extension
// registry assigns.
func TestOptionNumber(t *testing.T) {
	sum := sha256.Sum256([]byte("m2mauth.v1.require"))
	want := protoreflect.FieldNumber(binary.BigEndian.Uint32(sum[:]) & 0x0fffffff)
	for _, option := range []protoreflect.ExtensionType{m2mauthpb.E_Require, m2mauthpb.E_RequireDefault} {
		if n := option.TypeDescriptor().Number(); n != want || n < 100_000 {
			t.Errorf("%s has the number %d, want %d", option.TypeDescriptor().FullName(), n, want)
		}
	}
}

// TestForeignOption: a program that links two options of one number panics
// at its start. If it ignores that, this module's option is read from its
// bytes, whichever of the two the global registry holds.
func TestForeignOption(t *testing.T) {
	foreign, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("foreign.proto"), Package: proto.String("foreign"),
		Dependency: []string{"google/protobuf/descriptor.proto"},
		Extension: []*descriptorpb.FieldDescriptorProto{{
			Name: proto.String("option"), Extendee: proto.String(".google.protobuf.MethodOptions"),
			Number: proto.Int32(int32(m2mauthpb.E_Require.TypeDescriptor().Number())),
			Type:   descriptorpb.FieldDescriptorProto_TYPE_BYTES.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	option := dynamicpb.NewExtensionType(foreign.Extensions().Get(0))
	func() {
		defer func() {
			if got := fmt.Sprint(recover()); !strings.Contains(got, "extension number 76835814 is already registered") {
				t.Errorf("panic %v, want the conflict that the package comment quotes", got)
			}
		}()
		t.Errorf("RegisterExtension = %v, want a panic", protoregistry.GlobalTypes.RegisterExtension(option))
	}()
	value, err := proto.Marshal(&requires{All: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	options := new(descriptorpb.MethodOptions)
	proto.SetExtension(options, option, value)
	unregistered := &protoimpl.ExtensionInfo{
		//lint:ignore SA1019 generated code sets these fields
		ExtendedType: (*descriptorpb.MethodOptions)(nil), ExtensionType: (*requires)(nil), Field: 100001,
		//lint:ignore SA1019 generated code sets these fields
		Name: "t.v1.unregistered", Tag: "bytes,100001,opt,name=unregistered", Filename: "t/v1/unregistered.proto",
	}
	options.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 100001, protowire.BytesType), value))
	for name, ours := range map[string]protoreflect.ExtensionType{"registered": m2mauthpb.E_Require, "not registered": unregistered} {
		need, present, err := readOption(options, new(descriptorpb.MethodOptions), ours)
		if err != nil || !present || !need.Equal(scopes.All("a")) {
			t.Errorf("readOption(%s) = %v, %t, %v; want all(\"a\")", name, need, present, err)
		}
	}
}

// TestGlobalFiles: FromDescriptors reads the linked files. The health
// service has no option, so it is left out unless it is explicit.
func TestGlobalFiles(t *testing.T) {
	public := grpcmw.Policy{"/grpc.health.v1.Health/*": scopes.Public()}
	got, err := FromDescriptors(public, "grpc.health.v1.Health")
	if err != nil || !maps.EqualFunc(got, public, scopes.Requirement.Equal) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := FromDescriptors(nil, "grpc.health.v1.Health"); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v; want an empty policy", got, err)
	}
}
