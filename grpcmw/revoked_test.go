package grpcmw_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// TestStreamEndsWithCutOff: a cut-off ends an idle stream, and its client receives
// Unauthenticated with the reason, the challenge and the time to wait.
func TestStreamEndsWithCutOff(t *testing.T) {
	list, err := revocation.New(revocation.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	authority, v := m2mtest.Trust(t, &verifier.Config{Revocations: list})
	guard, err := grpcmw.New(v, grpcmw.Policy{duplex: scopes.Authenticated()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	reached := make(chan struct{})
	testpb.RegisterTestServiceServer(server, &service{duplex: func(ss testpb.TestService_FullDuplexCallServer) error {
		close(reached)
		<-ss.Context().Done()
		return context.Cause(ss.Context())
	}})
	listener := bufconn.Listen(1 << 16)
	go server.Serve(listener)
	defer server.Stop()
	conn, err := grpc.NewClient("passthrough:pipe", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{}))
	stream, err := testpb.NewTestServiceClient(conn).FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	if err := list.Add(revocation.Cutoff{Issuer: authority.Issuer().Name, Select: revocation.Everything(), IssuedUpTo: time.Now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	st, reason, wait := status.Convert(err), "", time.Duration(0)
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetReason()
		case *errdetails.RetryInfo:
			wait = d.GetRetryDelay().AsDuration()
		}
	}
	if st.Code() != codes.Unauthenticated || reason != "ACCESS_TOKEN_INVALID" || wait <= 0 {
		t.Errorf("Recv = %v, reason %q, RetryInfo %v; want Unauthenticated, ACCESS_TOKEN_INVALID and a delay", err, reason, wait)
	}
	trailer := stream.Trailer()
	if len(trailer["www-authenticate"]) != 1 || len(trailer["grpc-retry-pushback-ms"]) != 1 {
		t.Errorf("trailer = %v, want one www-authenticate and one grpc-retry-pushback-ms", trailer)
	}
}
