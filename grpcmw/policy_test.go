package grpcmw_test

import (
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func newVerifier(t *testing.T) (*m2mtest.Authority, *verifier.Verifier) {
	t.Helper()
	return m2mtest.Trust(t, nil)
}

func TestNewRefuses(t *testing.T) {
	_, v := newVerifier(t)
	need := scopes.Authenticated()
	for _, tt := range []struct {
		name   string
		v      *verifier.Verifier
		policy grpcmw.Policy
		opts   *grpcmw.Options
		want   []string // in the message
	}{
		{"nil verifier", nil, nil, nil, []string{"verifier.New"}},
		{"no leading slash", v, grpcmw.Policy{"a.B/C": need}, nil, []string{`"a.B/C"`, "begin with a slash"}},
		{"service alone", v, grpcmw.Policy{"/a.B": need}, nil, []string{`"/a.B"`, "/pkg.Service/*"}},
		{"service and slash", v, grpcmw.Policy{"/a.B/": need}, nil, []string{"malformed method name"}},
		{"three parts", v, grpcmw.Policy{"/a/B/C": need}, nil, []string{"is not a service and a method"}},
		{"wildcard for everything", v, grpcmw.Policy{"/*": need}, nil, []string{"is not a service and a method"}},
		{"wildcard as service", v, grpcmw.Policy{"/*/C": need}, nil, []string{"malformed service name"}},
		{"wildcard within a package", v, grpcmw.Policy{"/a.*/C": need}, nil, []string{"malformed service name"}},
		{"wildcard within a method", v, grpcmw.Policy{"/a.B/Get*": need}, nil, []string{"malformed method name"}},
		{"before a", v, grpcmw.Policy{"/a.B/`": need}, nil, []string{"malformed method name"}},
		{"behind z", v, grpcmw.Policy{"/a.B/{": need}, nil, []string{"malformed method name"}},
		{"before A", v, grpcmw.Policy{"/a.B/@": need}, nil, []string{"malformed method name"}},
		{"behind Z", v, grpcmw.Policy{"/a.B/[": need}, nil, []string{"malformed method name"}},
		{"before 0", v, grpcmw.Policy{"/a.B/.": need}, nil, []string{"malformed method name"}},
		{"behind 9", v, grpcmw.Policy{"/a.B/:": need}, nil, []string{"malformed method name"}},
		{"not ASCII", v, grpcmw.Policy{"/a.B/é": need}, nil, []string{"malformed method name"}},
		{"space", v, grpcmw.Policy{"/a.B/C ": need}, nil, []string{"malformed method name"}},
		{"empty package", v, grpcmw.Policy{"/.B/C": need}, nil, []string{"malformed service name"}},
		{"empty", v, grpcmw.Policy{"": need}, nil, []string{"begin with a slash"}},
		{"zero requirement", v, grpcmw.Policy{"/a.B/C": {}}, nil, []string{`"/a.B/C"`, "scopes.All"}},
		{"realm", v, nil, &grpcmw.Options{Realm: `a"b`}, []string{"grpcmw: Options.Realm is"}},
		{"long realm", v, nil, &grpcmw.Options{Realm: strings.Repeat("x", 257)}, []string{"Options.Realm has 257 bytes: want at most 256"}},
		{"origin", v, nil, &grpcmw.Options{Origin: "https://api.example.com/"}, []string{"grpcmw: Options.Origin is"}},
		{"realm with a backslash", v, nil, &grpcmw.Options{Realm: `a\b`}, []string{"Realm"}},
		{"realm with a line feed", v, nil, &grpcmw.Options{Realm: "a\nb"}, []string{"Realm"}},
		{"realm with DEL", v, nil, &grpcmw.Options{Realm: "a\x7f"}, []string{"Realm"}},
		{"all at once", nil, grpcmw.Policy{"a": need, "/a.B/C": {}}, &grpcmw.Options{Realm: "é", Origin: "api"},
			[]string{"verifier.New", `"a"`, `"/a.B/C"`, "Realm", "Origin"}},
		{"one mistake each", v, grpcmw.Policy{"a": {}, "/a.B/D": need}, nil, []string{`grpcmw: Policy: "a" does not begin with a slash`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i, err := grpcmw.New(tt.v, tt.policy, tt.opts)
			if err == nil || i != nil {
				t.Fatalf("got %v, %v; want an error", i, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is missing in: %v", want, err)
				}
			}
		})
	}
}

// TestNames: New accepts every character that a name may have.
func TestNames(t *testing.T) {
	_, v := newVerifier(t)
	for _, name := range []string{"/a.z.A.Z.B0/C9", "/S/azAZ09_-", "/my-pkg.My_Service/*"} {
		if _, err := grpcmw.New(v, grpcmw.Policy{name: scopes.Authenticated()}, &grpcmw.Options{Realm: " ~"}); err != nil {
			t.Error(err)
		}
	}
}

// TestPolicyLookup looks up methods under every name that a transport might
// send. The token holds the scope "all", so only the policy refuses.
func TestPolicyLookup(t *testing.T) {
	authority, v := newVerifier(t)
	policy := grpcmw.Policy{
		"/a.B/*":    scopes.All("all"),
		"/a.B/Only": scopes.All("only"),
		"/a.C/One":  scopes.All("all"),
	}
	guard, err := grpcmw.New(v, policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	policy["/x.Y/*"] = scopes.All("all") // too late: New has copied it
	authorization := []string{"Bearer " + authority.Token(m2mtest.TokenSpec{Scopes: []string{"all"}})}
	for _, tt := range []struct {
		method string
		want   codes.Code
	}{
		{"/a.B/Any", codes.OK},
		{"/a.B/Only", codes.PermissionDenied}, // the more specific one replaces
		{"/a.C/One", codes.OK},
		{"/a.C/Two", codes.PermissionDenied}, // not named
		{"/x.Y/Z", codes.PermissionDenied},
		{"a.B/Any", codes.PermissionDenied}, // no leading slash
		{"//a.B/Any", codes.PermissionDenied},
		{"/A.B/Any", codes.PermissionDenied},
		{"/a.B/x/Any", codes.PermissionDenied}, // its service is "a.B/x"
		{"/a.B", codes.PermissionDenied},
		{"/a.B/", codes.OK}, // the empty method of that service; no server has one
		{"/", codes.PermissionDenied},
		{"", codes.PermissionDenied},
		{"/a.B/Any/", codes.PermissionDenied},
	} {
		t.Run(tt.method, func(t *testing.T) {
			ss := &fakeStream{ctx: incoming(t.Context(), authorization, nil)}
			err := guard.Stream()(nil, ss, &grpc.StreamServerInfo{FullMethod: tt.method},
				func(any, grpc.ServerStream) error { return nil })
			if got := status.Code(err); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestCheckCoverage(t *testing.T) {
	_, v := newVerifier(t)
	served := map[string]grpc.ServiceInfo{
		"a.B": {Methods: []grpc.MethodInfo{{Name: "One"}, {Name: "Two"}}},
		"a.C": {Methods: []grpc.MethodInfo{{Name: "One"}}},
	}
	need := scopes.Authenticated()
	for _, tt := range []struct {
		name   string
		policy grpcmw.Policy
		want   []string // one per line of the error
	}{
		{"complete", grpcmw.Policy{"/a.B/*": need, "/a.C/One": need}, nil},
		{"method forgotten", grpcmw.Policy{"/a.B/One": need, "/a.C/*": need}, []string{`"/a.B/Two" is served`}},
		{"service forgotten", grpcmw.Policy{"/a.B/*": need}, []string{`"/a.C/One" is served`}},
		{"method misspelt", grpcmw.Policy{"/a.B/*": need, "/a.C/*": need, "/a.C/Won": need}, []string{`names "/a.C/Won"`}},
		{"service gone", grpcmw.Policy{"/a.B/*": need, "/a.C/*": need, "/a.D/*": need}, []string{`names "/a.D/*"`}},
		{"public one gone", grpcmw.Policy{"/a.B/*": need, "/a.C/*": need, "/a.D/*": scopes.Public()}, nil},
		{"nothing named", nil, []string{`"/a.B/One"`, `"/a.B/Two"`, `"/a.C/One"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			guard, err := grpcmw.New(v, tt.policy, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if err := guard.CheckCoverage(served); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %d lines", got, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("line %d is %q, want %q in it", i, got[i], want)
				}
			}
		})
	}
}
