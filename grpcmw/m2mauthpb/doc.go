// Package m2mauthpb is the generated code of the options that say in a .proto
// file what a method requires: m2mauth/v1/require.proto, which lies beside it.
// A program has no need to import it: the code that is generated from a file
// with such options does, and grpcmw.PolicyFromDescriptors reads them.
//
// For protoc and other compilers, the directory to find the file in is
//
//	-I "$(go list -f '{{.Dir}}' github.com/m2mauth/m2mauth/grpcmw/m2mauthpb)"
package m2mauthpb
