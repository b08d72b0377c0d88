package mcpmw_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// connect opens a session in memory, as stdio does it: no message has an HTTP request.
func connect(ctx context.Context, t *testing.T, server *mcp.Server) (*mcp.ClientSession, error) {
	t.Helper()
	ours, theirs := mcp.NewInMemoryTransports()
	serving, err := server.Connect(ctx, theirs, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { serving.Close() })
	return mcp.NewClient(&mcp.Implementation{Name: "t"}, nil).Connect(ctx, ours, nil)
}

// wantRefused expects the JSON-RPC error of a refusal.
func wantRefused(t *testing.T, name string, err error, status int64) {
	t.Helper()
	refused, ok := errors.AsType[*jsonrpc.Error](err)
	if !ok || refused.Code != status {
		t.Errorf("%s = %v, want a JSON-RPC error with the code %d", name, err, status)
	}
}

func TestWithoutAHandlerEveryMessageIsRefused(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	guard, other := newGuard(t, v, testPolicy, nil), newGuard(t, v, testPolicy, nil)
	server := newServer(nil)
	guard.Protect(server)

	_, err := connect(t.Context(), t, server)
	wantRefused(t, "in memory", err, 401)

	client := authority.Client(m2mtest.TokenSpec{Scopes: everyScope})
	_, err = connect(verifier.ContextWithClient(t.Context(), client), t, server)
	wantRefused(t, "in memory, with an invented client", err, 401)

	_, err = connect(other.InsecureLocal(t.Context()), t, server)
	wantRefused(t, "in memory, opened by another Guard", err, 401)

	// Even a verified call in the context of the session is not that of a message.
	ctx, err := v.Authorize(t.Context(), verifier.Request{Authorization: []string{
		"Bearer " + authority.Token(m2mtest.TokenSpec{Scopes: everyScope})}}, scopes.Authenticated())
	if err != nil {
		t.Fatal(err)
	}
	_, err = connect(ctx, t, server)
	wantRefused(t, "in memory, with a verified call", err, 401)
}

func TestInsecureLocal(t *testing.T) {
	_, v := m2mtest.Trust(t, nil)
	guard := newGuard(t, v, testPolicy, nil)
	server := newServer(nil)
	guard.Protect(server)
	session, err := connect(guard.InsecureLocal(t.Context()), t, server)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := result.Content[0].(*mcp.TextContent).Text, "admin for "; got != want {
		t.Errorf("admin = %q, want %q: no client", got, want)
	}
}

// TestSSEHandlerIsRefused: the SDK's older transport hands on no TokenInfo.
func TestSSEHandlerIsRefused(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	guard := newGuard(t, v, testPolicy, nil)
	server := newServer(nil)
	guard.Protect(server)
	web, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	sse := mcp.NewSSEHandler(func(*http.Request) *mcp.Server { return server }, nil)
	e := serve(t, authority, web.Require(scopes.Authenticated())(sse))
	transport := &mcp.SSEClientTransport{Endpoint: e.url, HTTPClient: &http.Client{Transport: bearer(e.token(alice, everyScope...))}}
	_, err = mcp.NewClient(&mcp.Implementation{Name: "t"}, nil).Connect(t.Context(), transport, nil)
	wantRefused(t, "SSE", err, 401)
}

// bearer is a transport that adds a token.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// TestTheSDKsOwnHandlerIsRefused: a protected server, but another handler, with a guard
// that knows no tools.
func TestTheSDKsOwnHandlerIsRefused(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	guard := newGuard(t, v, testPolicy, nil)
	server := newServer(nil)
	guard.Protect(server)
	web, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)
	e := serve(t, authority, web.Require(scopes.Authenticated())(handler))
	if got := e.post(e.token(alice, everyScope...), "", initialize); got.code != 401 || got.data != `{"error":"invalid_token"}` {
		t.Errorf("initialize = %d, error %d %s; want error 401 invalid_token", got.status, got.code, got.data)
	}
}

// TestBatchesAreRefused: the SDK takes them in versions before 2025-06-18.
func TestBatchesAreRefused(t *testing.T) {
	e := guarded(t, nil, nil)
	token := e.token(alice, everyScope...)
	session := e.open(token)
	for name, body := range map[string]string{
		"of two":        "[" + callTool("read") + "," + strings.Replace(callTool("admin"), `"id":"1"`, `"id":"2"`, 1) + "]",
		"of one":        " [" + callTool("read") + "]",
		"empty":         "[]",
		"null":          "null",
		"no JSON":       "{",
		"two messages":  callTool("read") + callTool("admin"),
		"nothing":       "",
		"a wrong shape": `{"jsonrpc":"2.0"}`,
	} {
		got := e.post(token, session, body, func(r *http.Request) { r.Header.Set("Mcp-Protocol-Version", "2025-03-26") })
		if got.status != 400 || got.code != jsonrpc.CodeInvalidRequest {
			t.Errorf("batch %s = %d, error %d %s; want 400, error %d", name, got.status, got.code, got.plain, jsonrpc.CodeInvalidRequest)
		}
	}
}

