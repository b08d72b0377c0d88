package frameworks

import (
	"context"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// reportOnlyOptions is reportOnly for gRPC: use it instead of the ServerOptions of guard
// until the audit log has no refusal of a caller that should be accepted. Until then,
// handlers must not trust that there is a client, and no stream ends with its token.
func reportOnlyOptions(guard *grpcmw.Interceptor) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			return handler(decided(ctx, guard, info.FullMethod), req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			return handler(srv, &middleware.WrappedServerStream{ServerStream: ss, WrappedContext: decided(ss.Context(), guard, info.FullMethod)})
		}),
	}
}

// decided returns ctx with the client that guard accepts, or ctx if it refuses the call.
func decided(ctx context.Context, guard *grpcmw.Interceptor, method string) context.Context {
	result := ctx
	_, _ = guard.Unary()(grpc.NewContextWithServerTransportStream(ctx, mute(method)), nil, &grpc.UnaryServerInfo{FullMethod: method},
		func(authorized context.Context, _ any) (any, error) {
			result = verifier.ContextWithCallOf(ctx, authorized)
			return nil, nil
		})
	return result
}

// mute drops the challenge of a refusal, which would reach the client of a call that is
// answered.
type mute string

func (m mute) Method() string             { return string(m) }
func (mute) SetHeader(metadata.MD) error  { return nil }
func (mute) SendHeader(metadata.MD) error { return nil }
func (mute) SetTrailer(metadata.MD) error { return nil }
