package mcpmw_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestStreamsEndWithTheToken: the standalone stream of a session, and a subscription of
// protocol version 2026-07-28, end when the token is cut off.
func TestStreamsEndWithTheToken(t *testing.T) {
	listen := `{"jsonrpc":"2.0","id":"1","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},` +
		`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},` +
		`"io.modelcontextprotocol/clientCapabilities":{}}}}`
	for _, tt := range []struct {
		name string
		opts *mcp.StreamableHTTPOptions
		open func(e *endpoint, token string) *http.Response
	}{
		{"GET", nil, func(e *endpoint, token string) *http.Response {
			return e.request(http.MethodGet, token, e.open(token), "")
		}},
		{"subscriptions/listen", &mcp.StreamableHTTPOptions{Stateless: true}, func(e *endpoint, token string) *http.Response {
			return e.request(http.MethodPost, token, "", listen, func(r *http.Request) {
				r.Header.Set("Mcp-Protocol-Version", "2026-07-28")
				r.Header.Set("Mcp-Method", "subscriptions/listen")
			})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list, err := revocation.New(revocation.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer list.Close()
			authority, v := m2mtest.Trust(t, &verifier.Config{Revocations: list})
			server := newServer(nil)
			guard := newGuard(t, v, mcpmw.Policy{"method/subscriptions/listen": scopes.All("watch")}, nil)
			e := serve(t, authority, guard.Handler(func(*http.Request) *mcp.Server { return server }, tt.opts))
			response := tt.open(e, e.token(alice, "watch"))
			body := bufio.NewReader(response.Body)
			if line, err := body.ReadString('\n'); response.StatusCode != 200 || err != nil {
				t.Fatalf("stream = %d %q %v, want its first line", response.StatusCode, line, err)
			}
			if err := list.Add(revocation.Cutoff{Issuer: authority.Issuer().Name, Select: revocation.Client(alice), IssuedUpTo: time.Now()}); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, body)
				ended <- err
			}()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("the stream ended with %v, want its regular end", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("the stream goes on after the cut-off")
			}
		})
	}
}

// TestSubscriptionsNeedTheirRequirement: that of the method, and that of each resource.
func TestSubscriptionsNeedTheirRequirement(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	server := newServer(&mcp.ServerOptions{
		SubscribeHandler:   func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
	})
	guard := newGuard(t, v, mcpmw.Policy{
		"method/subscriptions/listen": scopes.All("watch"),
		"resource/file:///key":        scopes.All("files:admin"),
	}, nil)
	e := serve(t, authority, guard.Handler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true}))
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},` +
		`"io.modelcontextprotocol/clientCapabilities":{}}`
	for _, tt := range []struct{ name, want, token string }{
		{"without the method's scope", `{"toolsListChanged":true}`, e.token(alice)},
		{"without the resource's scope", `{"resourceSubscriptions":["file:///key"]}`, e.token(alice, "watch")},
		{"a resource that is not named", `{"resourceSubscriptions":["file:///a"]}`, e.token(alice, "watch", "files:admin")},
	} {
		got := e.post(tt.token, "", message("subscriptions/listen", `{"notifications":`+tt.want+`,`+meta+`}`), func(r *http.Request) {
			r.Header.Set("Mcp-Protocol-Version", "2026-07-28")
			r.Header.Set("Mcp-Method", "subscriptions/listen")
		})
		if got.code != 403 {
			t.Errorf("%s = %d, error %d %s; want error 403", tt.name, got.status, got.code, got.plain)
		}
	}
}
