package grpcmw_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// TestLinksNoOption: a program with grpcmw, and without protopolicy, holds no
// protobuf option of this module that could collide with another project's.
func TestLinksNoOption(t *testing.T) {
	if _, err := protoregistry.GlobalTypes.FindExtensionByName("m2mauth.v1.require"); !errors.Is(err, protoregistry.NotFound) {
		t.Errorf("the option m2mauth.v1.require: %v, want it not found", err)
	}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(f.Package()), "m2mauth") {
			t.Errorf("%s is linked", f.Path())
		}
		return true
	})
}
