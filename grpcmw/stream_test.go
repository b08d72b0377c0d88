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

// TestStreamEndsWithToken: when the token expires, the stream's messages
// stop, its context is cancelled with the cause, and the client receives the
// reason, whatever the handler is doing.
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
		{"a handler that returns nil", func(t *testing.T, ss testpb.TestService_FullDuplexCallServer) error {
			<-ss.Context().Done()
			return nil
		}},
		{"a handler that returns a status of its own", func(t *testing.T, ss testpb.TestService_FullDuplexCallServer) error {
			<-ss.Context().Done()
			return status.Error(codes.NotFound, "no such order")
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
	t.Run("a handler that returns in time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			stream := serve(t, authority, nil, time.Minute, func(ss testpb.TestService_FullDuplexCallServer) error {
				<-time.After(59 * time.Second) // of virtual time
				return status.Error(codes.NotFound, "no such order")
			})
			if _, err := stream.Recv(); status.Code(err) != codes.NotFound {
				t.Errorf("%v, want NotFound", err)
			}
		})
	})
	t.Run("a call whose deadline passed first", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			authority, v := newVerifier(t)
			guard := guardOf(t, v, scopes.Authenticated(), nil)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			ctx = incoming(ctx, []string{"Bearer " + authority.Token(m2mtest.TokenSpec{TTL: time.Minute})}, nil)
			err := guard.Stream()(nil, &fakeStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: duplex},
				func(_ any, ss grpc.ServerStream) error {
					<-time.After(time.Hour)
					return nil
				})
			if err != nil {
				t.Errorf("%v, want the handler's nil", err)
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

// scripted is a stream that receives by a script.
type scripted struct {
	fakeStream
	recv func(m any) error
}

func (s *scripted) RecvMsg(m any) error { return s.recv(m) }

// received runs a handler on a guarded stream that receives by recv.
func received(t *testing.T, ctx context.Context, recv func(m any) error, handler func(grpc.ServerStream)) {
	t.Helper()
	authority, v := newVerifier(t)
	guard := guardOf(t, v, scopes.Authenticated(), nil)
	ctx = incoming(ctx, []string{"Bearer " + authority.Token(m2mtest.TokenSpec{})}, nil)
	reached := false
	err := guard.Stream()(nil, &scripted{fakeStream{ctx: ctx}, recv}, &grpc.StreamServerInfo{FullMethod: duplex},
		func(_ any, ss grpc.ServerStream) error {
			reached = true
			handler(ss)
			return nil
		})
	if err != nil || !reached {
		t.Errorf("%v, the handler was reached: %t", err, reached)
	}
}

// TestRecvMsgPanics: a panic in RecvMsg reaches the handler that called it,
// and does not happen in a goroutine without recovery.
func TestRecvMsgPanics(t *testing.T) {
	received(t, t.Context(), func(any) error { panic("broken codec") }, func(ss grpc.ServerStream) {
		defer func() {
			if got := recover(); got != "broken codec" {
				t.Errorf("panic %v", got)
			}
		}()
		t.Errorf("RecvMsg: %v", ss.RecvMsg(new(testpb.SimpleRequest)))
	})
}

// TestRecvMsgOfACallThatEnded: RecvMsg returns an error. Otherwise the
// handler would take its empty message for one of the client's.
func TestRecvMsgOfACallThatEnded(t *testing.T) {
	for range 20 { // which of two comes first is chance
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			received(t, ctx, func(any) error {
				<-ctx.Done()
				return status.FromContextError(ctx.Err()).Err()
			}, func(ss grpc.ServerStream) {
				if err := ss.RecvMsg(new(testpb.SimpleRequest)); status.Code(err) != codes.DeadlineExceeded {
					t.Errorf("RecvMsg: %v, want DeadlineExceeded", err)
				}
			})
		})
	}
}

// TestRecvMsgAfterExpiry: RecvMsg refuses without a receive if the token had
// expired before, and refuses a message that arrives with the expiry.
func TestRecvMsgAfterExpiry(t *testing.T) {
	for _, tt := range []struct {
		name    string
		expired bool // before RecvMsg is called
	}{{"called after the expiry", true}, {"received at the expiry", false}} {
		t.Run(tt.name, func(t *testing.T) {
			for range 20 { // the goroutines run in any order
				synctest.Test(t, func(t *testing.T) {
					authority, v := newVerifier(t)
					guard := guardOf(t, v, scopes.Authenticated(), nil)
					ctx := incoming(t.Context(), []string{"Bearer " + authority.Token(m2mtest.TokenSpec{TTL: time.Minute})}, nil)
					var guarded context.Context
					stream := &scripted{fakeStream{ctx: ctx}, func(m any) error {
						if tt.expired {
							t.Error("a receive was started")
						}
						<-guarded.Done()
						m.(*testpb.SimpleRequest).FillUsername = true
						return nil
					}}
					err := guard.Stream()(nil, stream, &grpc.StreamServerInfo{FullMethod: duplex}, func(_ any, ss grpc.ServerStream) error {
						guarded = ss.Context()
						if tt.expired {
							<-guarded.Done()
						}
						m := new(testpb.SimpleRequest)
						wantExpired(t, "RecvMsg", ss.RecvMsg(m))
						if m.GetFillUsername() {
							t.Error("the handler holds the message")
						}
						return nil
					})
					wantExpired(t, "the client", err)
				})
			}
		})
	}
}

// TestRecvMsgInto: RecvMsg accepts every type that a codec accepts.
func TestRecvMsgInto(t *testing.T) {
	type foreign struct{ Text string }
	broken := errors.New("broken")
	fill := func(m any) error {
		switch m := m.(type) {
		case *testpb.SimpleResponse:
			if m != nil {
				m.Username, m.OauthScope = "received", "received"
				m.ProtoReflect().SetUnknown([]byte{0xf8, 0x07, 1}) // field 127
			}
		case *foreign:
			m.Text += " received"
		}
		return nil
	}
	fail := func(m any) error { _ = fill(m); return broken }
	theirs, proto := &foreign{"prepared"}, &testpb.SimpleResponse{Username: "old", Hostname: "old"}
	for _, recv := range []func(any) error{fail, fill} {
		received(t, t.Context(), recv, func(ss grpc.ServerStream) {
			want := recv(nil)
			for _, m := range []any{theirs, proto, (*testpb.SimpleResponse)(nil), (*int)(nil), "no pointer", nil} {
				if err := ss.RecvMsg(m); err != want {
					t.Errorf("%T: %v, want %v", m, err, want)
				}
			}
		})
		if recv(nil) != nil && (theirs.Text != "prepared" || proto.GetUsername() != "old") {
			t.Errorf("a receive that failed has changed the message: %v, %v", theirs, proto)
		}
	}
	if theirs.Text != "prepared received" || proto.GetUsername() != "received" || proto.GetOauthScope() != "received" || proto.GetHostname() != "" || len(proto.ProtoReflect().GetUnknown()) != 3 {
		t.Errorf("received %v, %v", theirs, proto)
	}
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
