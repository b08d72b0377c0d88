package mcpmw_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// listed returns the names in a list, the cursor of the next page, and who may cache it.
func (a answer) listed(t *testing.T) (names []string, cursor, scope string) {
	t.Helper()
	type item struct{ Name, URI string }
	var result struct {
		Tools, Prompts, Resources []item
		NextCursor, CacheScope    string
	}
	if err := json.Unmarshal(a.result, &result); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.plain, err)
	}
	for _, i := range slices.Concat(result.Tools, result.Prompts) {
		names = append(names, i.Name)
	}
	for _, i := range result.Resources {
		names = append(names, i.URI)
	}
	return names, result.NextCursor, result.CacheScope
}

// TestListsShowWhatTheCallerMayCall: by the token of the request, in a session that a
// more powerful one opened, and whatever the size of the server's pages.
func TestListsShowWhatTheCallerMayCall(t *testing.T) {
	for _, pageSize := range []int{0, 1, 2} {
		authority, v := m2mtest.Trust(t, nil)
		server := newServer(&mcp.ServerOptions{PageSize: pageSize})
		guard := newGuard(t, v, testPolicy, nil)
		e := serve(t, authority, guard.Handler(func(*http.Request) *mcp.Server { return server }, nil))
		session := e.open(e.token(alice, everyScope...))
		for _, tt := range []struct{ scopes, tools, prompts, resources string }{
			{"", "", "", ""},
			{"files:read", "read", "summary", "file:///a"},
			{"files:write", "delete", "", ""},
			{"files:admin files:read", "admin read", "summary", "file:///a file:///key"},
		} {
			token := e.token(alice, strings.Fields(tt.scopes)...)
			for method, want := range map[string]string{"tools/list": tt.tools, "prompts/list": tt.prompts, "resources/list": tt.resources} {
				got := e.post(token, session, message(method, "{}"))
				names, cursor, scope := got.listed(t)
				if strings.Join(names, " ") != want || cursor != "" || scope != "private" {
					t.Errorf("pages of %d, %q: %s = %q, cursor %q, cache %q; want %q, no cursor, private",
						pageSize, tt.scopes, method, names, cursor, scope, want)
				}
				if strings.Contains(got.plain, "null") {
					t.Errorf("%s = %s, want an empty list and not null", method, got.plain)
				}
			}
		}
	}
}

// TestReadResultsArePrivate: also if a handler returns the same result again and again.
func TestReadResultsArePrivate(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	server := newServer(nil)
	kept := &mcp.ReadResourceResult{
		Cacheable: mcp.Cacheable{CacheScope: "public"},
		Contents:  []*mcp.ResourceContents{{URI: "file:///kept", MIMEType: "text/plain", Text: "content"}},
	}
	server.AddResource(&mcp.Resource{URI: "file:///kept", Name: "kept"}, func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return kept, nil
	})
	server.AddResourceTemplate(&mcp.ResourceTemplate{URITemplate: "file:///t/{x}", Name: "t"}, func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return kept, nil
	})
	guard := newGuard(t, v, mcpmw.Policy{
		"resource/file:///kept": scopes.All("files:read"), "resource/file:///t/1": scopes.All("files:read"),
		"method/resources/templates/list": scopes.Authenticated(),
	}, nil)
	e := serve(t, authority, guard.Handler(func(*http.Request) *mcp.Server { return server }, nil))
	token := e.token(alice, "files:read")
	session := e.open(token)
	for _, body := range []string{
		message("resources/read", `{"uri":"file:///kept"}`),
		message("resources/read", `{"uri":"file:///t/1"}`),
		message("resources/templates/list", `{}`),
	} {
		got := e.post(token, session, body)
		if _, _, scope := got.listed(t); scope != "private" {
			t.Errorf("%s: cache scope %q, want private (%s)", body, scope, got.plain)
		}
	}
	if kept.CacheScope != "public" {
		t.Errorf("the handler's own result was changed to %q", kept.CacheScope)
	}
	if got := e.post(token, session, message("resources/read", `{"uri":"file:///t/2"}`)); got.status != 403 {
		t.Errorf("another URI of the template = %d, want 403", got.status)
	}
}
