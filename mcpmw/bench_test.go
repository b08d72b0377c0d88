package mcpmw_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// BenchmarkToolCall measures a call in a session, in memory, with a token that is
// remembered and without a guard.
func BenchmarkToolCall(b *testing.B) {
	authority, v := m2mtest.Trust(b, nil)
	token := authority.Token(m2mtest.TokenSpec{ClientID: alice, Scopes: everyScope})
	opts := &mcp.StreamableHTTPOptions{JSONResponse: true}
	server := func() func(*http.Request) *mcp.Server {
		s := newServer(nil)
		return func(*http.Request) *mcp.Server { return s }
	}
	guard, err := mcpmw.New(v, testPolicy, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		handler http.Handler
	}{
		{"unguarded", mcp.NewStreamableHTTPHandler(server(), opts)},
		{"guarded", guard.Handler(server(), opts)},
	} {
		b.Run(tt.name, func(b *testing.B) {
			session := ""
			post := func(body string) *httptest.ResponseRecorder {
				r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
				r.Host = "127.0.0.1"
				r.Header = http.Header{
					"Accept": {"application/json, text/event-stream"}, "Content-Type": {"application/json"},
					"Authorization": {"Bearer " + token}, "Mcp-Protocol-Version": {"2025-11-25"}, "Mcp-Session-Id": {session},
				}
				if session == "" {
					r.Header.Del("Mcp-Session-Id")
				}
				w := httptest.NewRecorder()
				tt.handler.ServeHTTP(w, r)
				return w
			}
			session = post(initialize).Header().Get("Mcp-Session-Id")
			post(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
			if got := post(callTool("read")); !strings.Contains(got.Body.String(), "read for") {
				b.Fatalf("tools/call = %d %s", got.Code, got.Body)
			}
			b.ReportAllocs()
			for b.Loop() {
				post(callTool("read"))
			}
		})
	}
}
