package mcpmw_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// everyScope is what the most powerful token of testPolicy has.
var everyScope = []string{"files:read", "files:write", "files:admin"}

// TestNothingIsOpenByDefault: what the Policy does not name is refused, also to a client
// with every scope.
func TestNothingIsOpenByDefault(t *testing.T) {
	e := guarded(t, nil, nil)
	token := e.token(alice, everyScope...)
	session := e.open(token)
	for _, tt := range []struct {
		name, body string
		status     int
		code       int64 // of the JSON-RPC error: 0 if the SDK answers with plain text
	}{
		{"a tool that is not named", callTool("unlisted"), 403, 0},
		{"a tool in another letter case", callTool("READ"), 403, 0},
		{"a prompt that is not named", message("prompts/get", `{"name":"unlisted"}`), 403, 0},
		{"a resource that is not named", message("resources/read", `{"uri":"file:///unlisted"}`), 403, 0},
		{"a resource in another spelling", message("resources/read", `{"uri":"file:///./a"}`), 403, 0},
		{"templates", message("resources/templates/list", `{}`), 200, 403},
		{"completion", message("completion/complete", `{"ref":{"type":"ref/prompt","name":"summary"},"argument":{"name":"a","value":""}}`), 200, 403},
		{"subscription", message("resources/subscribe", `{"uri":"file:///a"}`), 200, 403},
		{"end of a subscription", message("resources/unsubscribe", `{"uri":"file:///a"}`), 200, 403},
		{"log level", message("logging/setLevel", `{"level":"debug"}`), 200, 403},
		{"a name of 2 KiB and a byte", callTool(strings.Repeat("a", 2049)), 403, 0},
		{"tasks", message("tasks/get", `{"taskId":"1"}`), 400, 0},
		{"an unknown method", message("acme/search", `{}`), 400, 0},
	} {
		got := e.post(token, session, tt.body)
		if got.status != tt.status || got.code != tt.code || got.result != nil {
			t.Errorf("%s = %d, error %d, result %s; want %d, error %d", tt.name, got.status, got.code, got.result, tt.status, tt.code)
		}
		if tt.code != 0 && got.data != `{"error":"insufficient_scope"}` {
			t.Errorf("%s: data of the error = %s", tt.name, got.data)
		}
	}
	for _, name := range []string{"read", "delete", "admin"} {
		if got := e.post(token, session, callTool(name)).ran(); got != name+" for "+alice {
			t.Errorf("control: %s = %q", name, got)
		}
	}
	if got := e.post(token, session, message("ping", `{}`)); got.status != 200 || got.code != 0 || string(got.result) != "{}" {
		t.Errorf("ping = %d, error %d, result %s; want 200 and {}", got.status, got.code, got.result)
	}
}

type searchParams struct {
	mcp.ParamsBase
}
type searchResult struct {
	mcp.ResultBase
	Hits int `json:"hits"`
}

