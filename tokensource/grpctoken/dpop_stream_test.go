package grpctoken_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// kinds are the ways to call, each from its beginning to its end. A call that is
// retried by the channel has messages to send again.
var kinds = []struct {
	name string
	call func(context.Context, testpb.TestServiceClient) error
}{
	{"unary", func(ctx context.Context, c testpb.TestServiceClient) error {
		_, err := c.EmptyCall(ctx, &testpb.Empty{})
		return err
	}},
	{"client-streaming", func(ctx context.Context, c testpb.TestServiceClient) error {
		stream, err := c.StreamingInputCall(ctx)
		if err != nil {
			return err
		}
		for range 3 {
			if err := stream.Send(&testpb.StreamingInputCallRequest{}); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
		_, err = stream.CloseAndRecv()
		return err
	}},
	{"server-streaming", func(ctx context.Context, c testpb.TestServiceClient) error {
		stream, err := c.StreamingOutputCall(ctx, &testpb.StreamingOutputCallRequest{})
		if err != nil {
			return err
		}
		return drain(stream)
	}},
	{"bidirectional", func(ctx context.Context, c testpb.TestServiceClient) error {
		stream, err := c.FullDuplexCall(ctx)
		if err != nil {
			return err
		}
		for range 3 {
			if err := stream.Send(&testpb.StreamingOutputCallRequest{}); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
		if err := stream.CloseSend(); err != nil {
			return err
		}
		return drain(stream)
	}},
}

// drain reads a stream to its end.
func drain(stream interface {
	Recv() (*testpb.StreamingOutputCallResponse, error)
}) error {
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// nonces returns those of the proofs that have arrived since the last call.
func (s *boundServer) nonces(t *testing.T) (all []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, proof := range s.proofs {
		all = append(all, nonceOf(t, proof))
	}
	s.proofs = nil
	return all
}

// TestBoundNonces: a nonce in the header or the trailer of a response, of any kind of
// call, is in the proof of the next call. The trailer's is the newer one.
func TestBoundNonces(t *testing.T) {
	for _, kind := range kinds {
		for _, tt := range []struct {
			name            string
			header, trailer string
			refused         bool
			want            string
		}{
			{"in the trailer", "", "n-1", false, "n-1"},
			{"in the header", "n-1", "", false, "n-1"},
			{"in both", "n-1", "n-2", false, "n-2"},
			{"in the trailer of an error", "", "n-1", true, "n-1"},
			{"in the header of an error", "n-1", "", true, "n-1"},
			{"with a character that no nonce has", "", `n"1`, false, ""},
		} {
			t.Run(kind.name+", "+tt.name, func(t *testing.T) {
				s := newBoundServer(t)
				s.before = func(ctx context.Context, n int) error {
					if tt.header != "" {
						grpc.SetHeader(ctx, metadata.Pairs("dpop-nonce", tt.header))
					}
					if tt.trailer != "" {
						grpc.SetTrailer(ctx, metadata.Pairs("dpop-nonce", tt.trailer))
					}
					if tt.refused && n == 1 {
						return status.Error(codes.NotFound, "")
					}
					return nil
				}
				want := codes.OK
				if tt.refused {
					want = codes.NotFound
				}
				if err := kind.call(t.Context(), s.client); status.Code(err) != want {
					t.Fatalf("the call = %v, want %v", err, want)
				}
				if err := kind.call(t.Context(), s.client); err != nil {
					t.Fatalf("the next call = %v, want nil", err)
				}
				if got := s.nonces(t); len(got) != 2 || got[0] != "" || got[1] != tt.want {
					t.Errorf("nonces = %q, want none and %q", got, tt.want)
				}
			})
		}
	}
}

// TestBoundNonceRequired: a unary call is repeated with the nonce that a refusal asks
// for. A stream ends with the refusal, and the next one has the nonce.
func TestBoundNonceRequired(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			s := newBoundServer(t)
			s.before = func(ctx context.Context, n int) error {
				if n > 1 {
					return nil
				}
				grpc.SetTrailer(ctx, metadata.Pairs("www-authenticate", `DPoP error="use_dpop_nonce"`, "dpop-nonce", "n-1"))
				return status.Error(codes.Unauthenticated, "a nonce is required")
			}
			err := kind.call(t.Context(), s.client)
			if kind.name != "unary" {
				if status.Code(err) != codes.Unauthenticated {
					t.Errorf("the refused stream = %v, want Unauthenticated", err)
				}
				err = kind.call(t.Context(), s.client)
			}
			if err != nil {
				t.Errorf("the call with the nonce = %v, want nil", err)
			}
			if got := s.nonces(t); len(got) != 2 || got[1] != "n-1" {
				t.Errorf("nonces = %q, want none and n-1", got)
			}
		})
	}
}

