package thirdparty

import (
	"context"
	"errors"
	"maps"

	"connectrpc.com/connect"
	"github.com/m2mauth/m2mauth/verifier"
)

// Interceptor returns what Connect handlers need besides the guard:
//
//	connect.WithInterceptors(guard.Interceptor())
//
// A stream that ends with its token then ends with the refusal, such as
// unauthenticated, whatever its handler returns. Without the interceptor, it ends as
// canceled, and no client knows that it needs a new token. Handlers may return the errors of
// Verifier.Reauthorize and Deny.
func (c *ConnectGuard) Interceptor() connect.Interceptor { return connectInterceptor{} }

type connectInterceptor struct{}

func (connectInterceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		response, err := next(ctx, r)
		return response, lateRefusal(err, r.Peer())
	}
}

func (connectInterceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		err := next(ctx, &expiringConn{conn, ctx})
		if expired := expiry(ctx); expired != nil {
			err = expired
		}
		return lateRefusal(err, conn.Peer())
	}
}

func (connectInterceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// expiringConn passes messages on until the token expires.
type expiringConn struct {
	connect.StreamingHandlerConn
	ctx context.Context
}

func (c *expiringConn) Receive(message any) error {
	err := c.StreamingHandlerConn.Receive(message)
	if expired := expiry(c.ctx); expired != nil {
		return expired
	}
	return err
}

func (c *expiringConn) Send(message any) error {
	if expired := expiry(c.ctx); expired != nil {
		return expired
	}
	return c.StreamingHandlerConn.Send(message)
}

// expiry returns the refusal by which the context of a stream has ended, or nil.
func expiry(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	if refused, ok := errors.AsType[*verifier.Error](context.Cause(ctx)); ok {
		return refused
	}
	return nil
}

// lateRefusal renders a refusal among the errors of a handler. It returns other errors
// as they are.
func lateRefusal(err error, to connect.Peer) error {
	refused, ok := errors.AsType[*verifier.Error](err)
	if !ok {
		return err
	}
	e := connectError(refused)
	if to.Protocol != connect.ProtocolGRPC { // its trailers can't hold them
		maps.Copy(e.Meta(), connectHeader(refused))
	}
	return e
}
