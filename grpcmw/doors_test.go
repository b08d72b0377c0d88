package grpcmw_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
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

const (
	method       = "/test.v1.Test/Call"
	streamMethod = "/test.v1.Test/Stream"
)

// TestUnaryDoor runs the table of decisions through the unary interceptor.
func TestUnaryDoor(t *testing.T) {
	doortest.Run(t, func(t *testing.T, v *verifier.Verifier, call doortest.Call) (res doortest.Result) {
		trailer := &trailerSink{}
		ctx := grpc.NewContextWithServerTransportStream(called(t.Context(), call), trailer)
		_, err := interceptor(t, v, call).Unary()(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method},
			func(ctx context.Context, _ any) (any, error) {
				res.Reached = true
				res.Client, _ = verifier.ClientFromContext(ctx)
				return nil, nil
			})
		return answered(t, res, call, status.Convert(err), trailer.md)
	})
}

// TestStreamDoor runs the table of decisions through the stream interceptor.
func TestStreamDoor(t *testing.T) {
	doortest.Run(t, func(t *testing.T, v *verifier.Verifier, call doortest.Call) (res doortest.Result) {
		trailer := &trailerSink{}
		ctx := grpc.NewContextWithServerTransportStream(called(t.Context(), call), trailer)
		ss := &fakeStream{ctx: ctx}
		err := interceptor(t, v, call).Stream()(nil, ss, &grpc.StreamServerInfo{FullMethod: method},
			func(_ any, ss grpc.ServerStream) error {
				res.Reached = true
				res.Client, _ = verifier.ClientFromContext(ss.Context())
				return nil
			})
		return answered(t, res, call, status.Convert(err), trailer.md)
	})
}

// interceptor guards method with what the call needs, or not at all.
func interceptor(t *testing.T, v *verifier.Verifier, call doortest.Call) *grpcmw.Interceptor {
	p := grpcmw.Policy{}
	if !call.Need.IsZero() {
		p[method], p[streamMethod] = call.Need, call.Need
	}
	i, err := grpcmw.New(v, p, &grpcmw.Options{Origin: doortest.Origin})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// called is the context of a call that came without a transport.
func called(ctx context.Context, call doortest.Call) context.Context {
	ctx = incoming(ctx, call.Authorization, call.PeerCertificates)
	md, _ := metadata.FromIncomingContext(ctx)
	if call.Proofs != nil {
		md = metadata.Join(md, metadata.MD{"dpop": call.Proofs("POST", method)})
	}
	for name, value := range call.Elsewhere {
		md = metadata.Join(md, metadata.Pairs(name, value))
	}
	return metadata.NewIncomingContext(ctx, md)
}

func incoming(ctx context.Context, authorization []string, chain []*x509.Certificate) context.Context {
	if authorization != nil {
		ctx = metadata.NewIncomingContext(ctx, metadata.MD{"authorization": authorization})
	}
	return peer.NewContext(ctx, &peer.Peer{AuthInfo: credentials.TLSInfo{
		State: tls.ConnectionState{PeerCertificates: chain},
	}})
}

// answered reads the status as a client would. Nothing in a refusal may depend
// on what was presented.
func answered(t *testing.T, res doortest.Result, call doortest.Call, st *status.Status, trailer metadata.MD) doortest.Result {
	res.Seen = fmt.Sprint(st.Proto(), trailer)
	if st.Code() == codes.OK {
		return res
	}
	var info *errdetails.ErrorInfo
	retry := false
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			info = d
		case *errdetails.RetryInfo:
			retry = true
		default:
			t.Errorf("a detail that is not known: %v", d)
		}
	}
	if info == nil {
		res.Transport = res.Seen
		return res
	}
	if info.GetDomain() != "m2mauth" {
		t.Errorf("ErrorInfo: %v", info)
	}
	challenge, scope := strings.Join(trailer["www-authenticate"], " | "), ""
	code, ok := map[codes.Code]verifier.Code{codes.Unavailable: verifier.Unavailable, codes.ResourceExhausted: verifier.TooManyRequests}[st.Code()]
	if ok && challenge != "" {
		t.Errorf("challenges of %v = %s, want none", st.Code(), challenge)
	} else if !ok {
		code = call.Challenges()[challenge]
	}
	if code == verifier.InsufficientScope {
		scope = strings.Join(call.Need.Scopes(), " ")
	}
	type answer struct {
		code   codes.Code
		reason string
		scope  string
	}
	got := answer{st.Code(), info.GetReason(), info.GetMetadata()["scope"]}
	if !slices.Contains(map[verifier.Code][]answer{
		verifier.NoCredentials:  {{codes.Unauthenticated, "CREDENTIALS_MISSING", ""}},
		verifier.InvalidRequest: {{codes.Unauthenticated, "CREDENTIALS_INVALID", ""}},
		verifier.InvalidToken: {
			{codes.Unauthenticated, "ACCESS_TOKEN_INVALID", ""},
			{codes.Unauthenticated, "ACCESS_TOKEN_EXPIRED", ""},
			{codes.Unauthenticated, "ACCESS_TOKEN_TYPE_UNSUPPORTED", ""},
		},
		verifier.InsufficientScope: {{codes.PermissionDenied, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", scope}},
		verifier.Unavailable:       {{codes.Unavailable, "AUTH_KEYS_UNAVAILABLE", ""}},
		verifier.TooManyRequests:   {{codes.ResourceExhausted, "RATE_LIMIT_EXCEEDED", ""}},
	}[code], got) {
		t.Errorf("response = %+v with the challenges %q, want those of one Code", got, challenge)
	}
	if st.Message() != code.Message() {
		t.Errorf("the message is %q, want %q", st.Message(), code.Message())
	}
	if retry != (code == verifier.TooManyRequests) && code != verifier.Unavailable {
		t.Errorf("%v with RetryInfo: %t", code, retry)
	}
	res.Code = code
	return res
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
