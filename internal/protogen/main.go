// Protogen generates the Go code of this repository's .proto files. It needs
// Go and nothing else: the compiler is a library, and the plugins are tools of
// this module, all of them pinned in go.mod.
//
//	cd internal/protogen
//	go run .          # write the code
//	go run . -check   # fail if the code that is there is another
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// source is a .proto file: the directory it is found in, as for protoc -I, the name
// that it is imported by, and the plugins that generate its code.
type source struct {
	dir, name string
	plugins   []string
}

const (
	root   = "../.." // of the repository, from here
	module = "github.com/m2mauth/m2mauth"
)

func sources() []source {
	grpc := []string{"protoc-gen-go", "protoc-gen-go-grpc"}
	return []source{
		{"grpcmw/protopolicy/m2mauthpb", "m2mauth/v1/require.proto", grpc},
		{"examples/internal/ordersv1", "orders.proto", grpc},
		{"examples/frameworks/gateway/shopv1", "shop.proto", append(grpc, "protoc-gen-grpc-gateway")},
	}
}

func main() {
	check := flag.Bool("check", false, "write nothing, and fail if the code that is there is another")
	flag.Parse()
	if err := run(context.Background(), *check); err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, check bool) error {
	if _, err := os.Stat(filepath.Join(root, "grpcmw")); err != nil {
		return fmt.Errorf("run it in internal/protogen: %w", err)
	}
	deliver := write
	if check {
		deliver = compare
	}
	var errs []error
	for _, s := range sources() {
		request, err := compile(ctx, s)
		if err != nil {
			return err
		}
		for _, plugin := range s.plugins {
			files, err := generate(ctx, plugin, request)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", s.name, plugin, err)
			}
			for _, f := range files {
				errs = append(errs, deliver(f.GetName(), []byte(f.GetContent())))
			}
		}
	}
	return errors.Join(errs...)
}

// compile does the work of protoc before it starts a plugin. It finds imports in
// the directories of all sources, and google/api/annotations.proto in this program.
func compile(ctx context.Context, s source) (*pluginpb.CodeGeneratorRequest, error) {
	dirs := []string{filepath.Join(root, s.dir)}
	for _, other := range sources() {
		dirs = append(dirs, filepath.Join(root, other.dir))
	}
	google := protocompile.ResolverFunc(func(name string) (protocompile.SearchResult, error) {
		for _, f := range []protoreflect.FileDescriptor{annotations.File_google_api_annotations_proto, annotations.File_google_api_http_proto} {
			if f.Path() == name {
				return protocompile.SearchResult{Desc: f}, nil
			}
		}
		return protocompile.SearchResult{}, protoregistry.NotFound
	})
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(protocompile.CompositeResolver{
			&protocompile.SourceResolver{ImportPaths: dirs}, google,
		}),
		SourceInfoMode: protocompile.SourceInfoStandard, // comments
	}
	files, err := compiler.Compile(ctx, s.name)
	if err != nil {
		return nil, err
	}
	return &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{s.name},
		Parameter:      proto.String("module=" + module),
		ProtoFile:      withImports(files[0], map[string]bool{}),
	}, nil
}

// withImports lists the file behind all that it imports.
func withImports(f protoreflect.FileDescriptor, seen map[string]bool) []*descriptorpb.FileDescriptorProto {
	if seen[f.Path()] {
		return nil
	}
	seen[f.Path()] = true
	var list []*descriptorpb.FileDescriptorProto
	for i := range f.Imports().Len() {
		list = append(list, withImports(f.Imports().Get(i).FileDescriptor, seen)...)
	}
	return append(list, protoutil.ProtoFromFileDescriptor(f))
}

func generate(ctx context.Context, plugin string, request *pluginpb.CodeGeneratorRequest) ([]*pluginpb.CodeGeneratorResponse_File, error) {
	stdin, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "tool", plugin)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), os.Stderr
	stdout, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(stdout, &response); err != nil {
		return nil, err
	}
	if response.Error != nil {
		return nil, errors.New(response.GetError())
	}
	return response.GetFile(), nil
}

func write(name string, content []byte) error {
	err := compare(name, content)
	if err == nil {
		return nil
	}
	fmt.Println(name)
	return os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), content, 0o644)
}

func compare(name string, content []byte) error {
	committed, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !bytes.Equal(committed, content) {
		return fmt.Errorf("%s is not what its .proto file generates: run (cd internal/protogen && go run .)", name)
	}
	return nil
}
