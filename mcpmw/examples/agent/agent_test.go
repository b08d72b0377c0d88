package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestAgent: it calls what its token permits, with sessions and without.
func TestAgent(t *testing.T) {
	for _, stateless := range []bool{false, true} {
		authority := m2mtest.NewAuthority(&m2mtest.Options{Key: m2mtest.NewKey("ES256")})
		defer authority.Close()
		v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		guard, err := mcpmw.New(v, mcpmw.Policy{
			"tool/read": scopes.All("files:read"), "tool/delete": scopes.All("files:write"), "tool/admin": scopes.All("files:admin"),
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		tools := newTools()
		server := httptest.NewServer(guard.Handler(func(*http.Request) *mcp.Server { return tools },
			&mcp.StreamableHTTPOptions{Stateless: stateless}))
		defer server.Close()

		for _, tt := range []struct {
			granted []string
			want    string // the beginnings of the lines
		}{
			{[]string{"files:read"}, "read for ID|admin is refused:"},
			{[]string{"files:read", "files:write"}, "delete for ID|read for ID|admin is refused:"},
			{[]string{"files:read", "files:admin"}, "admin for ID|read for ID"},
		} {
			id, secret := authority.CreateClient("agent", tt.granted...)
			a := &agent{mcp: server.URL, tokenURL: authority.TokenURL(), credentials: tokensource.Secret(id, secret)}
			var out strings.Builder
			if err := a.run(t.Context(), &out); err != nil {
				t.Errorf("stateless %v, %q: %v", stateless, tt.granted, err)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			want := strings.Split(strings.ReplaceAll(tt.want, "ID", id), "|")
			if len(lines) != len(want) {
				t.Errorf("stateless %v, %q: %q, want %q", stateless, tt.granted, lines, want)
				continue
			}
			for i := range want {
				if !strings.HasPrefix(lines[i], want[i]) {
					t.Errorf("stateless %v, %q: line %q, want %q", stateless, tt.granted, lines[i], want[i])
				}
			}
		}
		// The sessions' GET streams have no end of their own.
		server.CloseClientConnections()
	}
}

func newTools() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "v1"}, nil)
	for _, name := range []string{"read", "delete", "admin"} {
		mcp.AddTool(server, &mcp.Tool{Name: name}, func(ctx context.Context, _ *mcp.CallToolRequest, _ map[string]any) (*mcp.CallToolResult, any, error) {
			client, _ := verifier.ClientFromContext(ctx)
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: fmt.Sprintf("%s for %s", name, client.ID)}}}, nil, nil
		})
	}
	return server
}
