package frameworks

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// named is a health service whose headers name the client.
type named struct {
	healthpb.UnimplementedHealthServer
}

func client(ctx context.Context) metadata.MD {
	c, _ := verifier.ClientFromContext(ctx)
	return metadata.Pairs("client", c.ID)
}

func (named) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	return &healthpb.HealthCheckResponse{}, grpc.SetHeader(ctx, client(ctx))
}

func (named) Watch(_ *healthpb.HealthCheckRequest, stream grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	if err := stream.SetHeader(client(stream.Context())); err != nil {
		return err
	}
	return stream.Send(&healthpb.HealthCheckResponse{})
}

// TestReportOnlyGRPC: calls and streams that are reported are answered, without a
// challenge, and those are the ones that the guard refuses later, with the same Reason.
func TestReportOnlyGRPC(t *testing.T) {
	var mu sync.Mutex
	var seen verifier.Decision
	authority, v := m2mtest.Trust(t, &verifier.Config{Observe: []func(context.Context, verifier.Decision){
		func(_ context.Context, d verifier.Decision) {
			mu.Lock()
			defer mu.Unlock()
			seen = d
		},
	}})
	guard, err := grpcmw.New(v, grpcmw.Policy{"/grpc.health.v1.Health/*": scopes.All("health:read")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const id = "m2m-client-test-7"
	good := "Bearer " + authority.Token(m2mtest.TokenSpec{ClientID: id, Scopes: []string{"health:read"}})
	other := "Bearer " + authority.Token(m2mtest.TokenSpec{Scopes: []string{"orders:write"}})
	report, guarded := dialNamed(t, reportOnlyOptions(guard)...), dialNamed(t, guard.ServerOptions()...)
	for _, tt := range []struct {
		name          string
		authorization []string
		reason        verifier.Reason
		client        string // while refusals are only reported
		after         codes.Code
	}{
		{"good", []string{good}, "", id, codes.OK},
		{"none", nil, verifier.CredentialsMissing, "", codes.Unauthenticated},
		{"without the scope", []string{other}, verifier.ScopeMissing, "", codes.PermissionDenied},
		{"two", []string{good, good}, verifier.CredentialsMultiple, "", codes.Unauthenticated},
	} {
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": tt.authorization})
		for kind, call := range map[string]func(context.Context, healthpb.HealthClient) (header, trailer metadata.MD, err error){"Check": check, "Watch": watch} {
			wantSeen := func() {
				t.Helper()
				mu.Lock()
				defer mu.Unlock()
				if method := "/grpc.health.v1.Health/" + kind; seen.Reason != tt.reason || seen.Operation != method {
					t.Errorf("%s(%s): observed %q of %s, want %q of %s", kind, tt.name, seen.Reason, seen.Operation, tt.reason, method)
				}
			}
			header, trailer, err := call(ctx, report)
			if err != nil || header.Get("client")[0] != tt.client || trailer["www-authenticate"] != nil {
				t.Errorf("%s(%s), report only = %v of client %q, trailer %v, want nil of %q and no challenge", kind, tt.name, err, header["client"], trailer, tt.client)
			}
			wantSeen()
			if _, _, err := call(ctx, guarded); status.Code(err) != tt.after {
				t.Errorf("%s(%s), guarded = %v, want %v", kind, tt.name, err, tt.after)
			}
			wantSeen()
		}
	}
}

func check(ctx context.Context, c healthpb.HealthClient) (header, trailer metadata.MD, err error) {
	_, err = c.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))
	return header, trailer, err
}

func watch(ctx context.Context, c healthpb.HealthClient) (header, trailer metadata.MD, err error) {
	stream, err := c.Watch(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		return nil, nil, err
	}
	if _, err := stream.Recv(); err != nil {
		return nil, nil, err
	}
	if header, err = stream.Header(); err != nil {
		return nil, nil, err
	}
	_, _ = stream.Recv() // the end
	return header, stream.Trailer(), nil
}

// dialNamed serves the health service in memory.
func dialNamed(t *testing.T, opts ...grpc.ServerOption) healthpb.HealthClient {
	t.Helper()
	listener, server := bufconn.Listen(1<<16), grpc.NewServer(opts...)
	healthpb.RegisterHealthServer(server, named{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:health", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return healthpb.NewHealthClient(conn)
}
