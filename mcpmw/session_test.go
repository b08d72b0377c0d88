package mcpmw_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// plain serves a server without this package, as one would write it by hand: each
// request needs a verified client, and middleware asks the verifier about each tool.
func plain(t *testing.T) *endpoint {
	t.Helper()
	authority, v := m2mtest.Trust(t, nil)
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(nil)
	server.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			if call, ok := req.(*mcp.CallToolRequest); ok {
				operation := "tool/" + call.Params.Name
				if err := v.Reauthorize(ctx, operation, testPolicy[operation]); err != nil {
					return nil, err
				}
			}
			return next(ctx, method, req)
		}
	})
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)
	return serve(t, authority, guard.Require(scopes.Authenticated())(handler))
}

// TestPlainSDKRunsToolsForTheSessionsOpener documents the trap that this package
// exists for. If it fails, the SDK has changed, and docs/frameworks.md must follow.
func TestPlainSDKRunsToolsForTheSessionsOpener(t *testing.T) {
	e := plain(t)
	session := e.open(e.token(alice, "files:admin"))
	for _, thief := range []struct{ name, token string }{
		{"another client", e.token(mallory, "files:read")},
		{"a narrower token of the same client", e.token(alice, "files:read")},
	} {
		got := e.post(thief.token, session, callTool("admin"))
		if want := "admin for " + alice; got.ran() != want {
			t.Errorf("plain SDK, %s: admin = %d %q, want the trap: %q", thief.name, got.status, got.ran(), want)
		}
	}
}

func TestAnotherClientCannotUseASession(t *testing.T) {
	e := guarded(t, nil, nil)
	session := e.open(e.token(alice, "files:admin"))
	owner := e.token(alice, "files:admin")
	for _, thief := range []struct{ name, token string }{
		{"without the scope", e.token(mallory, "files:read")},
		{"with the scope", e.token(mallory, "files:admin")},
	} {
		if got := e.post(thief.token, session, callTool("admin")); got.status != http.StatusForbidden || got.ran() != "" {
			t.Errorf("%s: POST = %d %q, want 403", thief.name, got.status, got.ran())
		}
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			if got := e.request(method, thief.token, session, ""); got.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %s = %d, want 403", thief.name, method, got.StatusCode)
			}
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
		if got := e.request(method, "", session, callTool("admin")); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("without a token: %s = %d, want 401", method, got.StatusCode)
		}
	}
	if got, want := e.post(owner, session, callTool("admin")).ran(), "admin for "+alice; got != want {
		t.Errorf("the owner: admin = %q, want %q", got, want)
	}
}

func TestSessionsOfOneClientAtTwoIssuers(t *testing.T) {
	other, _ := m2mtest.Trust(t, nil)
	authority, v := m2mtest.Trust(t, &verifier.Config{Issuers: []verifier.Issuer{other.Issuer()}})
	server := newServer(nil)
	guard := newGuard(t, v, testPolicy, nil)
	e := serve(t, authority, guard.Handler(func(*http.Request) *mcp.Server { return server }, nil))
	session := e.open(e.token(alice, "files:admin"))
	namesake := other.Token(m2mtest.TokenSpec{ClientID: alice, Scopes: []string{"files:admin"}})
	if got := e.post(namesake, session, callTool("admin")); got.status != http.StatusForbidden {
		t.Errorf("the same client ID at another issuer: POST = %d %q, want 403", got.status, got.ran())
	}
}

func TestEachCallIsDecidedByItsOwnToken(t *testing.T) {
	for _, mode := range []struct {
		name string
		opts *mcp.StreamableHTTPOptions
	}{
		{"sessions", nil},
		{"sessions, JSON", &mcp.StreamableHTTPOptions{JSONResponse: true}},
		{"stateless", &mcp.StreamableHTTPOptions{Stateless: true}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			e := guarded(t, mode.opts, nil)
			session := ""
			if mode.opts == nil || !mode.opts.Stateless {
				session = e.open(e.token(alice, "files:admin"))
			}
			got := e.post(e.token(alice, "files:read"), session, callTool("admin"))
			if got.status != http.StatusForbidden || got.ran() != "" {
				t.Errorf("a narrower token: admin = %d %q, want 403", got.status, got.ran())
			}
			got = e.post(e.token(alice, "files:read"), session, callTool("read"))
			if want := "read for " + alice; got.ran() != want {
				t.Errorf("a narrower token: read = %d %q, want %q", got.status, got.ran(), want)
			}
		})
	}
}
