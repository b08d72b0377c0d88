package mcpmw_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func TestCheckCoverage(t *testing.T) {
	need := scopes.All("a")
	const refused = " is served, and the policy does not name it: every call of it is refused"
	const stale = ", and nothing of that name is served: is it misspelt, or gone?"
	whole := mcpmw.Policy{
		"tool/*": need, "tool/admin": need, "prompt/*": need,
		"resource/file:///a": need, "resource/file:///key": need, "resource/file:///unlisted": need,
	}
	with := func(add mcpmw.Policy, without ...string) mcpmw.Policy {
		p := mcpmw.Policy{}
		for key, need := range whole {
			if !slices.Contains(without, key) {
				p[key] = need
			}
		}
		for key, need := range add {
			p[key] = need
		}
		return p
	}
	template := func(s *mcp.Server) {
		s.AddResourceTemplate(&mcp.ResourceTemplate{URITemplate: "file:///t/{x}", Name: "t"},
			func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) { return nil, nil })
	}
	for _, tt := range []struct {
		name   string
		policy mcpmw.Policy
		change func(*mcp.Server)
		want   []string
	}{
		{"everything", whole, nil, nil},
		{"methods are not known", with(mcpmw.Policy{"method/acme/search": need}), nil, nil},
		{"tools without keys", with(nil, "tool/*"), nil, []string{`mcpmw: "tool/delete"` + refused, `mcpmw: "tool/read"` + refused}},
		{"prompts without keys", with(mcpmw.Policy{"prompt/summary": need}, "prompt/*"), nil, []string{`mcpmw: "prompt/unlisted"` + refused}},
		{"a resource without a key", with(nil, "resource/file:///a"), nil, []string{`mcpmw: "resource/file:///a"` + refused}},
		{"a tool that is gone", with(mcpmw.Policy{"tool/old": need}), nil, []string{`mcpmw: the policy names "tool/old"` + stale}},
		{"a resource that is gone", with(mcpmw.Policy{"resource/file:///old": need}), nil, []string{`mcpmw: the policy names "resource/file:///old"` + stale}},
		{"a resource that a template may serve", with(mcpmw.Policy{"resource/file:///old": need}), template, nil},
		{"no prompts any more", whole, func(s *mcp.Server) { s.RemovePrompts("summary", "unlisted") }, []string{`mcpmw: the policy names "prompt/*"` + stale}},
		{"a template and no resources", mcpmw.Policy{"tool/*": need, "prompt/*": need}, func(s *mcp.Server) {
			s.RemoveResources("file:///a", "file:///key", "file:///unlisted")
			template(s)
		}, []string{`mcpmw: the resource template "file:///t/{x}" is served, and the policy names no resource: every call of it is refused`}},
	} {
		_, v := m2mtest.Trust(t, nil)
		server := newServer(&mcp.ServerOptions{PageSize: 2})
		if tt.change != nil {
			tt.change(server)
		}
		err := newGuard(t, v, tt.policy, nil).CheckCoverage(t.Context(), server)
		var got []string
		if err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: CheckCoverage = %q, want %q", tt.name, got, tt.want)
		}
		// The server is protected now: in memory, others are refused.
		if _, err := connect(t.Context(), t, server); err == nil {
			t.Errorf("%s: in memory after CheckCoverage: no error", tt.name)
		}
	}
}
