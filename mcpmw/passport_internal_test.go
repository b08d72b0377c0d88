package mcpmw

import (
	"context"
	"testing"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestListIsDecidedOnceComplete: while a list is read, nobody may resume its stream: what
// it will show is not known yet.
func TestListIsDecidedOnceComplete(t *testing.T) {
	g := &Guard{policy: policy{needs: Policy{"tool/admin": scopes.All("admin")}}}
	p := &passport{authorized: t.Context()}
	next := func(context.Context, string, mcp.Request) (mcp.Result, error) {
		if demands, ok := p.required(); ok {
			t.Errorf("required() while the list is read = %v, true; want false", demands)
		}
		return &mcp.ListToolsResult{Tools: []*mcp.Tool{{Name: "admin"}}}, nil
	}
	demands := g.policy.demands("tools/list", nil)
	if _, err := g.list(t.Context(), "tools/list", nil, next, p, demands); err != nil {
		t.Fatal(err)
	}
	if got, ok := p.required(); !ok || len(got) != len(demands) { // nothing is shown without a client
		t.Errorf("required() = %v, %t; want %v, true", got, ok, demands)
	}
}

// TestGuardsOfOneServerBothCount: two Guards may protect one server.
func TestGuardsOfOneServerBothCount(t *testing.T) {
	p := &passport{authorized: t.Context()}
	outer, inner := demand{"tool/a", scopes.All("outer")}, demand{"tool/a", scopes.All("inner")}
	p.decide([]demand{outer})
	p.decide([]demand{inner})
	p.decide([]demand{inner})
	if got, ok := p.required(); !ok || len(got) != 2 || !got[0].need.Equal(outer.need) || !got[1].need.Equal(inner.need) {
		t.Errorf("required() = %v, %t; want both, true", got, ok)
	}
}
