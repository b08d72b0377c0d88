package main

import (
	"context"
	"net/http"

	"connectrpc.com/authn"
	"connectrpc.com/connect"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"
)

// jwxCheck returns a check of a token and a scope by jwx.
func jwxCheck(t trust) func(token, scope string) error {
	options := []jwt.ParseOption{
		jwt.WithKeySet(must(jwk.Parse(t.keySet))),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithRequiredClaim("exp"),
		jwt.WithRequiredClaim("sub"),
	}
	return func(token, scope string) error {
		parsed, err := jwt.ParseString(token, options...)
		if err != nil {
			return err
		}
		var claim string
		if err := parsed.Get("scope", &claim); err != nil {
			return err
		}
		return hasScope(claim, scope)
	}
}

// grpcMiddleware reads the header with go-grpc-middleware, which leaves the token to
// others.
func grpcMiddleware(t trust, target *attack.Target) func() {
	check := jwxCheck(t)
	conn, stop := serveGRPC(grpc.UnaryInterceptor(auth.UnaryServerInterceptor(func(ctx context.Context) (context.Context, error) {
		token, err := auth.AuthFromMD(ctx, "bearer")
		if err != nil {
			return nil, err
		}
		method, _ := grpc.Method(ctx)
		if err := check(token, scopeOf[method]); err != nil {
			return nil, status.Error(codes.Unauthenticated, "invalid auth token")
		}
		return ctx, nil
	})))
	target.Conn, target.GRPC = conn, overGRPC
	return stop
}

// connectAuthn is the same service with connect's handlers, called by gRPC.
func connectAuthn(t trust, target *attack.Target) func() {
	check := jwxCheck(t)
	guard := authn.NewMiddleware(func(_ context.Context, r *http.Request) (any, error) {
		token, ok := authn.BearerToken(r)
		if !ok {
			return nil, authn.Errorf("no bearer token")
		}
		procedure, _ := authn.InferProcedure(r.URL)
		if err := check(token, scopeOf[procedure]); err != nil {
			return nil, authn.Errorf("invalid token")
		}
		return nil, nil
	})
	mux := http.NewServeMux()
	for method := range scopeOf {
		mux.Handle(method, connect.NewUnaryHandler(method, func(context.Context, *connect.Request[emptypb.Empty]) (*connect.Response[emptypb.Empty], error) {
			return connect.NewResponse(new(emptypb.Empty)), nil
		}))
	}
	server := &http.Server{Handler: guard.Wrap(mux), Protocols: new(http.Protocols)}
	server.Protocols.SetUnencryptedHTTP2(true)
	listener := bufconn.Listen(1 << 20)
	go server.Serve(listener)
	conn := dial(listener)
	target.Conn, target.GRPC = conn, overGRPC
	return func() {
		conn.Close()
		server.Close()
	}
}
