package mcpmw_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestClientsAtOnce: many clients call in sessions of their own and, with a narrower
// token, in the same session. Each call finds its own client.
func TestClientsAtOnce(t *testing.T) {
	e := guarded(t, nil, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		id := fmt.Sprintf("m2m-client-test-00000000-0000-4000-8000-0000000000%02d", i)
		wide, narrow := e.token(id, everyScope...), e.token(id, "files:read")
		session := e.open(wide)
		for range 2 {
			wg.Go(func() {
				for n := range 20 {
					call := strings.Replace(callTool("admin"), `"id":"1"`, fmt.Sprintf(`"id":"%p%d"`, &n, n), 1)
					if got, want := e.post(wide, session, call).ran(), "admin for "+id; got != want {
						t.Errorf("admin = %q, want %q", got, want)
					}
					if got := e.post(narrow, session, call); got.status != http.StatusForbidden {
						t.Errorf("admin with a narrower token = %d, want 403", got.status)
					}
				}
			})
		}
	}
	wg.Wait()
}

// TestServersPerRequest: getServer may make a server for each session. Each is protected.
func TestServersPerRequest(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	guard := newGuard(t, v, testPolicy, nil)
	e := serve(t, authority, guard.Handler(func(*http.Request) *mcp.Server { return newServer(nil) }, nil))
	token := e.token(alice, "files:read")
	session := e.open(token)
	if got, want := e.post(token, session, callTool("read")).ran(), "read for "+alice; got != want {
		t.Errorf("read = %q, want %q", got, want)
	}
	got := e.post(token, session, message("logging/setLevel", `{"level":"debug"}`)) // past the early look
	if got.code != 403 {
		t.Errorf("logging/setLevel = %d, error %d, want error 403 of the middleware", got.status, got.code)
	}
}

// TestNoServer: the SDK's answer to a getServer that returns nil.
func TestNoServer(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	e := serve(t, authority, newGuard(t, v, testPolicy, nil).Handler(func(*http.Request) *mcp.Server { return nil }, nil))
	if got := e.post(e.token(alice), "", initialize); got.status != http.StatusBadRequest {
		t.Errorf("initialize = %d, want 400", got.status)
	}
}

// TestMetadata: the scopes are those of the policy (RFC 9728 §2).
func TestMetadata(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	guard := newGuard(t, v, mcpmw.Policy{"tool/a": scopes.Any("x", "y"), "method/acme/search": scopes.All("z")},
		&mcpmw.Options{HTTP: httpmw.Options{Resource: "https://api.example.com/mcp"}})
	meta, err := guard.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := meta.Pattern(), "GET /.well-known/oauth-protected-resource/mcp"; got != want {
		t.Errorf("Pattern() = %q, want %q", got, want)
	}
	e := serve(t, authority, meta)
	response := e.request(http.MethodGet, "", "", "")
	body := make([]byte, 1000)
	n, _ := response.Body.Read(body)
	const want = `{"resource":"https://api.example.com/mcp","scopes_supported":["x","y","z"],"bearer_methods_supported":["header"]}`
	if got := string(body[:n]); got != want {
		t.Errorf("metadata = %s, want %s", got, want)
	}
	if _, err := newGuard(t, v, testPolicy, nil).Metadata(); err == nil || !strings.Contains(err.Error(), "Options.Resource is empty") {
		t.Errorf("Metadata without a Resource = %v", err)
	}
}
