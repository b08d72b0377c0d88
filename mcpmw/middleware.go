package mcpmw

import (
	"context"
	"encoding/json"
	"runtime"
	"strings"
	"weak"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// serverRef refers to a server without keeping it in memory.
type serverRef = weak.Pointer[mcp.Server]

// Protect installs the receiving half of the guard in a server: middleware that decides
// on each parsed message. Handler calls it. Call it for servers that are also served
// otherwise, such as on stdio: there, every message is refused, except after
// [Guard.InsecureLocal]. Further calls for the same server do nothing. Add middleware
// that must see the verified client before this call, and a logger of refusals after it.
func (g *Guard) Protect(server *mcp.Server) {
	if server == nil {
		return
	}
	g = g.orZero()
	ref := weak.Make(server)
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, done := g.protected[ref]; done {
		return
	}
	server.AddReceivingMiddleware(g.middleware)
	if g.protected == nil {
		return // the zero Guard refuses everything, however often
	}
	g.protected[ref] = struct{}{}
	runtime.AddCleanup(server, func(ref serverRef) {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.protected, ref)
	}, ref)
}

// localKey is the key of the Guards that are open in a context.
type localKey struct{ guard *Guard }

// InsecureLocal returns a context in which messages without an HTTP request need no
// token, for mcp.Server.Run on stdio. Tools then find no client. It is insecure if
// anybody but the process's own user can reach the transport: do not use it with a
// socket, or as the base context of an HTTP server.
func (g *Guard) InsecureLocal(ctx context.Context) context.Context {
	return context.WithValue(ctx, localKey{g}, true)
}

func (g *Guard) isLocal(ctx context.Context, req mcp.Request) bool {
	open, _ := ctx.Value(localKey{g}).(bool)
	return open && g.verifier != nil && req.GetExtra() == nil
}

// middleware decides on each message before next handles it.
func (g *Guard) middleware(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		if g.isLocal(ctx, req) {
			return next(ctx, method, req)
		}
		p := passportOf(req)
		if p == nil {
			p = &passport{} // no client, so it is refused below
		}
		// ctx has the client of the request that opened the session.
		ctx = verifier.ContextWithCallOf(ctx, p.authorized)
		demands := g.policy.demands(method, req.GetParams())
		if !lists[method] {
			p.decide(demands)
		}
		for _, d := range demands {
			if err := g.decide(ctx, method, d); err != nil {
				return nil, messageError(verifier.AsError(err))
			}
		}
		if method == "subscriptions/listen" { // lasts until its context ends
			lasting, stop := g.verifier.WhileValid(ctx)
			defer stop()
			ctx = lasting
		}
		if lists[method] {
			return g.list(ctx, method, req, next, p, demands)
		}
		result, err := next(ctx, method, req)
		return private(result), err
	}
}

// decide decides one demand of a message. Methods that need only a verified client are
// not observed: the HTTP request was.
func (g *Guard) decide(ctx context.Context, method string, d demand) error {
	if free[method] || lists[method] {
		return g.verifier.Recheck(ctx)
	}
	return g.verifier.Reauthorize(ctx, d.operation, d.need)
}

// messageError returns the JSON-RPC error of a refusal. Its code is the HTTP status,
// which JSON-RPC leaves to applications, and its data is what a challenge would say.
func messageError(refused *verifier.Error) *jsonrpc.Error {
	data := struct {
		Error string `json:"error"`
		Scope string `json:"scope,omitempty"`
	}{Error: refused.Code.String()}
	if refused.Code == verifier.InsufficientScope {
		data.Scope = strings.Join(refused.Need.Scopes(), " ")
	}
	body, _ := json.Marshal(data) // strings: it can't fail
	return &jsonrpc.Error{
		Code:    int64(refused.Code.HTTPStatus()),
		Message: refused.Code.Message(),
		Data:    body,
	}
}

// permits reports whether the client of ctx has the scopes for an operation.
func (g *Guard) permits(ctx context.Context, operation string) (need scopes.Requirement, ok bool) {
	client, _ := verifier.ClientFromContext(ctx)
	need = g.policy.need(operation)
	return need, need.MetBy(client.Scopes)
}
