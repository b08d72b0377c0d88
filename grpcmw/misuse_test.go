package grpcmw_test

import (
	"context"
	"crypto/x509"
	"slices"
	"testing"

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

// unaryMethod is that of greeter, which answers with the client's ID.
const unaryMethod = "/grpc.testing.TestService/UnaryCall"

// everything serves a unary call and a stream, for tests.
type everything struct{ service }

func (*everything) UnaryCall(ctx context.Context, r *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	return greeter{}.UnaryCall(ctx, r)
}

// idStream sends the client's ID, and then what it receives.
func idStream(ss testpb.TestService_FullDuplexCallServer) error {
	client, _ := verifier.ClientFromContext(ss.Context())
	if err := ss.Send(&testpb.StreamingOutputCallResponse{Payload: &testpb.Payload{Body: []byte(client.ID)}}); err != nil {
		return err
	}
	return echo(ss)
}

// running starts a real gRPC server on a pipe, and returns a client of it.
func running(t *testing.T, opts ...grpc.ServerOption) testpb.TestServiceClient {
	t.Helper()
	return dial(t, opts)
}

// ask makes a unary call and a stream with the token, and returns the client
// that each handler found.
func ask(t *testing.T, client testpb.TestServiceClient, token string) (unary, stream string, unaryErr, streamErr error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	res, unaryErr := client.UnaryCall(ctx, &testpb.SimpleRequest{})
	ss, err := client.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first, streamErr := ss.Recv()
	return res.GetUsername(), string(first.GetPayload().GetBody()), unaryErr, streamErr
}

// wantBoth asserts the answers to a unary call and to a stream: a code, or the
// client that the handlers found.
func wantBoth(t *testing.T, client testpb.TestServiceClient, token string, code codes.Code, id string) {
	t.Helper()
	unary, stream, unaryErr, streamErr := ask(t, client, token)
	if status.Code(unaryErr) != code || status.Code(streamErr) != code || unary != id || stream != id {
		t.Errorf("unary: %q, %v; stream: %q, %v; want %q, %v", unary, unaryErr, stream, streamErr, id, code)
	}
}

// watched makes an authority and a Verifier whose decisions are counted.
func watched(t *testing.T, a *m2mtest.Authority, change ...func(*verifier.Config)) (v *verifier.Verifier, told func() []verifier.Decision) {
	t.Helper()
	decisions := make(chan verifier.Decision, 100)
	cfg := verifier.Config{
		Issuers: []verifier.Issuer{a.Issuer()},
		Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { decisions <- d }},
	}
	for _, f := range change {
		f(&cfg)
	}
	v, err := verifier.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v, func() (list []verifier.Decision) {
		for {
			select {
			case d := <-decisions:
				list = append(list, d)
			default:
				return list
			}
		}
	}
}