// TestBoundNonceOfAnOpenStream: the nonce in the header of a stream that is still open
// is in the next proof, and the end of the stream does not bring it back after a newer
// one.
func TestBoundNonceOfAnOpenStream(t *testing.T) {
	s := newBoundServer(t)
	nonce := "n-1"
	s.before = func(ctx context.Context, _ int) error {
		return grpc.SetHeader(ctx, metadata.Pairs("dpop-nonce", nonce))
	}
	stream, err := s.client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&testpb.StreamingOutputCallRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	nonce = "n-2"
	call := func() {
		t.Helper()
		if _, err := s.client.EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
			t.Fatalf("EmptyCall() = %v, want nil", err)
		}
	}
	call()
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := drain(stream); err != nil {
		t.Fatal(err)
	}
	call()
	if got := s.nonces(t); len(got) != 3 || got[1] != "n-1" || got[2] != "n-2" {
		t.Errorf("nonces = %q, want none, n-1 and n-2", got)
	}
}

// TestBoundNonceOfARepeat: the nonce in the response to a repeated call is in the next
// proof, so that a service whose nonces serve once refuses the first call alone.
func TestBoundNonceOfARepeat(t *testing.T) {
	s := newBoundServer(t)
	s.before = func(ctx context.Context, n int) error {
		grpc.SetTrailer(ctx, metadata.Pairs("dpop-nonce", []string{"n-1", "n-2", "n-3"}[n-1]))
		if n > 1 {
			return nil
		}
		grpc.SetTrailer(ctx, metadata.Pairs("www-authenticate", `DPoP error="use_dpop_nonce"`))
		return status.Error(codes.Unauthenticated, "a nonce is required")
	}
	for range 2 {
		if _, err := s.client.EmptyCall(t.Context(), &testpb.Empty{}); err != nil {
			t.Fatalf("EmptyCall() = %v, want nil", err)
		}
	}
	if got := s.nonces(t); len(got) != 3 || got[1] != "n-1" || got[2] != "n-2" {
		t.Errorf("nonces = %q, want none, n-1 and n-2", got)
	}
}

// TestBoundTokenAndNonce: a refused token and a refused proof are followed once each, in
// either order.
func TestBoundTokenAndNonce(t *testing.T) {
	const token, proof = `DPoP error="invalid_token"`, `DPoP error="use_dpop_nonce"`
	for _, tt := range []struct {
		name     string
		refusals []string // of the attempts, in their order
		want     codes.Code
		attempts int
	}{
		{"the token, then the proof", []string{token, proof}, codes.OK, 3},
		{"the proof, then the token", []string{proof, token}, codes.OK, 3},
		{"the proof twice", []string{proof, proof}, codes.Unauthenticated, 2},
		{"the token twice", []string{token, token}, codes.Unauthenticated, 2},
		{"all", []string{token, proof, token}, codes.Unauthenticated, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newBoundServer(t)
			s.before = func(ctx context.Context, n int) error {
				if n > len(tt.refusals) {
					return nil
				}
				grpc.SetTrailer(ctx, metadata.Pairs("www-authenticate", tt.refusals[n-1], "dpop-nonce", "n-1"))
				return status.Error(codes.Unauthenticated, "refused")
			}
			_, err := s.client.EmptyCall(t.Context(), &testpb.Empty{})
			if status.Code(err) != tt.want {
				t.Errorf("EmptyCall() = %v, want %v", err, tt.want)
			}
			if n, distinct := s.take(); n != tt.attempts || !distinct {
				t.Errorf("attempts = %d, each with its own proof: %t; want %d, true", n, distinct, tt.attempts)
			}
		})
	}
}

// TestBoundChannelRetries: each attempt that the channel makes by its service config has
// a new proof, which the guard accepts, whatever the kind of call.
func TestBoundChannelRetries(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			s := newBoundServer(t, grpc.WithDefaultServiceConfig(serviceConfig))
			s.before = func(_ context.Context, n int) error {
				if n < 3 {
					return status.Error(codes.Unavailable, "try again")
				}
				return nil
			}
			if err := kind.call(t.Context(), s.client); err != nil {
				t.Errorf("the call = %v, want nil", err)
			}
			if n, distinct := s.take(); n != 3 || !distinct {
				t.Errorf("attempts = %d, each with its own proof: %t; want 3, true", n, distinct)
			}
		})
	}
}
