package grpcmw_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
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
	"google.golang.org/protobuf/proto"
)

// dial starts a server and returns a client with the options.
func dial(t *testing.T, server []grpc.ServerOption, client ...grpc.DialOption) testpb.TestServiceClient {
	t.Helper()
	s := grpc.NewServer(server...)
	testpb.RegisterTestServiceServer(s, &everything{service{duplex: idStream}})
	listener := bufconn.Listen(1 << 16)
	go s.Serve(listener)
	conn, err := grpc.NewClient("passthrough:pipe", append(client,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		s.Stop()
	})
	return testpb.NewTestServiceClient(conn)
}

// refused returns the details of a refusal.
func refused(err error) (info *errdetails.ErrorInfo, retry time.Duration) {
	for _, d := range status.Convert(err).Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			info = d
		case *errdetails.RetryInfo:
			retry = d.GetRetryDelay().AsDuration()
		}
	}
	return info, retry
}

// TestPushback: before each attempt, a client with a retry policy waits as
// long as the last response says, and not for its own backoff of
// milliseconds.
func TestPushback(t *testing.T) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer authority.Close()
	policy := grpc.WithDefaultServiceConfig(`{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5,
		"initialBackoff": "0.01s", "maxBackoff": "0.05s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]}`)
	for _, kind := range []string{"unary", "stream"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := authority.Issuer()
				issuer.FetchJWKS = func(context.Context) ([]byte, error) { return nil, errors.New("down") }
				issuer.JWKSURL = ""
				v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
				if err != nil {
					t.Fatal(err)
				}
				defer v.Close()
				type attempt struct {
					at   time.Time
					told time.Duration
				}
				var attempts []attempt // the client makes one after the other
				record := func(err error) {
					_, retry := refused(err)
					attempts = append(attempts, attempt{time.Now(), retry})
				}
				client := dial(t, append([]grpc.ServerOption{
					grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
						res, err := handler(ctx, req)
						record(err)
						return res, err
					}),
					grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
						err := handler(srv, ss)
						record(err)
						return err
					}),
				}, guardOf(t, v, scopes.All("a"), nil).ServerOptions()...), policy)
				ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{TTL: time.Hour}))
				if kind == "unary" {
					_, err = client.UnaryCall(ctx, &testpb.SimpleRequest{})
				} else {
					var stream testpb.TestService_FullDuplexCallClient
					if stream, err = client.FullDuplexCall(ctx); err == nil {
						_, err = stream.Recv()
					}
				}
				if status.Code(err) != codes.Unavailable || len(attempts) != 5 {
					t.Fatalf("%v after %d attempts, want Unavailable after 5", err, len(attempts))
				}
				for n := 1; n < len(attempts); n++ {
					last := attempts[n-1]
					// Whole milliseconds, rounded up.
					want := (last.told + time.Millisecond - 1).Truncate(time.Millisecond)
					if waited := attempts[n].at.Sub(last.at); last.told == 0 || waited < want {
						t.Errorf("attempt %d came %v after one that was answered %v", n+1, waited, last.told)
					}
				}
			})
		})
	}
}

// TestPushbackValue: whole milliseconds, never earlier than RetryAfter, always
// an int32 (gRFC A6), and absent if RetryAfter is.
func TestPushbackValue(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{
		{time.Nanosecond, "1"},
		{time.Millisecond, "1"},
		{1500*time.Millisecond + 1, "1501"},
		{time.Minute, "60000"},
		{math.MaxInt64, "2147483647"},
	} {
		if got := grpcmw.Pushback(tt.after); got != tt.want {
			t.Errorf("pushback(%d) = %q, want %q", tt.after, got, tt.want)
		}
	}

	_, v := newVerifier(t)
	client := running(t, guardOf(t, v, scopes.All("a"), nil).ServerOptions()...)
	v.Close() // Unavailable without a RetryAfter
	var trailer metadata.MD
	_, err := client.UnaryCall(t.Context(), &testpb.SimpleRequest{}, grpc.Trailer(&trailer))
	if got := trailer["grpc-retry-pushback-ms"]; status.Code(err) != codes.Unavailable || got != nil {
		t.Errorf("a closed Verifier: %v, grpc-retry-pushback-ms %q; want Unavailable and none", err, got)
	}
}

// TestLargeRequirements: a refusal reaches clients that accept 4 KiB of
// header fields, however many scopes are required. A list that does not fit
// is left out whole.
func TestLargeRequirements(t *testing.T) {
	// list returns scopes that take size bytes together.
	list := func(size int) []string {
		var names []string
		for ; size > 64+1; size -= 64 + 1 {
			names = append(names, fmt.Sprintf("%064d", len(names)))
		}
		return append(names, strings.Repeat("x", size))
	}
	authority, v := newVerifier(t)
	name := strings.Repeat("r", 256)
	for _, tt := range []struct {
		size            int
		info, challenge bool // whether each names the scopes
	}{
		{1024, true, true},
		{1025, false, true},
		{2048, false, true},
		{2049, false, false},
		{150 * 65, false, false},
	} {
		t.Run(fmt.Sprint(tt.size), func(t *testing.T) {
			need, err := scopes.AllOf(list(tt.size))
			if err != nil {
				t.Fatal(err)
			}
			guard := guardOf(t, v, need, &grpcmw.Options{Realm: name})
			client := dial(t, guard.ServerOptions(), grpc.WithMaxHeaderListSize(4<<10))
			ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{}))
			var header, trailer metadata.MD
			_, err = client.UnaryCall(ctx, &testpb.SimpleRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))
			info, _ := refused(err)
			if status.Code(err) != codes.PermissionDenied || info.GetReason() != "ACCESS_TOKEN_SCOPE_INSUFFICIENT" {
				t.Fatalf("%v, reason %q; want PermissionDenied, ACCESS_TOKEN_SCOPE_INSUFFICIENT", err, info.GetReason())
			}
			want := strings.Join(need.Scopes(), " ")
			scope, named := info.GetMetadata()["scope"]
			if named != tt.info || named && scope != want {
				t.Errorf("ErrorInfo names %d bytes of scopes, want all: %t", len(scope), tt.info)
			}
			challenge := strings.Join(trailer["www-authenticate"], "")
			if got := strings.Contains(challenge, `scope="`+want+`"`); got != tt.challenge || strings.Contains(challenge, "scope=") != got {
				t.Errorf("www-authenticate names the scopes: %t, want %t", got, tt.challenge)
			}
			details, err := proto.Marshal(status.Convert(err).Proto())
			if err != nil {
				t.Fatal(err)
			}
			if size := len(challenge) + base64.RawStdEncoding.EncodedLen(len(details)); size > 3584 {
				t.Errorf("the two fields have %d bytes, want at most 3584", size)
			}
		})
	}
}
