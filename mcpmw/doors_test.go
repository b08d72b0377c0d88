package mcpmw_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestDoors runs the table of decisions through a message that needs a verified client and
// no more: a credential gets what it gets from every other guard, proofs and certificates
// included. Package mcptest presents hostile credentials to tools.
func TestDoors(t *testing.T) {
	doortest.Run(t, func(t *testing.T, v *verifier.Verifier, call doortest.Call) (res doortest.Result) {
		if !call.Need.Equal(scopes.Authenticated()) {
			t.Skip("the message needs a verified client and no more")
		}
		if call.Form != "" {
			t.Skip("the body is a message")
		}
		server := mcp.NewServer(&mcp.Implementation{Name: "test"}, nil)
		server.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler { // inside the guard's
			return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
				res.Client, res.Reached = verifier.ClientFromContext(ctx)
				return next(ctx, method, req)
			}
		})
		guard := newGuard(t, v, nil, &mcpmw.Options{HTTP: httpmw.Options{Origin: doortest.Origin}})
		r := httptest.NewRequest(http.MethodPost, "/x?"+call.Query, strings.NewReader(message("ping", "{}")))
		r.Header["Authorization"] = call.Authorization
		if call.Proofs != nil {
			r.Header["Dpop"] = call.Proofs(http.MethodPost, "/x")
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		for name, value := range call.Elsewhere {
			r.Header.Set(name, value)
		}
		r.TLS = &tls.ConnectionState{PeerCertificates: call.PeerCertificates}
		w := httptest.NewRecorder()
		guard.Handler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true}).ServeHTTP(w, r)
		return doortest.ReadHTTP(t, res, w.Result(), call)
	})
}
