package grpcmw_test

import (
	"context"
	"fmt"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// CheckCoverage belongs at start-up or into a test: it finds the method that was
// forgotten, and the name that is misspelt.
func ExampleInterceptor_CheckCoverage() {
	guard, _, done := exampleGuard(grpcmw.Policy{
		"/grpc.health.v1.Health/Check": scopes.Authenticated(),
		"/grpc.health.v1.Health/List":  scopes.Authenticated(),
		"/grpc.health.v1.Health/Wach":  scopes.Authenticated(),
	}, nil)
	defer done()
	server := grpc.NewServer(guard.ServerOptions()...)
	healthpb.RegisterHealthServer(server, health.NewServer())
	fmt.Println(guard.CheckCoverage(server.GetServiceInfo()))
	for method, need := range guard.Operations(server.GetServiceInfo()) {
		fmt.Println(method, need)
	}
	// Output:
	// grpcmw: "/grpc.health.v1.Health/Watch" is served, and the policy does not name it: every call of it is refused
	// grpcmw: the policy names "/grpc.health.v1.Health/Wach", and nothing of that name is served: is it misspelt, or gone?
	// /grpc.health.v1.Health/Check authenticated
	// /grpc.health.v1.Health/List authenticated
	// /grpc.health.v1.Health/Watch nobody
}

// A handler that refuses a call itself returns the status that its guard would.
func ExampleInterceptor_StatusError() {
	guard, _, done := exampleGuard(nil, nil)
	defer done()
	handler := func(context.Context, any) (any, error) {
		return nil, guard.StatusError(verifier.Forbidden) // the order is another client's
	}
	_, err := handler(context.Background(), nil)
	st := status.Convert(err)
	fmt.Println(st.Code(), st.Message())
	fmt.Println(st.Details()[0].(*errdetails.ErrorInfo).GetReason())
	// Output:
	// PermissionDenied The access token does not permit this operation.
	// ACCESS_TOKEN_SCOPE_INSUFFICIENT
}

// An ErrorHandler may make another status.
func ExampleInterceptor_StatusError_errorHandler() {
	var guard *grpcmw.Interceptor // the handler calls it
	policy := grpcmw.Policy{"/orders.v1.Orders/List": scopes.All("read:orders")}
	guard, authority, done := exampleGuard(policy, &grpcmw.Options{
		ErrorHandler: func(ctx context.Context, err *verifier.Error) error {
			if err.Code == verifier.InsufficientScope {
				return status.Error(codes.NotFound, "no such method")
			}
			return guard.StatusError(err)
		},
	})
	defer done()
	token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"write:orders"}})
	ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("authorization", "Bearer "+token))
	_, err := guard.Unary()(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/orders.v1.Orders/List"}, nil)
	fmt.Println(err)
	// Output: rpc error: code = NotFound desc = no such method
}

// exampleGuard makes an Interceptor, and the authority that it trusts.
func exampleGuard(policy grpcmw.Policy, opts *grpcmw.Options) (guard *grpcmw.Interceptor, authority *m2mtest.Authority, done func()) {
	authority = m2mtest.NewAuthority(&m2mtest.Options{NoServer: true})
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		panic(err)
	}
	guard, err = grpcmw.New(v, policy, opts)
	if err != nil {
		panic(err)
	}
	return guard, authority, func() { v.Close() }
}
