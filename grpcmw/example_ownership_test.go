package grpcmw_test

import (
	"context"
	"fmt"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A method decides about what the policy can't know: who owns an order. What it denies is
// answered and observed like a refusal of the guard.
func ExampleInterceptor_StatusError_ownership() {
	authority := m2mtest.NewAuthority(nil) // in production: your authority
	defer authority.Close()
	v, err := verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{authority.Issuer()},
		Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) {
			if d.Err != nil {
				fmt.Println("observed:", d.Operation, d.Err)
			}
		}},
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()
	const method = "/orders.v1.Orders/Get"
	guard, err := grpcmw.New(v, grpcmw.Policy{method: scopes.All("orders:read")}, nil)
	if err != nil {
		panic(err)
	}
	const owner = "m2m-client-test-acme"
	get := func(ctx context.Context, _ any) (any, error) {
		if client, _ := verifier.ClientFromContext(ctx); client.ID != owner {
			return nil, guard.StatusError(v.Deny(ctx, fmt.Errorf("the order is %s's", owner)))
		}
		return "an order", nil
	}
	for _, client := range []string{owner, "m2m-client-test-globex"} {
		token := authority.Token(m2mtest.TokenSpec{ClientID: client, Scopes: []string{"orders:read"}})
		ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("authorization", "Bearer "+token))
		reply, err := guard.Unary()(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, get)
		fmt.Println(reply, status.Code(err))
	}
	// Output:
	// an order OK
	// observed: /orders.v1.Orders/Get m2mauth: insufficient_scope: operation_not_allowed: the order is m2m-client-test-acme's
	// <nil> PermissionDenied
}
