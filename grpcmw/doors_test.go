package grpcmw_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

const method = "/test.v1.Test/Call"

// TestUnaryDoor runs the table of decisions through the unary interceptor.
func TestUnaryDoor(t *testing.T) {
	doortest.Run(t, func(t *testing.T, v *verifier.Verifier, call doortest.Call) (res doortest.Result) {
		trailer := &trailerSink{}
		ctx := grpc.NewContextWithServerTransportStream(incoming(t.Context(), call.Authorization, call.PeerCertificates), trailer)
		_, err := interceptor(t, v, call).Unary()(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method},
			func(ctx context.Context, _ any) (any, error) {
				res.Reached = true
				res.Client, _ = verifier.ClientFromContext(ctx)
				return nil, nil
			})
		return answered(t, res, err, trailer.md)
	})
}

// TestStreamDoor runs the table of decisions through the stream interceptor.
func TestStreamDoor(t *testing.T) {
	doortest.Run(t, func(t *testing.T, v *verifier.Verifier, call doortest.Call) (res doortest.Result) {
		trailer := &trailerSink{}
		ctx := grpc.NewContextWithServerTransportStream(incoming(t.Context(), call.Authorization, call.PeerCertificates), trailer)
		ss := &fakeStream{ctx: ctx}
		err := interceptor(t, v, call).Stream()(nil, ss, &grpc.StreamServerInfo{FullMethod: method},
			func(_ any, ss grpc.ServerStream) error {
				res.Reached = true
				res.Client, _ = verifier.ClientFromContext(ss.Context())
				return nil
			})
		return answered(t, res, err, trailer.md)
	})
}

// interceptor guards method with what the call needs, or not at all.
func interceptor(t *testing.T, v *verifier.Verifier, call doortest.Call) *grpcmw.Interceptor {
	p := grpcmw.Policy{}
	if !call.Need.IsZero() {
		p[method] = call.Need
	}
	i, err := grpcmw.New(v, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func incoming(ctx context.Context, authorization []string, chain []*x509.Certificate) context.Context {
	if authorization != nil {
		ctx = metadata.NewIncomingContext(ctx, metadata.MD{"authorization": authorization})
	}
	return peer.NewContext(ctx, &peer.Peer{AuthInfo: credentials.TLSInfo{
		State: tls.ConnectionState{PeerCertificates: chain},
	}})
}

// answered reads the status as a client would.
func answered(t *testing.T, res doortest.Result, err error, trailer metadata.MD) doortest.Result {
	st := status.Convert(err)
	res.Seen = fmt.Sprint(st.Proto(), trailer)
	var info *errdetails.ErrorInfo
	for _, d := range st.Details() {
		if i, ok := d.(*errdetails.ErrorInfo); ok {
			info = i
		}
	}
	if st.Code() == codes.OK {
		return res
	}
	if info.GetDomain() != "m2mauth" {
		t.Errorf("ErrorInfo: %v", info)
	}
	type answer struct {
		code      codes.Code
		reason    string
		challenge string
	}
	got := answer{st.Code(), info.GetReason(), fmt.Sprint(trailer["www-authenticate"])}
	for want, code := range map[answer]verifier.Code{
		{codes.Unauthenticated, "CREDENTIALS_MISSING", `[Bearer realm="api"]`}:                                          verifier.NoCredentials,
		{codes.Unauthenticated, "CREDENTIALS_INVALID", `[Bearer realm="api", error="invalid_request"]`}:                 verifier.InvalidRequest,
		{codes.Unauthenticated, "ACCESS_TOKEN_INVALID", `[Bearer realm="api", error="invalid_token"]`}:                  verifier.InvalidToken,
		{codes.Unauthenticated, "ACCESS_TOKEN_EXPIRED", `[Bearer realm="api", error="invalid_token"]`}:                  verifier.InvalidToken,
		{codes.Unauthenticated, "ACCESS_TOKEN_TYPE_UNSUPPORTED", `[Bearer realm="api", error="invalid_token"]`}:         verifier.InvalidToken,
		{codes.PermissionDenied, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", `[Bearer realm="api", error="insufficient_scope"]`}: verifier.InsufficientScope,
		{codes.Unavailable, "AUTH_KEYS_UNAVAILABLE", `[]`}:                                                              verifier.Unavailable,
		{codes.PermissionDenied, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", scopeChallenge(info.GetMetadata()["scope"])}:        verifier.InsufficientScope,
	} {
		if got == want {
			res.Code = code
		}
	}
	if res.Code == 0 {
		t.Errorf("an answer that stands for nothing: %+v", got)
	}
	return res
}

func scopeChallenge(scope string) string {
	return `[Bearer realm="api", error="insufficient_scope", scope="` + scope + `"]`
}

// trailerSink is the transport of a unary call.
type trailerSink struct{ md metadata.MD }

func (s *trailerSink) Method() string               { return method }
func (s *trailerSink) SetHeader(metadata.MD) error  { return nil }
func (s *trailerSink) SendHeader(metadata.MD) error { return nil }
func (s *trailerSink) SetTrailer(md metadata.MD) error {
	s.md = md
	return nil
}

// fakeStream is a stream without a transport.
type fakeStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *fakeStream) Context() context.Context { return s.ctx }
