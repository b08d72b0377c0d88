// Package m2mauthpb is the generated code of m2mauth/v1/require.proto, the
// options that declare in a .proto file what a method requires. Code that is
// generated from a file with such options imports it, clients' code included;
// so it links no verifier and no gRPC. protopolicy.FromDescriptors reads the
// options.
//
// For protoc and other compilers, the directory to find the file in is
//
//	-I "$(go list -f '{{.Dir}}' github.com/m2mauth/m2mauth/grpcmw/protopolicy/m2mauthpb)"
package m2mauthpb
