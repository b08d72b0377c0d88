package verifier

import (
	"context"
	"crypto/x509"
)

// callKey is the key of the call in a context.
type callKey struct{}

// call holds what Authorize stores in the context, for the handler, for Recheck and
// for guards inside the one that made it. It keeps the parts of the Request that Check
// reads, and not the token.
type call struct {
	client    *Client // nil hides that of an outer context
	operation string
	peers     []*x509.Certificate

	realm, metadata string // of the challenge, if the call is refused later

	proof string // of possession, which the call has used up; "" for none
}

// request returns the Request that c was, without its credential.
func (c *call) request() Request {
	return Request{Operation: c.operation, PeerCertificates: c.peers, Realm: c.realm, ResourceMetadata: c.metadata}
}

// callContext is a context that holds a call. It takes one allocation, where
// context.WithValue takes two.
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

// String returns a fixed text, so that fmt prints nothing of the call.
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

// ClientFromContext returns the Client that is calling. It reports false under
// scopes.Public, and outside a guarded call.
//
// The Client belongs to the request that ctx belongs to. A framework that keeps
// the context of an earlier request returns an earlier caller: MCP's go-sdk does
// so in sessions, where package mcpmw prevents it. A framework that drops the context,
// like fiber's adaptor, returns false.
func ClientFromContext(ctx context.Context) (Client, bool) {
	if c := callFrom(ctx); c != nil {
		return *c.client, true
	}
	return Client{}, false
}

// ContextWithClient returns a context that holds c, for tests of handlers. c may
// be the zero Client. The context gives no access: Authorize never reads a Client
// that is already in its context, and Recheck refuses a Client that its Verifier
// did not verify.
func ContextWithClient(ctx context.Context, c Client) context.Context {
	return withCall(orBackground(ctx), call{client: &c})
}

// ContextWithCallOf returns a context like ctx that holds the authorized call of
// another context instead of its own: ClientFromContext, Recheck, Reauthorize and
// WhileValid then decide about that call's Client. If authorized holds no call, the
// context has no Client. It is for adapters of frameworks that hand on the context of
// an earlier request. It gives no access that authorized does not give.
func ContextWithCallOf(ctx, authorized context.Context) context.Context {
	if c := callFrom(authorized); c != nil {
		return withCall(orBackground(ctx), *c)
	}
	return withoutClient(orBackground(ctx))
}

// orBackground returns ctx, or the background context if ctx is nil.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
