package grpcmw_test

import (
	"context"
	"fmt"
	"net"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type greeter struct {
	testpb.UnimplementedTestServiceServer
}

func (greeter) UnaryCall(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	client, _ := verifier.ClientFromContext(ctx)
	return &testpb.SimpleResponse{Username: client.ID}, nil
}

func Example() {
	authority := m2mtest.NewAuthority(nil) // in production: your authority
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	guard, err := grpcmw.New(v, grpcmw.Policy{
		"/grpc.testing.TestService/*":         scopes.All("test"),
		"/grpc.testing.TestService/EmptyCall": scopes.All("test", "admin"),
		"/grpc.health.v1.Health/*":            scopes.Public(),
	}, nil)
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	testpb.RegisterTestServiceServer(server, greeter{})
	healthpb.RegisterHealthServer(server, health.NewServer())
	if err := guard.CheckCoverage(server.GetServiceInfo()); err != nil {
		panic(err) // a method without a requirement, or a name that matches nothing
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go server.Serve(listener)
	defer server.Stop()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	defer conn.Close()

	client := testpb.NewTestServiceClient(conn)
	token := authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-1", Scopes: []string{"test"}})
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
	res, err := client.UnaryCall(ctx, &testpb.SimpleRequest{})
	fmt.Println(res.GetUsername(), err)
	_, err = client.EmptyCall(ctx, &testpb.Empty{})
	fmt.Println(status.Code(err))
	_, err = client.UnaryCall(context.Background(), &testpb.SimpleRequest{})
	fmt.Println(status.Code(err))
	// Output:
	// m2m-client-test-1 <nil>
	// PermissionDenied
	// Unauthenticated
}
