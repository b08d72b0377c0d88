package protopolicy_test

import (
	"github.com/m2mauth/m2mauth/grpcmw/protopolicy/m2mauthpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

var _ = registerOrders()

// registerOrders registers orders.v1, as its generated code would.
func registerOrders() error {
	message := func(name string) *descriptorpb.DescriptorProto {
		return &descriptorpb.DescriptorProto{Name: proto.String(name)}
	}
	service, create := new(descriptorpb.ServiceOptions), new(descriptorpb.MethodOptions)
	proto.SetExtension(service, m2mauthpb.E_RequireDefault, &m2mauthpb.Requirement{All: []string{"read:orders"}})
	proto.SetExtension(create, m2mauthpb.E_Require, &m2mauthpb.Requirement{All: []string{"write:orders"}})
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("orders.proto"), Package: proto.String("orders.v1"), Syntax: proto.String("proto3"),
		Dependency: []string{"m2mauth/v1/require.proto"},
		MessageType: []*descriptorpb.DescriptorProto{
			message("ListRequest"), message("ListResponse"), message("CreateRequest"), message("CreateResponse"),
		},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("Orders"), Options: service,
			Method: []*descriptorpb.MethodDescriptorProto{
				{Name: proto.String("List"), InputType: proto.String(".orders.v1.ListRequest"), OutputType: proto.String(".orders.v1.ListResponse")},
				{Name: proto.String("Create"), InputType: proto.String(".orders.v1.CreateRequest"), OutputType: proto.String(".orders.v1.CreateResponse"), Options: create},
			},
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		panic(err)
	}
	return protoregistry.GlobalFiles.RegisterFile(file) // the example fails if this did
}
