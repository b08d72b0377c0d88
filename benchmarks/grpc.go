package main

import (
	"context"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

const grpcMethod = "/reports.v1.Reports/List"

// plainGRPC is plainHTTP for gRPC.
func plainGRPC(check verify) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		values := metadata.ValueFromIncomingContext(ctx, "authorization")
		if len(values) != 1 {
			return nil, status.Error(codes.Unauthenticated, "no token")
		}
		token, ok := strings.CutPrefix(values[0], "Bearer ")
		if !ok {
			return nil, status.Error(codes.Unauthenticated, "no token")
		}
		subject, err := check(ctx, token)
		if err != nil {
			return nil, status.Error(codes.Unauthenticated, "bad token")
		}
		return handler(context.WithValue(ctx, subjectKey{}, subject), req)
	}
}

func (p peer) guardGRPC(t trust) (grpc.UnaryServerInterceptor, error) {
	if p.grpc != nil {
		return p.grpc(t)
	}
	check, err := p.build(t)
	if err != nil {
		return nil, err
	}
	return plainGRPC(check), nil
}

func answerNothing(context.Context, any) (any, error) { return nil, nil }

// incoming returns the context of a call with token.
func incoming(token string) context.Context {
	ctx := grpcpeer.NewContext(context.Background(), &grpcpeer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50051}})
	return metadata.NewIncomingContext(ctx, metadata.Pairs(
		":authority", "reports.example.com",
		"content-type", "application/grpc",
		"user-agent", "grpc-go/1.85.0",
		"authorization", "Bearer "+token,
	))
}

// calls returns a worker's operation: a call of method through intercept, or without
// an interceptor if that is nil.
func calls(intercept grpc.UnaryServerInterceptor, token, method string) func() func() {
	return func() func() {
		ctx := incoming(token)
		if intercept == nil {
			return func() { must(answerNothing(ctx, nil)) }
		}
		info := &grpc.UnaryServerInfo{FullMethod: method}
		return func() { must(intercept(ctx, nil, info, answerNothing)) }
	}
}

// measureGRPC measures the interceptor in memory: no socket, no server.
func measureGRPC(s *suite, out *section) {
	out.text(`The unary interceptor around a handler that does nothing, called in memory with the metadata that grpc-go hands it.
"added" is as above. Peers without an interceptor of their own get the plainest one.`)
	for _, algorithm := range algorithms {
		t := s.trusts[algorithm]
		token := t.good()
		added := measureAdded(s.plan, calls(nil, token, grpcMethod), func(p peer) func() func() {
			return calls(must(p.guardGRPC(t)), token, grpcMethod)
		})
		out.text("**%s**", algorithm)
		out.table(added.rows()...)
		added.aim(s, "gRPC call", algorithm, 300, 2)
	}
}