// TestMethodsAreOpenedByName: with a key of their own, and the requirement of what they
// name.
func TestMethodsAreOpenedByName(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	server := newServer(&mcp.ServerOptions{
		SubscribeHandler:   func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
		CompletionHandler: func(context.Context, *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
			return &mcp.CompleteResult{}, nil
		},
	})
	err := mcp.AddReceivingCustomMethod(server, "acme/search", func(context.Context, *mcp.ServerSession, *searchParams) (*searchResult, error) {
		return &searchResult{Hits: 1}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	policy := mcpmw.Policy{
		"prompt/summary":               scopes.All("files:read"),
		"resource/file:///a":           scopes.All("files:read"),
		"resource/file:///key":         scopes.All("files:admin"),
		"method/resources/subscribe":   scopes.All("watch"),
		"method/resources/unsubscribe": scopes.All("watch"),
		"method/completion/complete":   scopes.All("complete"),
		"method/acme/search":           scopes.All("search"),
		"method/logging/setLevel":      scopes.Authenticated(),
	}
	guard := newGuard(t, v, policy, nil)
	e := serve(t, authority, guard.Handler(func(*http.Request) *mcp.Server { return server }, nil))
	session := e.open(e.token(alice))
	complete := func(ref string) string {
		return message("completion/complete", `{"ref":`+ref+`,"argument":{"name":"a","value":""}}`)
	}
	for _, tt := range []struct {
		name, scopes, body string
		allowed            bool
	}{
		{"subscribe", "watch files:read", message("resources/subscribe", `{"uri":"file:///a"}`), true},
		{"subscribe, without the resource's scope", "watch", message("resources/subscribe", `{"uri":"file:///a"}`), false},
		{"subscribe, without the method's scope", "files:read", message("resources/subscribe", `{"uri":"file:///a"}`), false},
		{"subscribe to a stricter resource", "watch files:read", message("resources/subscribe", `{"uri":"file:///key"}`), false},
		{"unsubscribe", "watch files:read", message("resources/unsubscribe", `{"uri":"file:///a"}`), true},
		{"unsubscribe, without the resource's scope", "watch", message("resources/unsubscribe", `{"uri":"file:///a"}`), false},
		{"complete", "complete files:read", complete(`{"type":"ref/prompt","name":"summary"}`), true},
		{"complete, without the prompt's scope", "complete", complete(`{"type":"ref/prompt","name":"summary"}`), false},
		{"complete a stricter resource", "complete files:read", complete(`{"type":"ref/resource","uri":"file:///key"}`), false},
		{"custom", "search", message("acme/search", `{}`), true},
		{"custom, without the scope", "watch", message("acme/search", `{}`), false},
		{"log level", "", message("logging/setLevel", `{"level":"debug"}`), true},
	} {
		got := e.post(e.token(alice, strings.Fields(tt.scopes)...), session, tt.body)
		if allowed := got.code == 0 && got.result != nil; allowed != tt.allowed {
			t.Errorf("%s: allowed %v, want %v (%d %s)", tt.name, allowed, tt.allowed, got.status, got.plain)
		}
		if !tt.allowed && got.code != 403 {
			t.Errorf("%s: error %d, want 403", tt.name, got.code)
		}
	}
}

// TestWildcards: a key with "*" serves what has no key of its own.
func TestWildcards(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	server := newServer(nil)
	guard := newGuard(t, v, mcpmw.Policy{
		"tool/*": scopes.All("files:read"), "tool/admin": scopes.All("files:admin"),
		"resource/*": scopes.All("files:read"), "prompt/*": scopes.Authenticated(),
	}, nil)
	e := serve(t, authority, guard.Handler(func(*http.Request) *mcp.Server { return server }, nil))
	reader := e.token(alice, "files:read")
	session := e.open(reader)
	for _, tt := range []struct {
		name, token, body string
		status            int
	}{
		{"another tool", reader, callTool("delete"), 200},
		{"another tool, with a name of 2 KiB and a byte", reader, callTool(strings.Repeat("a", 2049)), 403},
		{"the tool with a key", reader, callTool("admin"), 403},
		{"another tool, without the scope", e.token(alice), callTool("delete"), 403},
		{"resource", reader, message("resources/read", `{"uri":"file:///unlisted"}`), 200},
		{"resource, without the scope", e.token(alice), message("resources/read", `{"uri":"file:///a"}`), 403},
		{"prompt", e.token(alice), message("prompts/get", `{"name":"unlisted"}`), 200},
	} {
		if got := e.post(tt.token, session, tt.body); got.status != tt.status || tt.status == 200 && got.result == nil {
			t.Errorf("%s = %d %s, want %d", tt.name, got.status, got.plain, tt.status)
		}
	}
}

// TestTheParsedMessageDecides: the early look knows the methods that name a tool, prompt
// or resource. The middleware decides on all.
func TestTheParsedMessageDecides(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	server := newServer(nil)
	guard := newGuard(t, v, mcpmw.Policy{"method/logging/setLevel": scopes.All("files:admin")}, nil)
	e := serve(t, authority, guard.Handler(func(*http.Request) *mcp.Server { return server }, nil))
	token := e.token(alice, "files:read")
	session := e.open(token)
	got := e.post(token, session, message("logging/setLevel", `{"level":"debug"}`))
	if got.status != 200 || got.code != 403 || got.result != nil {
		t.Errorf("logging/setLevel = %d, error %d, result %s; want 200, error 403", got.status, got.code, got.result)
	}
	if want := `{"error":"insufficient_scope","scope":"files:admin"}`; got.data != want {
		t.Errorf("data of the error = %s, want %s", got.data, want)
	}
}

// TestAChallengeNamesTheToolsScopes: RFC 6750 §3.1, so that a client can step up.
func TestAChallengeNamesTheToolsScopes(t *testing.T) {
	e := guarded(t, nil, &mcpmw.Options{HTTP: httpmw.Options{Resource: "https://api.example.com/mcp", Realm: "mcp"}})
	token := e.token(alice)
	session := e.open(token)
	got := e.post(token, session, callTool("delete"))
	want := `Bearer realm="mcp", error="insufficient_scope", scope="files:write", ` +
		`resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/mcp"`
	if challenge := got.header.Get("WWW-Authenticate"); got.status != 403 || challenge != want {
		t.Errorf("delete = %d %s, want 403 %s", got.status, challenge, want)
	}
	got = e.post("", session, callTool("delete"))
	want = `Bearer realm="mcp", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/mcp"`
	if challenge := got.header.Get("WWW-Authenticate"); got.status != 401 || challenge != want {
		t.Errorf("without a token = %d %s, want 401 %s", got.status, challenge, want)
	}
}

func TestErrorHandlerAnswersTheEarlyLook(t *testing.T) {
	e := guarded(t, nil, &mcpmw.Options{HTTP: httpmw.Options{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err *verifier.Error) {
		w.WriteHeader(499)
	}}})
	token := e.token(alice)
	if got := e.post(token, e.open(token), callTool("delete")); got.status != 499 {
		t.Errorf("delete = %d, want 499 of the ErrorHandler", got.status)
	}
}

// TestDecisionsAreObservedOnce: one for the request, and one for what it calls.
func TestDecisionsAreObservedOnce(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	authority, v := m2mtest.Trust(t, &verifier.Config{
		Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, d.Operation+" "+string(d.Reason))
		}},
		Check: func(_ context.Context, c verifier.Client, r verifier.Request) error {
			if r.Operation == "tool/delete" {
				return verifier.Forbid(errors.New("not on Sundays"))
			}
			return nil
		},
	})
	server := newServer(nil)
	guard := newGuard(t, v, testPolicy, nil)
	mux := http.NewServeMux()
	mux.Handle("/{$}", guard.Handler(func(*http.Request) *mcp.Server { return server }, nil))
	e := serve(t, authority, mux)
	token := e.token(alice, "files:read", "files:write")
	session := e.open(token)
	for _, tt := range []struct {
		tool   string
		status int
		code   int64
		want   []string
	}{
		{"read", 200, 0, []string{"POST /{$} ", "tool/read "}},
		{"admin", 403, 0, []string{"POST /{$} ", "tool/admin " + string(verifier.ScopeMissing)}},
		{"unlisted", 403, 0, []string{"POST /{$} ", "tool/unlisted " + string(verifier.NoRequirement)}},
		{"delete", 200, 403, []string{"POST /{$} ", "tool/delete " + string(verifier.Forbidden)}}, // by Check, which the look does not ask
	} {
		mu.Lock()
		seen = nil
		mu.Unlock()
		got := e.post(token, session, callTool(tt.tool))
		mu.Lock()
		if got.status != tt.status || got.code != tt.code || !slices.Equal(seen, tt.want) {
			t.Errorf("%s = %d, error %d, observed %q; want %d, error %d, observed %q", tt.tool, got.status, got.code, seen, tt.status, tt.code, tt.want)
		}
		mu.Unlock()
	}
}
