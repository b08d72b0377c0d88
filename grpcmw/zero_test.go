package grpcmw_test

import (
	"slices"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// TestZeroInterceptor refuses each call as Unavailable.
func TestZeroInterceptor(t *testing.T) {
	for name, guard := range map[string]*grpcmw.Interceptor{"zero": {}, "nil": nil} {
		t.Run(name, func(t *testing.T) {
			wantBoth(t, running(t, guard.ServerOptions()...), "a.b.c", codes.Unavailable, "")
		})
	}
	services := map[string]grpc.ServiceInfo{"t.S": {Methods: []grpc.MethodInfo{{Name: "Get"}}}}
	guard := new(grpcmw.Interceptor)
	if err := guard.CheckCoverage(services); err == nil {
		t.Error("CheckCoverage of the zero Interceptor = nil, want an error: no method has a requirement")
	}
	for name, need := range guard.Operations(services) {
		if name != "/t.S/Get" || !need.IsZero() {
			t.Errorf("Operations of the zero Interceptor has %s %v, want /t.S/Get and the zero Requirement", name, need)
		}
	}
}

// TestRequestOfAProof: the values to compare with a DPoP proof come from the
// configuration and the method's name, and are set only if there is a proof.
func TestRequestOfAProof(t *testing.T) {
	const origin, method = "https://api.example.com/v1", "/t.S/Get"
	for _, tt := range []struct {
		name, origin string
		proofs       []string
		want         verifier.Request
	}{
		{"a proof", origin, []string{"a.b.c"}, verifier.Request{DPoP: []string{"a.b.c"}, Method: "POST", Origin: origin, Path: method}},
		{"two proofs", origin, []string{"a", "b"}, verifier.Request{DPoP: []string{"a", "b"}, Method: "POST", Origin: origin, Path: method}},
		{"no proof", origin, nil, verifier.Request{}},
		{"no origin", "", []string{"a"}, verifier.Request{}},
	} {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{"dpop": tt.proofs})
		got := grpcmw.RequestOf(&grpcmw.Options{Origin: tt.origin}, ctx, method)
		if got.Method != tt.want.Method || got.Origin != tt.want.Origin || got.Path != tt.want.Path || !slices.Equal(got.DPoP, tt.want.DPoP) {
			t.Errorf("request(%s) = %q, %q, %q, %q, want %+v", tt.name, got.DPoP, got.Method, got.Origin, got.Path, tt.want)
		}
	}
}
