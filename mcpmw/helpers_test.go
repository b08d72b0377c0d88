package mcpmw_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// testPolicy is the Policy of most tests.
var testPolicy = mcpmw.Policy{
	"tool/read":            scopes.All("files:read"),
	"tool/delete":          scopes.All("files:write"),
	"tool/admin":           scopes.All("files:admin"),
	"prompt/summary":       scopes.All("files:read"),
	"resource/file:///a":   scopes.All("files:read"),
	"resource/file:///key": scopes.All("files:admin"),
}

// The clients of most tests: their IDs differ.
const (
	alice   = "m2m-client-test-00000000-0000-4000-8000-00000000000a"
	mallory = "m2m-client-test-00000000-0000-4000-8000-00000000000b"
)

// newServer returns a server with the tools read, delete and admin, a prompt and
// resources. Each tool answers with its own name and the ID of the client that it finds.
func newServer(opts *mcp.ServerOptions) *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "v1"}, opts)
	for _, name := range []string{"read", "delete", "admin"} {
		mcp.AddTool(server, &mcp.Tool{Name: name}, func(ctx context.Context, _ *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
			client, _ := verifier.ClientFromContext(ctx)
			return text(name + " for " + client.ID), nil, nil
		})
	}
	server.AddPrompt(&mcp.Prompt{Name: "summary"}, func(context.Context, *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{}}, nil
	})
	server.AddPrompt(&mcp.Prompt{Name: "unlisted"}, func(context.Context, *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{}}, nil
	})
	for _, uri := range []string{"file:///a", "file:///key", "file:///unlisted"} {
		server.AddResource(&mcp.Resource{URI: uri, Name: uri}, func(_ context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
			return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, Text: "content"}}}, nil
		})
	}
	return server
}

func text(s string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: s}}}
}

// endpoint is one MCP endpoint on a socket.
type endpoint struct {
	t         *testing.T
	authority *m2mtest.Authority
	url       string
}

func serve(t *testing.T, authority *m2mtest.Authority, handler http.Handler) *endpoint {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections() // GET streams have no end of their own
		server.Close()
	})
	return &endpoint{t: t, authority: authority, url: server.URL}
}

// guarded serves a server behind a Guard with testPolicy.
func guarded(t *testing.T, opts *mcp.StreamableHTTPOptions, options *mcpmw.Options) *endpoint {
	t.Helper()
	authority, v := m2mtest.Trust(t, nil)
	server := newServer(nil)
	guard := newGuard(t, v, testPolicy, options)
	return serve(t, authority, guard.Handler(func(*http.Request) *mcp.Server { return server }, opts))
}

func newGuard(t *testing.T, v *verifier.Verifier, p mcpmw.Policy, options *mcpmw.Options) *mcpmw.Guard {
	t.Helper()
	guard, err := mcpmw.New(v, p, options)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

func (e *endpoint) token(id string, granted ...string) string {
	return e.authority.Token(m2mtest.TokenSpec{ClientID: id, Scopes: granted})
}

// request sends one HTTP request. edits change it first.
func (e *endpoint) request(method, token, session, body string, edits ...func(*http.Request)) *http.Response {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), 30*time.Second) // for a stream that should have ended
	e.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, e.url, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json, text/event-stream")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if session != "" {
		r.Header.Set("Mcp-Session-Id", session)
	}
	for _, edit := range edits {
		edit(r)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { response.Body.Close() })
	return response
}

// answer is the outcome of one POST.
type answer struct {
	status    int
	header    http.Header
	result    json.RawMessage
	code      int64  // of a JSON-RPC error; 0 without one
	data      string // of a JSON-RPC error
	plain     string // the body, if it is no message
	sessionID string
}

func (e *endpoint) post(token, session, body string, edits ...func(*http.Request)) answer {
	e.t.Helper()
	response := e.request(http.MethodPost, token, session, body, edits...)
	a := answer{status: response.StatusCode, header: response.Header, sessionID: response.Header.Get("Mcp-Session-Id")}
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	a.plain = string(raw)
	for _, message := range messages(a.plain) {
		var parsed struct {
			Result json.RawMessage
			Error  *struct {
				Code int64
				Data json.RawMessage
			}
		}
		if json.Unmarshal([]byte(message), &parsed) != nil {
			continue
		}
		a.result = parsed.Result
		if parsed.Error != nil {
			a.code, a.data = parsed.Error.Code, string(parsed.Error.Data)
		}
	}
	return a
}

// messages returns the data of each event of a stream, or a body that is none.
func messages(body string) (all []string) {
	lines := bufio.NewScanner(strings.NewReader(body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			all = append(all, data)
		}
	}
	if all == nil {
		return []string{body}
	}
	return all
}

const initialize = `{"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`

// open opens a session.
func (e *endpoint) open(token string) (session string) {
	e.t.Helper()
	a := e.post(token, "", initialize)
	if a.sessionID == "" {
		e.t.Fatalf("initialize = %d %s, want a session", a.status, a.plain)
	}
	if a := e.post(token, a.sessionID, `{"jsonrpc":"2.0","method":"notifications/initialized"}`); a.status != http.StatusAccepted {
		e.t.Fatalf("initialized = %d %s, want 202", a.status, a.plain)
	}
	return a.sessionID
}

// message returns a call with params in JSON.
func message(method, params string) string {
	return `{"jsonrpc":"2.0","id":"1","method":"` + method + `","params":` + params + `}`
}

func callTool(name string) string { return message("tools/call", `{"name":"`+name+`","arguments":{}}`) }

// ran returns the text of a tool's result, or "" if the tool did not run.
func (a answer) ran() string {
	var result struct {
		Content []struct{ Text string }
		IsError bool
	}
	if json.Unmarshal(a.result, &result) != nil || result.IsError || len(result.Content) == 0 {
		return ""
	}
	return result.Content[0].Text
}
