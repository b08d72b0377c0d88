package fuzz

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

var policyName = regexp.MustCompile(`^/[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*/([0-9A-Za-z_-]+|\*)$`)

// FuzzPolicy checks that a policy accepts names of one form only, and that a name
// opens the methods that it names and no other.
func FuzzPolicy(f *testing.F) {
	for _, name := range []string{
		"/a.B/C", "/a.B/*", "/B/C", "a.B/C", "//", "/a.B/", "/*/C", "/a.*/C", "/a.B/C/*", "/a.B/C*", "/a..B/C", "/.B/C", "/a.B./C", "/a.B//C",
		"/*", "*", "", "/a.B/c\u00e9", "/a.B/C ", " /a.B/C", "/a.B/C\x00", "/a.B/%43", "/a-b_c.D1/E-2",
	} {
		for _, method := range []string{"/a.B/C", "/a.B/D", "/a.B/*", "a.B/C", "/A.b/c", "/a.B/C/", "//a.B/C", "/x/a.B/C", "/a.B/", "", "/"} {
			f.Add(name, method)
		}
	}
	credential := metadata.Pairs("authorization", "Bearer "+sign(goodHeader, goodClaims))
	f.Fuzz(func(t *testing.T, name, method string) {
		guard, err := grpcmw.New(guard(), grpcmw.Policy{name: scopes.All("a")}, nil)
		if accepted := err == nil; accepted != policyName.MatchString(name) {
			t.Fatalf("%q: %v", name, err)
		}
		if err != nil {
			if guard != nil || !strings.HasPrefix(err.Error(), "grpcmw: ") {
				t.Errorf("%v beside %v", guard, err)
			}
			return
		}
		opens := method == name
		if prefix, all := strings.CutSuffix(name, "*"); all {
			rest, found := strings.CutPrefix(method, prefix)
			opens = found && !strings.Contains(rest, "/")
		}
		called := false
		_, err = guard.Unary()(metadata.NewIncomingContext(context.Background(), credential), nil,
			&grpc.UnaryServerInfo{FullMethod: method},
			func(context.Context, any) (any, error) { called = true; return nil, nil })
		if called != opens || called != (err == nil) {
			t.Errorf("%q with a policy of %q: called = %t, want %t; %v", method, name, called, opens, err)
		}
	})
}
