package grpcmw_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// okStatus is an error whose status is OK.
type okStatus struct{}

func (okStatus) Error() string              { return "ok" }
func (okStatus) GRPCStatus() *status.Status { return status.New(codes.OK, "") }

// TestErrorHandler: the handler makes the status of each refusal, and cannot
// make a success of one.
func TestErrorHandler(t *testing.T) {
	authority, v := newVerifier(t)
	for _, tt := range []struct {
		name   string
		handle func(context.Context, *verifier.Error) error
		code   codes.Code
	}{
		{"a status", func(context.Context, *verifier.Error) error { return status.Error(codes.NotFound, "x") }, codes.NotFound},
		{"an error without a status", func(context.Context, *verifier.Error) error { return errors.New("x") }, codes.Unknown},
		{"nil", func(context.Context, *verifier.Error) error { return nil }, codes.PermissionDenied},
		{"an OK status", func(context.Context, *verifier.Error) error { return okStatus{} }, codes.PermissionDenied},
		{"a panic", func(context.Context, *verifier.Error) error { panic("x") }, codes.PermissionDenied},
		{"a changed error", func(_ context.Context, err *verifier.Error) error {
			err.Code = verifier.Unavailable
			return nil
		}, codes.PermissionDenied},
		{"the default", func(_ context.Context, err *verifier.Error) error {
			return new(grpcmw.Interceptor).StatusError(err)
		}, codes.PermissionDenied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var handled []verifier.Reason
			guard := guardOf(t, v, scopes.All("a"), &grpcmw.Options{
				Realm: "orders",
				ErrorHandler: func(ctx context.Context, err *verifier.Error) error {
					handled = append(handled, err.Reason)
					if len(metadata.ValueFromIncomingContext(ctx, "authorization")) != 1 {
						t.Error("ErrorHandler gets another context than the call's")
					}
					return tt.handle(ctx, err)
				},
			})
			client := running(t, guard.ServerOptions()...)
			wantBoth(t, client, authority.Token(m2mtest.TokenSpec{Scopes: []string{"b"}}), tt.code, "")
			if want := []verifier.Reason{verifier.ScopeMissing, verifier.ScopeMissing}; !slices.Equal(handled, want) {
				t.Errorf("ErrorHandler got %q, want %q", handled, want)
			}
			var trailer metadata.MD
			ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Basic x")
			_, _ = client.UnaryCall(ctx, &testpb.SimpleRequest{}, grpc.Trailer(&trailer))
			if got := trailer["www-authenticate"]; !slices.Equal(got, []string{`Bearer realm="orders", scope="a"`}) {
				t.Errorf("www-authenticate = %q, want the challenge of the guard", got)
			}
		})
	}
}

// TestErrorHandlerOfAnExpiredStream: the handler makes the status that the
// stream's handler and the client receive.
func TestErrorHandlerOfAnExpiredStream(t *testing.T) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer authority.Close()
	synctest.Test(t, func(t *testing.T) {
		opts := &grpcmw.Options{Realm: "orders", ErrorHandler: func(_ context.Context, err *verifier.Error) error {
			return status.Error(codes.Aborted, string(err.Reason))
		}}
		received := make(chan error, 1)
		stream := serve(t, authority, opts, time.Minute, func(ss testpb.TestService_FullDuplexCallServer) error {
			_, err := ss.Recv()
			received <- err
			return nil
		})
		if got := status.Code(<-received); got != codes.Aborted {
			t.Errorf("RecvMsg = %v, want Aborted", got)
		}
		_, err := stream.Recv()
		if status.Code(err) != codes.Aborted || status.Convert(err).Message() != string(verifier.Expired) {
			t.Errorf("the client receives %v, want Aborted", err)
		}
		const want = `Bearer realm="orders", error="invalid_token"`
		if got := stream.Trailer()["www-authenticate"]; !slices.Equal(got, []string{want}) {
			t.Errorf("www-authenticate = %q, want %q", got, want)
		}
	})
}
