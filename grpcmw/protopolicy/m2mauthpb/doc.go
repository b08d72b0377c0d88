// Package m2mauthpb contains the code generated from m2mauth/v1/require.proto: the
// options with which a .proto file declares the requirements of its methods.
// protopolicy.FromDescriptors reads them. Code generated from such a .proto file
// imports this package, in clients too, so it links no verifier and no gRPC.
//
// Pass protoc and other compilers the directory that contains the file:
//
//	-I "$(go list -f '{{.Dir}}' github.com/m2mauth/m2mauth/grpcmw/protopolicy/m2mauthpb)"
//
// docs/protobuf.md in the repository has the commands for protoc and buf.
package m2mauthpb
