package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth/extauth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// start runs the server on a free port, and returns what it prints.
func start(t *testing.T, stateless bool) started {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, "127.0.0.1:0", stateless, write)
		write.CloseWithError(io.ErrUnexpectedEOF)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("run = %v", err)
		}
	})
	var info started
	if err := json.NewDecoder(read).Decode(&info); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, read)
	return info
}

// TestStepUp: the SDK's own client knows nothing but the URL and its credentials. It
// finds the authority by the challenge (RFC 9728, RFC 8414). Its first token has one scope
// alone, so that a tool is refused. It asks for the scope that the challenge of the tool
// names, and calls again.
func TestStepUp(t *testing.T) {
	for _, stateless := range []bool{false, true} {
		info := start(t, stateless)
		narrow := &narrowing{tokenURL: info.TokenURL}
		handler, err := extauth.NewClientCredentialsHandler(&extauth.ClientCredentialsHandlerConfig{
			Credentials: &oauthex.ClientCredentials{
				ClientID:         info.Operator.ClientID,
				ClientSecretAuth: &oauthex.ClientSecretAuth{ClientSecret: info.Operator.ClientSecret},
			},
			HTTPClient: &http.Client{Transport: narrow},
		})
		if err != nil {
			t.Fatal(err)
		}
		session, err := mcp.NewClient(&mcp.Implementation{Name: "t"}, nil).Connect(t.Context(),
			&mcp.StreamableClientTransport{Endpoint: info.MCP, OAuthHandler: handler}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"read", "admin"} {
			result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: map[string]any{"path": "/x"}})
			if err != nil {
				t.Fatalf("stateless %v: %s: %v", stateless, name, err)
			}
			if got, want := result.Content[0].(*mcp.TextContent).Text, name+" /x for "+info.Operator.ClientID; got != want {
				t.Errorf("stateless %v: %s = %q, want %q", stateless, name, got, want)
			}
		}
		session.Close()
		if len(narrow.requested) != 2 || !strings.Contains(narrow.requested[1], "files:admin") {
			t.Errorf("stateless %v: scopes of the token requests = %q, want a second one with files:admin", stateless, narrow.requested)
		}
	}
}

// narrowing lets the first token request ask for files:read alone, and records what each
// one wanted.
type narrowing struct {
	tokenURL  string
	requested []string // by one goroutine at a time
}

func (n *narrowing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.String() == n.tokenURL {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		n.requested = append(n.requested, form.Get("scope"))
		if len(n.requested) == 1 {
			form.Set("scope", "files:read")
		}
		r = r.Clone(r.Context())
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form.Encode())), int64(len(form.Encode()))
	}
	return http.DefaultTransport.RoundTrip(r)
}
