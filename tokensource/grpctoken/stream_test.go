package grpctoken_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// read opens a stream of the server's messages and reads it to its end.
func read(t *testing.T, client testpb.TestServiceClient) (messages int, err error) {
	t.Helper()
	stream, err := client.StreamingOutputCall(t.Context(), &testpb.StreamingOutputCallRequest{})
	if err != nil {
		return 0, err
	}
	for {
		if _, err = stream.Recv(); err != nil {
			break
		}
		messages++
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return messages, err
}

func TestStreamIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		client := s.connect(t, s.source(t), nil)
		if n, err := read(t, client); n != 1 || err != nil {
			t.Fatalf("a stream = %d messages, %v, want 1, nil", n, err)
		}
		s.revoke()
		if n, err := read(t, client); n != 0 || status.Code(err) != codes.Unauthenticated {
			t.Fatalf("a stream with a revoked token = %d messages, %v, want 0, Unauthenticated", n, err)
		}
		s.wantCounts(t, 2, 1)
		if n, err := read(t, client); n != 1 || err != nil { // waits for the new token
			t.Fatalf("the next stream = %d messages, %v, want 1, nil", n, err)
		}
		s.wantCounts(t, 3, 2)
	})
}

// TestStreamOfMessagesBothWays: the token counts when the stream begins, and a
// refusal that ends it later is one as well.
func TestStreamOfMessagesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		client := s.connect(t, s.source(t), nil)
		stream, err := client.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		exchange := func() error {
			if err := stream.Send(&testpb.StreamingOutputCallRequest{}); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			_, err := stream.Recv()
			return err
		}
		if err := exchange(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(65 * time.Minute) // past the token's end
		if err := exchange(); status.Code(err) != codes.Unauthenticated {
			t.Errorf("after the token's end: %v, want Unauthenticated", err)
		}
		mustCall(t, client)
		s.wantCounts(t, 2, 2)
	})
}

// TestStreamHandsOnAForeignRefusal: a refusal without a challenge replaces no token.
func TestStreamHandsOnAForeignRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.handle = func(int) error { return status.Error(codes.Unauthenticated, "of another service") }
		client := s.connect(t, s.source(t), nil)
		for range 2 {
			if n, err := read(t, client); n != 1 || status.Code(err) != codes.Unauthenticated {
				t.Errorf("a stream = %d messages, %v, want 1, Unauthenticated", n, err)
			}
		}
		s.wantCounts(t, 2, 1)
	})
}

// TestStreamsOfAServiceThatRefusesEverything: refused streams stay in the budget.
func TestStreamsOfAServiceThatRefusesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.all = true
		client := s.connect(t, s.source(t), nil)
		for range 10 {
			if _, err := read(t, client); status.Code(err) != codes.Unauthenticated {
				t.Fatalf("a stream = %v, want Unauthenticated", err)
			}
		}
		s.wantCounts(t, 10, 1+3)
	})
}
