// Command agent is a machine that calls tools of a guarded MCP server: it gets its tokens
// by the client credentials grant, keeps them fresh, and sends them to that server alone.
//
//	go run ./examples/server | tee started.json
//	MCP_CLIENT_ID=… MCP_CLIENT_SECRET=… go run ./examples/agent \
//		-mcp http://127.0.0.1:8931/mcp -token-url http://127.0.0.1:8931/oauth2/token
//
// It prints the tools that it may call, calls each, and then one that it may not call.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"time"

	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func main() {
	a := agent{}
	flag.StringVar(&a.mcp, "mcp", "http://127.0.0.1:8931/mcp", "the MCP endpoint")
	flag.StringVar(&a.tokenURL, "token-url", "http://127.0.0.1:8931/oauth2/token", "the authority's token endpoint")
	flag.Parse()
	a.credentials = tokensource.SecretEnv("MCP_CLIENT_ID", "MCP_CLIENT_SECRET")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := a.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

type agent struct {
	mcp, tokenURL string
	credentials   tokensource.Credentials
}

func (a *agent) run(ctx context.Context, out io.Writer) error {
	source, err := tokensource.New(tokensource.Config{TokenURL: a.tokenURL, Credentials: a.credentials})
	if err != nil {
		return err
	}
	defer source.Close()
	endpoint, err := url.Parse(a.mcp)
	if err != nil {
		return err
	}
	transport, err := source.RoundTripper(nil, endpoint.Scheme+"://"+endpoint.Host)
	if err != nil {
		return err
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "v1.0.0"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint:   a.mcp,
		HTTPClient: &http.Client{Transport: transport},
	}, nil)
	if err != nil {
		return err
	}
	defer session.Close()
	return use(ctx, out, session)
}

// use calls every tool of the list, and one that is not in it.
func use(ctx context.Context, out io.Writer, session *mcp.ClientSession) error {
	may := make(map[string]bool)
	for tool, err := range session.Tools(ctx, nil) {
		if err != nil {
			return err
		}
		may[tool.Name] = true
		result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: tool.Name, Arguments: map[string]any{"path": "/notes"}})
		if err != nil {
			return fmt.Errorf("%s: %w", tool.Name, err)
		}
		for _, content := range result.Content {
			if text, ok := content.(*mcp.TextContent); ok {
				fmt.Fprintln(out, text.Text)
			}
		}
	}
	if may["admin"] {
		return nil
	}
	_, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "admin", Arguments: map[string]any{"path": "/notes"}})
	if err == nil {
		return errors.New("admin is not in the list of tools, but it ran")
	}
	fmt.Fprintln(out, "admin is refused:", err)
	return nil
}
