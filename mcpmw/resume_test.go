package mcpmw_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// resume asks for what a stream sent after its first event.
func (e *endpoint) resume(token, session, event string) (status int, body string) {
	e.t.Helper()
	response := e.request(http.MethodGet, token, session, "", func(r *http.Request) {
		r.Header.Set("Last-Event-ID", event)
		r.Header.Set("Mcp-Protocol-Version", "2025-11-25")
	})
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

// firstEvent returns the ID of the first event in a body.
func (a answer) firstEvent(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(a.plain) {
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			return strings.TrimSpace(id)
		}
	}
	t.Fatalf("no event in %q", a.plain)
	return ""
}

// TestResumptionNeedsTheRequirementOfTheCall: the EventStore would otherwise replay the
// result of an admin's call to a narrower token of the same client.
func TestResumptionNeedsTheRequirementOfTheCall(t *testing.T) {
	e := guarded(t, &mcp.StreamableHTTPOptions{EventStore: mcp.NewMemoryEventStore(nil)}, nil)
	wide, narrow := e.token(alice, everyScope...), e.token(alice, "files:read")
	session := e.open(wide)
	latest := func(r *http.Request) { r.Header.Set("Mcp-Protocol-Version", "2025-11-25") } // with a first, empty event
	for _, tt := range []struct {
		name, body, secret string
		narrowMay          bool
	}{
		{"admin", callTool("admin"), "admin for", false},
		{"a list", message("tools/list", "{}"), `"admin"`, false},
		{"read", callTool("read"), "read for", true},
	} {
		event := e.post(wide, session, tt.body, latest).firstEvent(t)
		if status, body := e.resume(wide, session, event); status != 200 || !strings.Contains(body, tt.secret) {
			t.Errorf("%s: resumed with the token of the call = %d %q, want its result", tt.name, status, body)
		}
		status, body := e.resume(narrow, session, event)
		if may := status == 200 && strings.Contains(body, tt.secret); may != tt.narrowMay {
			t.Errorf("%s: resumed with a narrower token = %d %q, want allowed %v", tt.name, status, body, tt.narrowMay)
		}
		if !tt.narrowMay && status != 400 {
			t.Errorf("%s: resumed with a narrower token = %d, want 400", tt.name, status)
		}
		if status, body := e.resume(e.token(mallory, everyScope...), session, event); status != 403 {
			t.Errorf("%s: resumed by another client = %d %q, want 403", tt.name, status, body)
		}
	}
	if status, body := e.resume(wide, session, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0"); status != 400 {
		t.Errorf("an unknown stream = %d %q, want 400", status, body)
	}
}

// TestAnUndecidedCallIsNotResumed: until the middleware has decided, nobody knows what
// the stream will carry.
func TestAnUndecidedCallIsNotResumed(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	entered, release := make(chan struct{}), make(chan struct{})
	server := newServer(nil)
	guard := newGuard(t, v, testPolicy, nil)
	handler := guard.Handler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{EventStore: mcp.NewMemoryEventStore(nil)})
	e := serve(t, authority, handler)
	wide := e.token(alice, everyScope...)
	session := e.open(wide) // installs the middleware of the Guard: this one is outside of it
	server.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			if method == "tools/call" {
				close(entered)
				<-release
			}
			return next(ctx, method, req)
		}
	})
	response := e.request(http.MethodPost, wide, session, callTool("admin"), func(r *http.Request) {
		r.Header.Set("Mcp-Protocol-Version", "2025-11-25")
	})
	<-entered
	first := make([]byte, 512)
	n, err := response.Body.Read(first) // the first, empty event
	if err != nil {
		t.Fatal(err)
	}
	event := answer{plain: string(first[:n])}.firstEvent(t)
	response.Body.Close()
	status, body := e.resume(wide, session, event)
	for status == http.StatusConflict { // the server has not noticed that the first reader is gone
		status, body = e.resume(wide, session, event)
	}
	if status != 400 {
		t.Errorf("resumed before the decision = %d %q, want 400", status, body)
	}
	close(release)
}

// TestOldStreamsAreForgotten: what is remembered of a session is bounded.
func TestOldStreamsAreForgotten(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	server := newServer(nil)
	guard := newGuard(t, v, mcpmw.Policy{"tool/read": scopes.Authenticated()}, nil)
	handler := guard.Handler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{EventStore: mcp.NewMemoryEventStore(nil)})
	e := serve(t, authority, handler)
	token := e.token(alice)
	session := e.open(token)
	latest := func(r *http.Request) { r.Header.Set("Mcp-Protocol-Version", "2025-11-25") }
	oldest := e.post(token, session, callTool("read"), latest).firstEvent(t)
	if status, body := e.resume(token, session, oldest); status != 200 {
		t.Errorf("a recent stream = %d %q, want 200", status, body)
	}
	for range 1024 {
		e.post(token, session, message("ping", "{}"), latest)
	}
	if status, body := e.resume(token, session, oldest); status != 400 {
		t.Errorf("a stream before 1024 others = %d %q, want 400", status, body)
	}
}
