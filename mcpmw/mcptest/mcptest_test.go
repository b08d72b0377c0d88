package mcptest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/mcpmw/mcptest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

var policy = mcpmw.Policy{
	"tool/*":             scopes.All("files:read"),
	"tool/delete":        scopes.All("files:write"),
	"tool/about":         scopes.Authenticated(),
	"prompt/summary":     scopes.All("files:read"),
	"resource/file:///a": scopes.Any("files:read", "files:write"),
}

func newServer() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "v1"}, nil)
	for _, name := range []string{"about", "read", "delete"} {
		mcp.AddTool(server, &mcp.Tool{Name: name}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{}, nil, nil
		})
	}
	server.AddPrompt(&mcp.Prompt{Name: "summary"}, func(context.Context, *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{}}, nil
	})
	server.AddResource(&mcp.Resource{URI: "file:///a", Name: "a"}, func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: "file:///a", Text: "x"}}}, nil
	})
	return server
}

// guarded returns a Target of a server behind a Guard.
func guarded(t *testing.T, opts *mcp.StreamableHTTPOptions) mcptest.Target {
	t.Helper()
	authority, v := m2mtest.Trust(t, nil)
	guard, err := mcpmw.New(v, policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer()
	return mcptest.Target{
		Authority: authority, Operations: guard.Operations(), Stateless: opts != nil && opts.Stateless,
		Handler: guard.Handler(func(*http.Request) *mcp.Server { return server }, opts),
	}
}

// recorder is a T that keeps what is reported.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Logf(string, ...any)       {}
func (r *recorder) Errorf(f string, a ...any) { r.errors = append(r.errors, fmt.Sprintf(f, a...)) }

// has reports whether a reported problem contains text.
func (r *recorder) has(text string) bool {
	for _, e := range r.errors {
		if strings.Contains(e, text) {
			return true
		}
	}
	return false
}

func TestAttackFindsNothingBehindAGuard(t *testing.T) {
	for name, opts := range map[string]*mcp.StreamableHTTPOptions{
		"sessions":  {EventStore: mcp.NewMemoryEventStore(nil)},
		"JSON":      {JSONResponse: true},
		"stateless": {Stateless: true},
	} {
		t.Run(name, func(t *testing.T) { mcptest.Attack(t, guarded(t, opts)) })
	}
}

// TestAttackFindsThePlainSDK: a guard for the whole endpoint, and a decision about each
// tool by the context that the SDK gives.
func TestAttackFindsThePlainSDK(t *testing.T) {
	target := plain(t)
	r := &recorder{TB: t}
	mcptest.Attack(r, target)
	for _, want := range []string{
		"scopes: none: tool/delete",
		"session: of another client, POST: tool/delete",
		"session: of another client, GET: tool/delete",
		"message: a batch: tool/delete",
		"header: another method: tool/delete",
		"header: another name: tool/delete",
		"list: a name that the client may not call: tool/delete",
		"resumption: by another client: tool/delete",
		"resumption: with a narrower token: tool/delete",
		"method: not in the policy: resources/templates/list",
	} {
		if !r.has(want) {
			t.Errorf("Attack(plain SDK) does not report %q: %q", want, r.errors[:min(len(r.errors), 20)])
		}
	}
}

func plain(t *testing.T) mcptest.Target {
	t.Helper()
	authority, v := m2mtest.Trust(t, nil)
	web, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	guard, err := mcpmw.New(v, policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer()
	server.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			if call, ok := req.(*mcp.CallToolRequest); ok && call.Params.Name == "delete" {
				if err := v.Reauthorize(ctx, "tool/delete", policy["tool/delete"]); err != nil {
					return nil, err
				}
			}
			return next(ctx, method, req)
		}
	})
	return mcptest.Target{
		Authority: authority, Operations: guard.Operations(), Path: "/",
		Handler: web.Require(scopes.Authenticated())(mcp.NewStreamableHTTPHandler(
			func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{EventStore: mcp.NewMemoryEventStore(nil)})),
	}
}

const wantMatrix = `operation           nobody  reader  writer
prompt/summary      -       yes     -
resource/file:///a  -       yes     yes
tool/about          yes     yes     yes
tool/delete         -       -       yes
tool/read           -       yes     -
`

var clients = []mcptest.Client{{Name: "nobody"}, {Name: "reader", Scopes: []string{"files:read"}}, {Name: "writer", Scopes: []string{"files:write"}}}

func TestMatrix(t *testing.T) {
	if got := mcptest.Matrix(t, guarded(t, nil), clients...); got != wantMatrix {
		t.Errorf("Matrix = \n%s\nwant\n%s", got, wantMatrix)
	}
}

func TestMatrixReportsWhatDiffers(t *testing.T) {
	r := &recorder{TB: t}
	mcptest.Matrix(r, plain(t), clients...)
	for _, want := range []string{
		"nobody calls tool/read: 200, but the requirement is all(\"files:read\")",
		"the list of nobody shows tool/read, but the requirement is all(\"files:read\")",
	} {
		if !r.has(want) {
			t.Errorf("Matrix(plain SDK) does not report %q: %q", want, r.errors)
		}
	}
}

func TestAnIncompleteTargetIsReported(t *testing.T) {
	whole := guarded(t, nil)
	for want, change := range map[string]func(*mcptest.Target){
		"the Target has no Authority":  func(t *mcptest.Target) { t.Authority = nil },
		"the Target has no Handler":    func(t *mcptest.Target) { t.Handler = nil },
		"the Target has no Operations": func(t *mcptest.Target) { t.Operations = nil },
	} {
		target := whole
		change(&target)
		r := &recorder{TB: t}
		mcptest.Attack(r, target)
		mcptest.Matrix(r, target)
		if len(r.errors) != 2 || !strings.Contains(r.errors[0], want) || !strings.Contains(r.errors[1], want) {
			t.Errorf("without a part: %q, want %q twice", r.errors, want)
		}
	}
	// A handler that refuses everything proves nothing.
	r := &recorder{TB: t}
	target := whole
	target.Handler = http.NotFoundHandler()
	mcptest.Attack(r, target)
	if !r.has("a good token: tool/delete") {
		t.Errorf("Attack(404) = %q, want the control reported", r.errors)
	}
}
