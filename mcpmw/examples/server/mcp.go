package main

import (
	"context"
	"net/http"
	"time"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// addMCP adds the MCP endpoint and its metadata (RFC 9728), by which MCP clients find the
// authority.
func addMCP(ctx context.Context, mux *http.ServeMux, url string, v *verifier.Verifier, stateless bool) error {
	guard, err := mcpmw.New(v, mcpmw.Policy{
		"tool/read":   scopes.All("files:read"),
		"tool/delete": scopes.All("files:write"),
		"tool/admin":  scopes.All("files:admin"),
	}, &mcpmw.Options{HTTP: httpmw.Options{Resource: url}})
	if err != nil {
		return err
	}
	metadata, err := guard.Metadata()
	if err != nil {
		return err
	}
	server := newServer()
	if err := guard.CheckCoverage(ctx, server); err != nil {
		return err
	}
	mux.Handle(metadata.Pattern(), metadata)
	mux.Handle("/mcp", guard.Handler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{
		Stateless:      stateless,
		SessionTimeout: 10 * time.Minute,
		EventStore:     mcp.NewMemoryEventStore(nil),
	}))
	return nil
}

// newServer returns the MCP server. Its tools find the calling client in their context.
func newServer() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "files", Version: "v1.0.0"}, nil)
	for name, description := range map[string]string{
		"read":   "Reads a file.",
		"delete": "Deletes a file.",
		"admin":  "Changes who may read a file.",
	} {
		mcp.AddTool(server, &mcp.Tool{Name: name, Description: description}, func(ctx context.Context, _ *mcp.CallToolRequest, in file) (*mcp.CallToolResult, any, error) {
			client, _ := verifier.ClientFromContext(ctx)
			return &mcp.CallToolResult{Content: []mcp.Content{
				&mcp.TextContent{Text: name + " " + in.Path + " for " + client.ID},
			}}, nil, nil
		})
	}
	return server
}

// file is the input of each tool.
type file struct {
	Path string `json:"path" jsonschema:"the path of the file"`
}
