package mcpmw_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"
)

// steppingUp is an OAuthHandler of the SDK's client for a machine. It begins with few
// scopes, and asks the authority for more when a tool needs them. Without a handler, the
// SDK's client ends its session at the first 403.
type steppingUp struct {
	mu     sync.Mutex // the SDK's GET stream and its calls run at the same time
	tokens *tokensource.Source
	config tokensource.Config
}

func (s *steppingUp) TokenSource(context.Context) (oauth2.TokenSource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens, nil
}

// Authorize is called after a 401 or a 403. If it returns nil, the request is repeated.
func (s *steppingUp) Authorize(_ context.Context, r *http.Request, refused *http.Response) error {
	defer refused.Body.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused.StatusCode == http.StatusUnauthorized {
		s.tokens.Invalidate(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		return nil
	}
	challenges, err := oauthex.ParseWWWAuthenticate(refused.Header.Values("WWW-Authenticate"))
	if err != nil {
		return err
	}
	for _, challenge := range challenges {
		if challenge.Params["error"] != "insufficient_scope" {
			continue
		}
		wider := s.config
		wider.Scopes = slices.Concat(s.config.Scopes, strings.Fields(challenge.Params["scope"]))
		tokens, err := tokensource.New(wider)
		if err != nil {
			return err
		}
		if _, err := tokens.Token(); err != nil { // the authority grants no more
			return errors.Join(err, tokens.Close())
		}
		before := s.tokens
		s.tokens, s.config = tokens, wider
		return before.Close()
	}
	return fmt.Errorf("refused for good: %s", refused.Status)
}

// An agent that steps up: its token has the scopes of the calls that it has made, and no
// more. A call for which the authority grants nothing fails, and the session goes on.
func ExampleGuard_Handler_stepUp() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	server := mcp.NewServer(&mcp.Implementation{Name: "files", Version: "v1.0.0"}, nil)
	for _, name := range []string{"read", "delete", "admin"} {
		mcp.AddTool(server, &mcp.Tool{Name: name}, func(ctx context.Context, _ *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
			client, _ := verifier.ClientFromContext(ctx)
			fmt.Println(name, "with", client.Scopes)
			return &mcp.CallToolResult{}, nil, nil
		})
	}
	guard, err := mcpmw.New(v, mcpmw.Policy{
		"tool/read":   scopes.All("files:read"),
		"tool/delete": scopes.All("files:write"),
		"tool/admin":  scopes.All("files:admin"),
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	endpoint := httptest.NewServer(guard.Handler(func(*http.Request) *mcp.Server { return server }, nil))
	defer endpoint.Close()

	// The agent. The authority has registered it for reading and writing.
	id, secret := authority.CreateClient("agent", "files:read", "files:write")
	config := tokensource.Config{
		TokenURL: authority.TokenURL(), Credentials: tokensource.Secret(id, secret), Scopes: []string{"files:read"},
	}
	tokens, err := tokensource.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := &steppingUp{tokens: tokens, config: config}
	defer func() { handler.tokens.Close() }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "agent"}, nil).Connect(ctx,
		&mcp.StreamableClientTransport{Endpoint: endpoint.URL, OAuthHandler: handler}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	for _, tool := range []string{"read", "delete", "admin", "read"} {
		if _, err := session.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: map[string]any{}}); err != nil {
			fmt.Println(tool, "is refused")
		}
	}
	// Output:
	// read with files:read
	// delete with files:read files:write
	// admin is refused
	// read with files:read files:write
}
