package verifier

import (
	"context"
	"crypto/x509"
)

// callKey finds the call in a context.
type callKey struct{}

// call is what Authorize leaves in the context for the handler, and for
// Recheck: of the Request what Check may ask about again, and not the
// credential.
type call struct {
	client    *Client // nil hides that of an outer context
	operation string
	peers     []*x509.Certificate
}

func (c *call) request() Request {
	return Request{Operation: c.operation, PeerCertificates: c.peers}
}

// callContext is a context with a call in it: context.WithValue in one
// allocation instead of two.
type callContext struct {
	context.Context
	call call
}

func (c *callContext) Value(key any) any {
	if key == (callKey{}) {
		return &c.call
	}
	return c.Context.Value(key)
}

// String keeps the call out of what fmt prints of a context.
func (c *callContext) String() string { return "m2mauth.callContext" }

func withCall(ctx context.Context, c call) context.Context {
	return &callContext{Context: ctx, call: c}
}

// withoutClient hides a Client that is in ctx.
func withoutClient(ctx context.Context) context.Context {
	if callFrom(ctx) == nil {
		return ctx
	}
	return withCall(ctx, call{})
}

// callFrom returns the call in ctx, or nil if it has no Client.
func callFrom(ctx context.Context) *call {
	if ctx == nil {
		return nil
	}
	if c, ok := ctx.Value(callKey{}).(*call); ok && c.client != nil {
		return c
	}
	return nil
}

// ClientFromContext returns the machine that is calling. It reports false
// under scopes.Public, and outside a guarded call.
//
// The Client is that of the request to which ctx belongs. Frameworks that keep
// the context of an earlier request return an earlier caller: MCP's go-sdk does
// so in stateful sessions, where Stateless must be true. Frameworks that drop
// the context, like fiber's adaptor, return false.
func ClientFromContext(ctx context.Context) (Client, bool) {
	if c := callFrom(ctx); c != nil {
		return *c.client, true
	}
	return Client{}, false
}

// ContextWithClient returns a context that holds c, for tests of handlers: a
// zero Client too, without a name and without scopes. It opens no door:
// Authorize never looks at a Client that is already there, and Recheck refuses
// one that it did not verify.
func ContextWithClient(ctx context.Context, c Client) context.Context {
	return withCall(orBackground(ctx), call{client: &c})
}

// orBackground is ctx, or the background context in place of nil.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
