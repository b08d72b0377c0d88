package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"
)

// The service that every peer guards: two operations with a scope each and, over HTTP,
// one for everyone.
const (
	projectID = "project-test-attacks"
	issuer    = "stytch.com/" + projectID
	audience  = projectID

	mayRead  = "reports:read"
	mayWrite = "reports:write"

	listMethod   = "/reports.v1.Reports/List"
	createMethod = "/reports.v1.Reports/Create"
)

var overHTTP = []attack.Operation{
	{Call: "GET /reports", Need: scopes.All(mayRead)},
	{Call: "POST /reports", Need: scopes.All(mayWrite)},
	{Call: "GET /health", Need: scopes.Public()},
}

var overGRPC = []attack.Operation{
	{Call: listMethod, Need: scopes.All(mayRead)},
	{Call: createMethod, Need: scopes.All(mayWrite)},
}

// scopeOf holds the scope that each method requires.
var scopeOf = map[string]string{listMethod: mayRead, createMethod: mayWrite}

// trust is what a peer is told: whose tokens it accepts, by which keys.
type trust struct {
	authority *m2mtest.Authority
	keySet    []byte
}

func newTrust() trust {
	a := m2mtest.NewAuthority(&m2mtest.Options{ProjectID: projectID, NoServer: true, Key: m2mtest.NewKey("RS256")})
	return trust{a, must(a.FetchJWKS(context.Background()))}
}

// httpGuard returns the guard of a route that requires a scope.
type httpGuard func(scope string) func(http.Handler) http.Handler

// routes is the HTTP service on http.ServeMux.
func routes(guard httpGuard) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /reports", guard(mayRead)(answers("the reports")))
	mux.Handle("POST /reports", guard(mayWrite)(answers("created")))
	mux.Handle("GET /health", answers("healthy"))
	return mux
}

type answers string

func (a answers) ServeHTTP(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(a)) }

// bearer returns a request's token, as the plainest guard reads it.
func bearer(r *http.Request) (string, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return "", errToken
	}
	return token, nil
}

var (
	errToken = errors.New("no bearer token")
	errScope = errors.New("the scope is missing")
)

// hasScope checks a "scope" claim, for peers that don't. Spaces alone separate scopes
// (RFC 6749 §3.3): strings.Fields would also split at tabs.
func hasScope(claim, scope string) error {
	if slices.Contains(strings.Split(claim, " "), scope) {
		return nil
	}
	return errScope
}

// serveGRPC returns a connection to the gRPC service, and stops it with stop.
func serveGRPC(options ...grpc.ServerOption) (conn *grpc.ClientConn, stop func()) {
	server := grpc.NewServer(options...)
	method := func(name string) grpc.MethodDesc {
		return grpc.MethodDesc{MethodName: name, Handler: func(_ any, ctx context.Context, decode func(any) error, guard grpc.UnaryServerInterceptor) (any, error) {
			if err := decode(new(emptypb.Empty)); err != nil {
				return nil, err
			}
			answer := func(context.Context, any) (any, error) { return new(emptypb.Empty), nil }
			if guard == nil {
				return answer(ctx, nil)
			}
			return guard(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/reports.v1.Reports/" + name}, answer)
		}}
	}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "reports.v1.Reports", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{method("List"), method("Create")},
	}, nil)
	listener := bufconn.Listen(1 << 20)
	go server.Serve(listener)
	conn = dial(listener)
	return conn, func() {
		conn.Close()
		server.Stop()
	}
}

func dial(listener *bufconn.Listener) *grpc.ClientConn {
	return must(grpc.NewClient("passthrough:///reports", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) })))
}

// must panics on an error that only a mistake in the program can cause.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
