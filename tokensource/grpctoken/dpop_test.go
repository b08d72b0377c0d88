package grpctoken_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/local"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/tokensource/grpctoken"
	"github.com/m2mauth/m2mauth/verifier"
)

// boundServer takes bound tokens alone, over a real connection. before decides on
// each attempt ahead of the guard.
type boundServer struct {
	testpb.UnimplementedTestServiceServer
	client testpb.TestServiceClient

	mu     sync.Mutex
	proofs []string // of the attempts
	before func(ctx context.Context, n int) error
}

func (s *boundServer) EmptyCall(context.Context, *testpb.Empty) (*testpb.Empty, error) {
	return &testpb.Empty{}, nil
}

func (s *boundServer) FullDuplexCall(stream testpb.TestService_FullDuplexCallServer) error {
	for {
		if _, err := stream.Recv(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := stream.Send(&testpb.StreamingOutputCallResponse{}); err != nil {
			return err
		}
	}
}

func (s *boundServer) StreamingOutputCall(_ *testpb.StreamingOutputCallRequest, stream testpb.TestService_StreamingOutputCallServer) error {
	return stream.Send(&testpb.StreamingOutputCallResponse{})
}

func (s *boundServer) StreamingInputCall(stream testpb.TestService_StreamingInputCallServer) error {
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return stream.SendAndClose(&testpb.StreamingInputCallResponse{})
		} else if err != nil {
			return err
		}
	}
}

func (s *boundServer) arrive(ctx context.Context) error {
	s.mu.Lock()
	s.proofs = append(s.proofs, metadata.ValueFromIncomingContext(ctx, "dpop")...)
	n, before := len(s.proofs), s.before
	s.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(ctx, n)
}

// take returns how many attempts there were since the last call, and whether each had
// a proof of its own.
func (s *boundServer) take() (n int, distinct bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = len(s.proofs)
	slices.Sort(s.proofs)
	distinct = len(slices.Compact(s.proofs)) == n
	s.proofs = nil
	return n, distinct
}

func newBoundServer(t *testing.T, options ...grpc.DialOption) *boundServer {
	t.Helper()
	checker := func() *dpop.Checker {
		c, err := dpop.NewChecker(dpop.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	authority := m2mtest.NewAuthority(&m2mtest.Options{Key: m2mtest.NewKey("ES256"), DPoP: checker()})
	t.Cleanup(authority.Close)
	issuer := authority.Issuer()
	issuer.RequireBound = true
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, DPoP: checker()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	guard, err := grpcmw.New(v, grpcmw.Policy{"/grpc.testing.TestService/*": scopes.Authenticated()},
		&grpcmw.Options{Origin: "https://" + listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	s := &boundServer{}
	server := grpc.NewServer(append([]grpc.ServerOption{
		grpc.Creds(local.NewCredentials()),
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := s.arrive(ctx); err != nil {
				return nil, err
			}
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := s.arrive(stream.Context()); err != nil {
				return err
			}
			return next(srv, stream)
		}),
	}, guard.ServerOptions()...)...)
	testpb.RegisterTestServiceServer(server, s)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	signer, err := dpop.NewSigner(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	id, secret := authority.CreateClient("worker")
	source, err := tokensource.New(tokensource.Config{TokenURL: authority.TokenURL(), Credentials: tokensource.Secret(id, secret), DPoP: signer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	dial, err := grpctoken.DialOptions(source, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(listener.Addr().String(), append(append(dial, grpc.WithTransportCredentials(local.NewCredentials())), options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s.client = testpb.NewTestServiceClient(conn)
	return s
}

// TestBoundCalls: unary calls, streams, and attempts of a service config have a proof
// each.
func TestBoundCalls(t *testing.T) {
	s := newBoundServer(t, grpc.WithDefaultServiceConfig(serviceConfig))
	for range 3 {
		if _, err := s.client.EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
			t.Fatalf("EmptyCall() = %v, want nil", err)
		}
	}
	if n, distinct := s.take(); n != 3 || !distinct {
		t.Errorf("3 calls made %d attempts, each with its own proof: %t; want 3, true", n, distinct)
	}
	stream, err := s.client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := stream.Send(&testpb.StreamingOutputCallRequest{}); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatalf("Recv() = %v, want a message", err)
		}
	}
	stream.CloseSend()
	if n, _ := s.take(); n != 1 {
		t.Errorf("a stream of 3 messages sent %d proofs, want 1", n)
	}
	s.before = func(_ context.Context, n int) error {
		if n < 3 {
			return status.Error(codes.Unavailable, "try again")
		}
		return nil
	}
	if _, err := s.client.EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
		t.Errorf("EmptyCall(two attempts fail) = %v, want nil", err)
	}
	if n, distinct := s.take(); n != 3 || !distinct {
		t.Errorf("a call with retries made %d attempts, each with its own proof: %t; want 3, true", n, distinct)
	}
}

// TestBoundCallNonce: a nonce in the trailer of a refusal is in the next proof, and
// the call is repeated once.
func TestBoundCallNonce(t *testing.T) {
	s := newBoundServer(t)
	refusals := 1
	s.before = func(ctx context.Context, _ int) error {
		if refusals == 0 {
			return nil
		}
		refusals--
		grpc.SetTrailer(ctx, metadata.Pairs("www-authenticate", `DPoP error="use_dpop_nonce"`, "dpop-nonce", "n-1"))
		return status.Error(codes.Unauthenticated, "a nonce is required")
	}
	if _, err := s.client.EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
		t.Errorf("EmptyCall(nonce required) = %v, want nil", err)
	}
	if n, distinct := s.take(); n != 2 || !distinct {
		t.Errorf("attempts = %d, each with its own proof: %t; want 2, true", n, distinct)
	}
	// A successful response may renew the nonce.
	s.before = func(ctx context.Context, _ int) error {
		grpc.SetTrailer(ctx, metadata.Pairs("dpop-nonce", "n-2"))
		return nil
	}
	for range 2 {
		if _, err := s.client.EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := nonceOf(t, s.proofs[1]); got != "n-2" {
		t.Errorf("nonce after a response with n-2 = %q, want n-2", got)
	}
	s.take()
	s.before = func(ctx context.Context, _ int) error {
		if refusals--; refusals < 0 {
			return nil
		}
		grpc.SetTrailer(ctx, metadata.Pairs("www-authenticate", `DPoP error="use_dpop_nonce"`, "dpop-nonce", "n-3"))
		return status.Error(codes.Unauthenticated, "a nonce is required")
	}
	refusals = 5
	if _, err := s.client.EmptyCall(t.Context(), &testpb.Empty{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("EmptyCall(each proof refused) = %v, want Unauthenticated", err)
	}
	if n, _ := s.take(); n != 2 {
		t.Errorf("attempts = %d, want 2", n)
	}
}

// nonceOf reads the nonce of a proof without verifying it.
func nonceOf(t *testing.T, proof string) string {
	t.Helper()
	var claims struct{ Nonce string }
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(proof, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Error(err)
	}
	return claims.Nonce
}
