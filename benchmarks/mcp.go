package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// measureMCP measures a call of an MCP tool, with and without the guard.
func measureMCP(s *suite, out *section) {
	longer := plan{rounds: s.pick(31, 1), slice: 4 * s.plan.slice}
	out.text(`A call of a tool that does nothing, in a session, through the streamable HTTP handler of MCP's Go SDK, called in memory. The
SDK hands a call from goroutine to goroutine, so that these are processor times of the whole process, with %d callers at the same
time. "The same HTTP guard" is httpmw around the SDK's handler: it verifies the token and knows no tools. Each figure is
the median of %d rounds.`, cores(), longer.rounds)
	t := s.trusts["EdDSA"]
	token := t.good()
	v := must(ready(t.config(defaultCache)))
	defer v.Close()
	newServer := func() func(*http.Request) *mcp.Server {
		server := mcp.NewServer(&mcp.Implementation{Name: "benchmarks", Version: "v1"}, nil)
		mcp.AddTool(server, &mcp.Tool{Name: "read"}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{}}, nil, nil
		})
		return func(*http.Request) *mcp.Server { return server }
	}
	opts := &mcp.StreamableHTTPOptions{JSONResponse: true}
	guard := must(mcpmw.New(v, mcpmw.Policy{"tool/read": need}, nil))
	plain := mcp.NewStreamableHTTPHandler(newServer(), opts)
	around := must(httpmw.New(v, nil)).Require(scopes.Authenticated())(mcp.NewStreamableHTTPHandler(newServer(), opts))
	names := []string{"unguarded", "the same HTTP guard", "m2mauth, token seen again"}
	all := longer.measure(
		probe{names[0], cores(), toolCalls(plain, token)},
		probe{names[1], cores(), toolCalls(around, token)},
		probe{names[2], cores(), toolCalls(guard.Handler(newServer(), opts), token)},
	)
	rows := [][]string{{"", "ns", "added ns", "added allocs"}}
	for i, name := range names {
		rows = append(rows, []string{name, nanos(all[i].time()), nanos(all[i].added(all[0])), allocations(all[i].allocations() - all[0].allocations())})
	}
	out.table(rows...)
	more := all[2].added(all[0])
	s.aim(more <= 1000, "an MCP tool call, token seen before", "≤ 1,000 ns added by the guard", nanos(more)+" ns",
		fmt.Sprintf("the HTTP guard alone adds %s ns; the rest reads the body, to answer a call that lacks a scope with 403 and a challenge, "+
			"and decides again on the message that the SDK has parsed.", nanos(all[1].added(all[0]))))
}

// toolCalls returns a worker's operation: a call of the tool in a session of its own.
func toolCalls(h http.Handler, token string) func() func() {
	return func() func() {
		ctx, session := context.Background(), ""
		post := func(body string) *httptest.ResponseRecorder {
			r := must(http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1/mcp", strings.NewReader(body)))
			r.Header = http.Header{
				"Accept": {"application/json, text/event-stream"}, "Content-Type": {"application/json"},
				"Authorization": {"Bearer " + token}, "Mcp-Protocol-Version": {"2025-11-25"},
			}
			if session != "" {
				r.Header["Mcp-Session-Id"] = []string{session}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code >= 300 {
				panic("unexpected answer: " + w.Result().Status + " " + w.Body.String())
			}
			return w
		}
		session = post(`{"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},` +
			`"clientInfo":{"name":"benchmarks","version":"1"}}}`).Header().Get("Mcp-Session-Id")
		post(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
		n := 0
		return func() {
			n++
			answer := post(fmt.Sprintf(`{"jsonrpc":"2.0","id":"%d","method":"tools/call","params":{"name":"read","arguments":{}}}`, n))
			if !strings.Contains(answer.Body.String(), `"result"`) {
				panic("unexpected answer: " + answer.Body.String())
			}
		}
	}
}
