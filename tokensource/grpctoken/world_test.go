package grpctoken_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/tokensource/grpctoken"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a gRPC server, guarded by grpcmw, that trusts an authority. It works
// in virtual time.
type service struct {
	testpb.UnimplementedTestServiceServer
	authority   *m2mtest.Authority
	revocations *revocation.List
	verifier    *verifier.Verifier
	guard       *grpcmw.Interceptor
	id          string                // of the client
	fetches     *stytchtest.Transport // of tokens
	config      tokensource.Config

	mu      sync.Mutex
	sent    []string          // the tokens of the attempts
	cutoff  time.Time         // revokes the tokens that were issued up to then
	all     bool              // every token is revoked
	before  func(n int) error // ends the n-th attempt ahead of the guard
	handle  func(n int) error // is the handler of the n-th attempt
	trailer metadata.MD       // of every attempt
	served  []time.Time       // when attempts arrived
	issued  map[int64]bool    // when the accepted tokens were issued, in Unix time
}

// newService starts an authority with one client.
func newService(t *testing.T) *service {
	t.Helper()
	s := &service{issued: map[int64]bool{}}
	var err error
	if s.revocations, err = revocation.New(revocation.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.revocations.Close() })
	s.authority, s.verifier = m2mtest.Trust(t, &verifier.Config{Check: s.check, Revocations: s.revocations})
	s.guard, err = grpcmw.New(s.verifier, grpcmw.Policy{"/grpc.testing.TestService/*": scopes.All("reports:read")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var secret string
	s.id, secret = s.authority.CreateClient("worker", "reports:read")
	s.fetches = &stytchtest.Transport{Handler: s.authority}
	s.config = tokensource.Config{
		TokenURL:    strings.Replace(s.authority.TokenURL(), "http:", "https:", 1),
		Credentials: tokensource.Secret(s.id, secret),
		Transport:   s.fetches,
	}
	return s
}

func (s *service) check(_ context.Context, c verifier.Client, _ verifier.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all || !c.IssuedAt.After(s.cutoff) {
		return verifier.Revoked
	}
	s.issued[c.IssuedAt.Unix()] = true
	return nil
}

// revoke revokes every token that was issued so far.
func (s *service) revoke() { s.set(func() { s.cutoff = time.Now() }) }

// restore accepts the revoked tokens again.
func (s *service) restore() { s.set(func() { s.cutoff = time.Time{} }) }

func (s *service) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// arrive counts an attempt, with its token.
func (s *service) arrive(ctx context.Context) (int, error) {
	s.mu.Lock()
	s.sent = append(s.sent, strings.Join(metadata.ValueFromIncomingContext(ctx, "authorization"), "; "))
	s.served = append(s.served, time.Now())
	n, before, trailer := len(s.sent), s.before, s.trailer
	s.mu.Unlock()
	_ = grpc.SetTrailer(ctx, trailer)
	if before != nil {
		return n, before(n)
	}
	return n, nil
}

func (s *service) handler() func(int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handle == nil {
		return func(int) error { return nil }
	}
	return s.handle
}

func (s *service) attempts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

func (s *service) EmptyCall(context.Context, *testpb.Empty) (*testpb.Empty, error) {
	return &testpb.Empty{}, s.handler()(len(s.attempts()))
}

func (s *service) StreamingOutputCall(_ *testpb.StreamingOutputCallRequest, out testpb.TestService_StreamingOutputCallServer) error {
	if err := out.Send(&testpb.StreamingOutputCallResponse{}); err != nil {
		return err
	}
	return s.handler()(len(s.attempts()))
}

func (s *service) FullDuplexCall(ss testpb.TestService_FullDuplexCallServer) error {
	for {
		if _, err := ss.Recv(); err != nil {
			return nil
		}
		if err := ss.Send(&testpb.StreamingOutputCallResponse{}); err != nil {
			return err
		}
	}
}

// serve serves on l until the test ends.
func (s *service) serve(t *testing.T, l net.Listener, opts ...grpc.ServerOption) {
	t.Helper()
	go s.server(t, opts...).Serve(l)
}

// server returns the guarded server.
func (s *service) server(t *testing.T, opts ...grpc.ServerOption) *grpc.Server {
	t.Helper()
	server := grpc.NewServer(slices.Concat(opts, []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if _, err := s.arrive(ctx); err != nil {
				return nil, err
			}
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if _, err := s.arrive(ss.Context()); err != nil {
				return err
			}
			return next(srv, ss)
		}),
	}, s.guard.ServerOptions())...)
	testpb.RegisterTestServiceServer(server, s)
	t.Cleanup(server.Stop)
	return server
}

// source returns a Source for the service's client.
func (s *service) source(t *testing.T) *tokensource.Source {
	t.Helper()
	source, err := tokensource.New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	return source
}

// dial connects a client with the tokens of source, over target.
func dial(t *testing.T, source *tokensource.Source, opts *grpctoken.Options, target string, more ...grpc.DialOption) testpb.TestServiceClient {
	t.Helper()
	options, err := grpctoken.DialOptions(source, opts)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(target, append(options, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return testpb.NewTestServiceClient(conn)
}

// connect serves on a pipe and returns a client of it. The pipe passes for a
// loopback connection.
func (s *service) connect(t *testing.T, source *tokensource.Source, opts *grpctoken.Options, more ...grpc.DialOption) testpb.TestServiceClient {
	t.Helper()
	l := bufconn.Listen(1 << 16)
	s.serve(t, l)
	return dial(t, source, opts, "passthrough:api.example.com", append([]grpc.DialOption{
		grpc.WithTransportCredentials(local.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			conn, err := l.DialContext(ctx)
			return loopback{conn}, err
		}),
	}, more...)...)
}

// loopback is a pipe with an address of the loopback interface.
type loopback struct{ net.Conn }

func (loopback) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// wantCounts asserts how many attempts and fetches there were.
func (s *service) wantCounts(t *testing.T, attempts, fetches int) {
	t.Helper()
	if got := len(s.attempts()); got != attempts {
		t.Errorf("%d attempts, want %d", got, attempts)
	}
	if got := s.fetches.Count(); got != fetches {
		t.Errorf("%d fetches, want %d", got, fetches)
	}
}

func call(t *testing.T, client testpb.TestServiceClient) error {
	t.Helper()
	_, err := client.EmptyCall(t.Context(), &testpb.Empty{})
	return err
}

func mustCall(t *testing.T, client testpb.TestServiceClient) {
	t.Helper()
	if err := call(t, client); err != nil {
		t.Fatal(err)
	}
}