// TestHeadersMustMatchTheBody: in every version of the protocol.
func TestHeadersMustMatchTheBody(t *testing.T) {
	e := guarded(t, nil, nil)
	token := e.token(alice, everyScope...)
	session := e.open(token)
	response := `{"jsonrpc":"2.0","id":"9","result":{}}`
	for _, tt := range []struct {
		name, body     string
		methods, names []string
		status         int
	}{
		{"the same", callTool("read"), []string{"tools/call"}, []string{"read"}, 200},
		{"the same, encoded", callTool("read"), []string{"tools/call"}, []string{"=?base64?cmVhZA==?="}, 200},
		{"a name where none is", message("ping", "{}"), []string{"ping"}, []string{"read"}, 200},
		{"another method", callTool("admin"), []string{"tools/list"}, nil, 400},
		{"another letter case", callTool("admin"), []string{"Tools/Call"}, nil, 400},
		{"another name", callTool("admin"), []string{"tools/call"}, []string{"read"}, 400},
		{"another name alone", callTool("admin"), nil, []string{"read"}, 400},
		{"another name, encoded", callTool("admin"), nil, []string{"=?base64?cmVhZA==?="}, 400},
		{"an encoding that is none", callTool("admin"), nil, []string{"=?base64?!?="}, 400},
		{"another URI", message("resources/read", `{"uri":"file:///key"}`), nil, []string{"file:///a"}, 400},
		{"another prompt", message("prompts/get", `{"name":"summary"}`), nil, []string{"x"}, 400},
		{"two methods", callTool("admin"), []string{"tools/call", "tools/list"}, nil, 400},
		{"two names", callTool("admin"), nil, []string{"admin", "read"}, 400},
		{"a method for a response", response, []string{"tools/call"}, nil, 400},
		{"none for a response", response, nil, nil, 202},
	} {
		got := e.post(token, session, tt.body, func(r *http.Request) {
			r.Header["Mcp-Method"], r.Header["Mcp-Name"] = tt.methods, tt.names
		})
		if got.status != tt.status || tt.status == 400 && got.code != mcp.CodeHeaderMismatch {
			t.Errorf("%s = %d, error %d %s; want %d", tt.name, got.status, got.code, got.plain, tt.status)
		}
	}
}

func TestBodiesAreLimited(t *testing.T) {
	for _, limit := range []int64{0, -1, 1000} {
		e := guarded(t, &mcp.StreamableHTTPOptions{MaxRequestBodyBytes: limit}, nil)
		token := e.token(alice, everyScope...)
		session := e.open(token)
		long := strings.Repeat(" ", max(int(limit), 0)+1)
		if limit <= 0 {
			long = strings.Repeat(" ", mcp.DefaultMaxRequestBodyBytes+1)
		}
		if got := e.post(token, session, callTool("read")+long); got.status != http.StatusRequestEntityTooLarge {
			t.Errorf("limit %d: a longer body = %d, want 413", limit, got.status)
		}
		if got := e.post("", session, callTool("read")+long); got.status != http.StatusUnauthorized {
			t.Errorf("limit %d: a longer body without a token = %d, want 401 before it is read", limit, got.status)
		}
	}
}

// TestZeroGuard: it refuses everything as Unavailable.
func TestZeroGuard(t *testing.T) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	for name, guard := range map[string]*mcpmw.Guard{"zero": new(mcpmw.Guard), "nil": nil} {
		server := newServer(nil)
		handler := guard.Handler(func(*http.Request) *mcp.Server { return server }, nil)
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(initialize))
		r.Header.Set("Authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{}))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s Guard: Handler = %d, want 503", name, w.Code)
		}
		guard.Protect(server)
		_, err := connect(guard.InsecureLocal(t.Context()), t, server)
		wantRefused(t, name+" Guard: in memory", err, 503)
		if err := guard.CheckCoverage(t.Context(), server); err == nil {
			t.Errorf("%s Guard: CheckCoverage = nil, want an error", name)
		}
		if _, err := guard.Metadata(); err == nil {
			t.Errorf("%s Guard: Metadata: no error", name)
		}
	}
}
