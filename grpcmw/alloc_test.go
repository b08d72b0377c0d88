package grpcmw_test

import (
	"context"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/grpc"
)

// TestAllocations: what the unary interceptor adds to a call whose token was
// seen before: the metadata's values, which gRPC copies, and the context.
func TestAllocations(t *testing.T) {
	authority, v := newVerifier(t)
	guard, err := grpcmw.New(v, grpcmw.Policy{method: scopes.All("a")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"a"}})
	ctx := incoming(t.Context(), []string{"Bearer " + token}, nil)
	unary := guard.Unary()
	info := &grpc.UnaryServerInfo{FullMethod: method}
	handler := func(context.Context, any) (any, error) { return nil, nil }
	if n := testing.AllocsPerRun(100, func() {
		if _, err := unary(ctx, nil, info, handler); err != nil {
			t.Fatal(err)
		}
	}); n != 2 {
		t.Errorf("the interceptor adds %v allocations, want 2", n)
	}
}
