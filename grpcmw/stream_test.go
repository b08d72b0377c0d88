package grpcmw_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
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

const duplex = "/grpc.testing.TestService/FullDuplexCall"

// service runs the stream handler of a test.
type service struct {
	testpb.UnimplementedTestServiceServer
	duplex func(testpb.TestService_FullDuplexCallServer) error
}

func (s *service) FullDuplexCall(ss testpb.TestService_FullDuplexCallServer) error {
	return s.duplex(ss)
}

// serve starts a real gRPC server on a pipe, guarded by opts, and calls it
// with a token that is good for ttl.
func serve(t *testing.T, authority *m2mtest.Authority, opts *grpcmw.Options, ttl time.Duration,
	handler func(testpb.TestService_FullDuplexCallServer) error,
) testpb.TestService_FullDuplexCallClient {
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}, Leeway: -1})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := grpcmw.New(v, grpcmw.Policy{duplex: scopes.Authenticated()}, opts)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	testpb.RegisterTestServiceServer(server, &service{duplex: handler})
	listener := bufconn.Listen(1 << 16)
	go server.Serve(listener)
	conn, err := grpc.NewClient("passthrough:pipe",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		v.Close()
	})
	token := authority.Token(m2mtest.TokenSpec{TTL: ttl})
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	stream, err := testpb.NewTestServiceClient(conn).FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// wantExpired asserts the status of an expired token.
func wantExpired(t *testing.T, where string, err error) {
	t.Helper()
	st := status.Convert(err)
	reason := ""
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			reason = info.GetReason()
		}
	}
	if st.Code() != codes.Unauthenticated || reason != "ACCESS_TOKEN_EXPIRED" {
		t.Errorf("%s: %v, reason %q; want Unauthenticated, ACCESS_TOKEN_EXPIRED", where, err, reason)
	}
}

// TestStreamEndsWithToken: whatever a handler is doing when the token expires,
// its messages stop, its context is cancelled with the cause, and the client
// learns why.
func TestStreamEndsWithToken(t *testing.T) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer authority.Close()
	expired := func(t *testing.T, ctx context.Context) {
		if cause := context.Cause(ctx); !errors.Is(cause, verifier.Expired) || ctx.Err() == nil {
			t.Errorf("the context's cause is %v, want Expired", cause)
		}
	}
	for _, tt := range []struct {
		name    string
		handler func(*testing.T, testpb.TestService_FullDuplexCallServer) error
	}{
		{"blocked in RecvMsg", func(t *testing.T, ss testpb.TestService_FullDuplexCallServer) error {
			if _, err := ss.Recv(); err != nil {
				t.Errorf("the message before the expiry: %v", err)
			}
			_, err := ss.Recv()
			wantExpired(t, "RecvMsg", err)
			expired(t, ss.Context())
			return err
		}},
		{"RecvMsg after it", func(t *testing.T, ss testpb.TestService_FullDuplexCallServer) error {
			<-ss.Context().Done()
			// The client's message has been waiting since before.
			_, err := ss.Recv()
			wantExpired(t, "RecvMsg", err)
			return err
		}},
		{"SendMsg after it", func(t *testing.T, ss testpb.TestService_FullDuplexCallServer) error {
			<-ss.Context().Done()
			expired(t, ss.Context())
			err := ss.Send(&testpb.StreamingOutputCallResponse{})
			wantExpired(t, "SendMsg", err)
			return err
		}},
		{"a handler that hides the error", func(t *testing.T, ss testpb.TestService_FullDuplexCallServer) error {
			<-ss.Context().Done()
			_ = ss.Send(&testpb.StreamingOutputCallResponse{})
			return nil
		}},
		{"a handler that returns its context's error", func(t *testing.T, ss testpb.TestService_FullDuplexCallServer) error {
			<-ss.Context().Done()
			return ss.Context().Err()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				stream := serve(t, authority, nil, time.Minute, func(ss testpb.TestService_FullDuplexCallServer) error {
					return tt.handler(t, ss)
				})
				if err := stream.Send(&testpb.StreamingOutputCallRequest{}); err != nil {
					t.Fatal(err)
				}
				_, err := stream.Recv()
				wantExpired(t, "the client", err)
				if got := stream.Trailer()["www-authenticate"]; len(got) != 1 || got[0] != `Bearer realm="api", error="invalid_token"` {
					t.Errorf("www-authenticate: %q", got)
				}
				if lasted := time.Since(began); lasted != time.Minute {
					t.Errorf("the stream lasted %v, want 1m", lasted)
				}
			})
		})
	}
}

func TestStreamUntouchedByExpiry(t *testing.T) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer authority.Close()

	t.Run("messages arrive whole", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			stream := serve(t, authority, nil, time.Minute, echo)
			for _, body := range []string{"a", "", "ccc"} {
				req := &testpb.StreamingOutputCallRequest{Payload: &testpb.Payload{Body: []byte(body)}}
				if err := stream.Send(req); err != nil {
					t.Fatal(err)
				}
				res, err := stream.Recv()
				if err != nil || string(res.GetPayload().GetBody()) != body {
					t.Errorf("sent %q, got %v, %v", body, res, err)
				}
			}
			stream.CloseSend()
			if _, err := stream.Recv(); err != io.EOF {
				t.Errorf("at the end: %v, want EOF", err)
			}
		})
	})
	t.Run("KeepStreamsPastExpiry", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			stream := serve(t, authority, &grpcmw.Options{KeepStreamsPastExpiry: true}, time.Minute, echo)
			<-time.After(time.Hour) // of virtual time
			if err := stream.Send(&testpb.StreamingOutputCallRequest{}); err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); err != nil {
				t.Errorf("an hour later: %v", err)
			}
			stream.CloseSend()
			stream.Recv()
		})
	})
	t.Run("a handler that had finished well", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			stream := serve(t, authority, nil, time.Minute, func(ss testpb.TestService_FullDuplexCallServer) error {
				<-ss.Context().Done()
				return nil
			})
			if _, err := stream.Recv(); err != io.EOF {
				t.Errorf("%v, want EOF", err)
			}
		})
	})
	t.Run("the client gives up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			got := make(chan error, 1)
			stream := serve(t, authority, nil, time.Hour, func(ss testpb.TestService_FullDuplexCallServer) error {
				_, err := ss.Recv()
				got <- err
				return err
			})
			synctest.Wait()
			stream.CloseSend()
			if err := <-got; err != io.EOF {
				t.Errorf("RecvMsg: %v, want EOF", err)
			}
		})
	})
}

func echo(ss testpb.TestService_FullDuplexCallServer) error {
	for {
		req, err := ss.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ss.Send(&testpb.StreamingOutputCallResponse{Payload: req.GetPayload()}); err != nil {
			return err
		}
	}
}
