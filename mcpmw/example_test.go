package mcpmw_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func ExampleGuard_Handler() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()

	server := mcp.NewServer(&mcp.Implementation{Name: "files", Version: "v1.0.0"}, nil)
	type file struct {
		Path string `json:"path"`
	}
	for _, name := range []string{"read", "delete"} {
		mcp.AddTool(server, &mcp.Tool{Name: name}, func(ctx context.Context, _ *mcp.CallToolRequest, in file) (*mcp.CallToolResult, any, error) {
			client, _ := verifier.ClientFromContext(ctx)
			fmt.Printf("%s %s for a client with %v\n", name, in.Path, client.Scopes)
			return &mcp.CallToolResult{}, nil, nil
		})
	}
	guard, err := mcpmw.New(v, mcpmw.Policy{
		"tool/read":   scopes.All("files:read"),
		"tool/delete": scopes.All("files:write"),
	}, &mcpmw.Options{HTTP: httpmw.Options{Resource: "https://api.example.com/mcp"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := guard.CheckCoverage(context.Background(), server); err != nil {
		fmt.Println(err)
		return
	}
	endpoint := httptest.NewServer(guard.Handler(func(*http.Request) *mcp.Server { return server }, nil))
	defer endpoint.Close()

	// A client: tokensource keeps a token fresh, see examples/agent.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"files:read"}})
	session, err := mcp.NewClient(&mcp.Implementation{Name: "agent"}, nil).Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: endpoint.URL, HTTPClient: &http.Client{Transport: bearer(token)},
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	for tool, err := range session.Tools(ctx, nil) {
		fmt.Println("may call:", tool.Name, err)
	}
	for _, name := range []string{"read", "delete"} {
		_, err := session.CallTool(ctx, &mcp.CallToolParams{Name: name, Arguments: file{"/notes"}})
		fmt.Println(name, "is refused:", err != nil)
	}
	// Output:
	// may call: read <nil>
	// read /notes for a client with files:read
	// read is refused: false
	// delete is refused: true
}