func guardOf(t *testing.T, v *verifier.Verifier, need scopes.Requirement, opts *grpcmw.Options) *grpcmw.Interceptor {
	t.Helper()
	guard, err := grpcmw.New(v, grpcmw.Policy{unaryMethod: need, duplex: need}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

// TestInstalledTwice: interceptors that are installed twice, in any way,
// decide each call twice with the same result.
func TestInstalledTwice(t *testing.T) {
	authority, _ := newVerifier(t)
	v, told := watched(t, authority)
	guard := guardOf(t, v, scopes.All("a"), nil)
	for name, opts := range map[string][]grpc.ServerOption{
		"ServerOptions twice": append(guard.ServerOptions(), guard.ServerOptions()...),
		"chained twice": {
			grpc.ChainUnaryInterceptor(guard.Unary(), guard.Unary()), grpc.ChainStreamInterceptor(guard.Stream(), guard.Stream()),
		},
		"before the chain and in it": append(guard.ServerOptions(), grpc.UnaryInterceptor(guard.Unary()), grpc.StreamInterceptor(guard.Stream())),
	} {
		t.Run(name, func(t *testing.T) {
			client := running(t, opts...)
			for _, tt := range []struct {
				granted   string
				code      codes.Code
				decisions int // of the two calls
			}{
				{"a", codes.OK, 4}, {"b", codes.PermissionDenied, 2},
			} {
				spec := m2mtest.TokenSpec{ClientID: "m2m-client-test-1", Scopes: []string{tt.granted}}
				id := map[codes.Code]string{codes.OK: "m2m-client-test-1"}[tt.code]
				told()
				wantBoth(t, client, authority.Token(spec), tt.code, id)
				if n := len(told()); n != tt.decisions {
					t.Errorf("with %q: %d decisions, want %d", tt.granted, n, tt.decisions)
				}
			}
			wantBoth(t, client, "", codes.Unauthenticated, "")
		})
	}
}

// TestHalfInstalled: each interceptor guards its own kind of call. Without
// the other interceptor, the other kind is open and its handlers find no
// client; ServerOptions installs both.
func TestHalfInstalled(t *testing.T) {
	authority, v := newVerifier(t)
	guard := guardOf(t, v, scopes.All("a"), nil)
	token := authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-1", Scopes: []string{"a"}})
	for _, token := range []string{token, ""} {
		want := map[bool]codes.Code{true: codes.OK, false: codes.Unauthenticated}[token != ""]
		id := map[bool]string{true: "m2m-client-test-1"}[token != ""]
		unary, stream, unaryErr, streamErr := ask(t, running(t, grpc.UnaryInterceptor(guard.Unary())), token)
		if status.Code(unaryErr) != want || unary != id || streamErr != nil || stream != "" {
			t.Errorf("Unary alone: %q, %v; %q, %v", unary, unaryErr, stream, streamErr)
		}
		unary, stream, unaryErr, streamErr = ask(t, running(t, grpc.StreamInterceptor(guard.Stream())), token)
		if status.Code(streamErr) != want || stream != id || unaryErr != nil || unary != "" {
			t.Errorf("Stream alone: %q, %v; %q, %v", unary, unaryErr, stream, streamErr)
		}
	}
}

// TestTwoVerifiersInOneChain: both guards apply, and handlers find the
// client of the inner one.
func TestTwoVerifiersInOneChain(t *testing.T) {
	a, _ := newVerifier(t)
	outer, _ := watched(t, a)
	// The same authority under rules of its own: one token is good for both.
	inner, _ := watched(t, a, func(c *verifier.Config) {
		c.Issuers[0].ClientIDClaims = []string{"inner_id"}
	})
	client := running(t, append(guardOf(t, outer, scopes.All("a"), nil).ServerOptions(), guardOf(t, inner, scopes.All("b"), nil).ServerOptions()...)...)
	for _, tt := range []struct {
		granted []string
		inner   any
		code    codes.Code
		id      string
	}{
		{[]string{"a", "b"}, "inner", codes.OK, "inner"},
		{[]string{"a"}, "inner", codes.PermissionDenied, ""},
		{[]string{"b"}, "inner", codes.PermissionDenied, ""},
		{[]string{"a", "b"}, m2mtest.Absent, codes.Unauthenticated, ""}, // good for the outer one
	} {
		wantBoth(t, client, a.Token(m2mtest.TokenSpec{Scopes: tt.granted, Claims: map[string]any{"inner_id": tt.inner}}), tt.code, tt.id)
	}
}

// TestOneInterceptorForTwoServers: an Interceptor has no state of a server.
func TestOneInterceptorForTwoServers(t *testing.T) {
	authority, v := newVerifier(t)
	guard := guardOf(t, v, scopes.All("a"), nil)
	for range 2 {
		client := running(t, guard.ServerOptions()...)
		wantBoth(t, client, authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-1", Scopes: []string{"a"}}), codes.OK, "m2m-client-test-1")
		wantBoth(t, client, authority.Token(m2mtest.TokenSpec{Scopes: []string{"b"}}), codes.PermissionDenied, "")
	}
}

// TestNewCopies: changes of Policy and Options after New have no effect.
func TestNewCopies(t *testing.T) {
	authority, v := newVerifier(t)
	policy := grpcmw.Policy{unaryMethod: scopes.All("a"), "/grpc.testing.TestService/*": scopes.All("a")}
	opts := &grpcmw.Options{Realm: "before"}
	guard, err := grpcmw.New(v, policy, opts)
	if err != nil {
		t.Fatal(err)
	}
	client := running(t, guard.ServerOptions()...)
	policy[unaryMethod], policy[duplex] = scopes.Public(), scopes.Public()
	delete(policy, "/grpc.testing.TestService/*")
	*opts = grpcmw.Options{Realm: "after", KeepStreamsPastExpiry: true, ErrorHandler: func(context.Context, *verifier.Error) error {
		t.Error("a late ErrorHandler is called")
		return nil
	}, InsecurePeerCertificates: func(context.Context) ([]*x509.Certificate, error) {
		t.Error("a late InsecurePeerCertificates is called")
		return nil, nil
	}}
	wantBoth(t, client, "", codes.Unauthenticated, "")
	wantBoth(t, client, authority.Token(m2mtest.TokenSpec{Scopes: []string{"b"}}), codes.PermissionDenied, "")
	var trailer metadata.MD
	_, _ = client.UnaryCall(t.Context(), &testpb.SimpleRequest{}, grpc.Trailer(&trailer))
	if got, want := trailer["www-authenticate"], `Bearer realm="before", scope="a"`; !slices.Equal(got, []string{want}) {
		t.Errorf("www-authenticate = %q, want %q", got, want)
	}
}

// TestWhatIsTold: Check, Observe and InsecurePeerCertificates receive the
// called method and its metadata, for both kinds of calls.
func TestWhatIsTold(t *testing.T) {
	a, _ := newVerifier(t)
	var checked, asked []string
	v, told := watched(t, a, func(c *verifier.Config) {
		c.Check = func(_ context.Context, _ verifier.Client, r verifier.Request) error {
			checked = append(checked, r.Operation)
			return nil
		}
	})
	guard, err := grpcmw.New(v, grpcmw.Policy{"/grpc.testing.TestService/*": scopes.Authenticated()}, &grpcmw.Options{
		InsecurePeerCertificates: func(ctx context.Context) ([]*x509.Certificate, error) {
			asked = append(asked, metadata.ValueFromIncomingContext(ctx, "client-cert")...)
			return nil, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+a.Token(m2mtest.TokenSpec{}), "client-cert", "x"))
	_, err = guard.Unary()(ctx, nil, &grpc.UnaryServerInfo{FullMethod: unaryMethod}, func(context.Context, any) (any, error) { return nil, nil })
	if err != nil {
		t.Error(err)
	}
	err = guard.Stream()(nil, &fakeStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: duplex}, func(any, grpc.ServerStream) error { return nil })
	if err != nil {
		t.Error(err)
	}
	if !slices.Equal(checked, []string{unaryMethod, duplex}) || !slices.Equal(asked, []string{"x", "x"}) {
		t.Errorf("Check was asked about %q, the certificates of %q", checked, asked)
	}
	if d := told(); len(d) != 2 || d[0].Operation != unaryMethod || d[1].Operation != duplex {
		t.Errorf("Observe was told of %+v", d)
	}
}
