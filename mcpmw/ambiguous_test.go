package mcpmw_test

import (
	"net/http"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestAmbiguousNamesAreRefused: encoding/json takes a member in any letter case, and the
// SDK only the exact one. The header would then agree with a tool that does not run.
func TestAmbiguousNamesAreRefused(t *testing.T) {
	e := guarded(t, nil, nil)
	token := e.token(alice, everyScope...)
	session := e.open(token)
	for _, tt := range []struct{ method, params, header string }{
		{"tools/call", `{"name":"admin","NAME":"read","arguments":{}}`, "read"},
		{"tools/call", `{"Name":"read","name":"admin","arguments":{}}`, "admin"},
		{"tools/call", `{"Name":"read","arguments":{}}`, "read"},
		{"tools/call", `{"name":"read","name":"admin","arguments":{}}`, "admin"},
		{"tools/call", `{"name":"admin","name":null,"arguments":{}}`, ""},
		{"tools/call", `{"name":"admin","n\u0061me":"read","arguments":{}}`, "read"},
		{"prompts/get", `{"name":"summary","nAme":"x"}`, "x"},
		{"resources/read", `{"uri":"file:///key","URI":"file:///a"}`, "file:///a"},
	} {
		got := e.post(token, session, message(tt.method, tt.params), func(r *http.Request) {
			r.Header.Set("Mcp-Name", tt.header)
		})
		if got.status != 400 || got.code != jsonrpc.CodeInvalidParams {
			t.Errorf("%s %s = %d, error %d %s; want 400, error %d", tt.method, tt.params, got.status, got.code, got.plain, jsonrpc.CodeInvalidParams)
		}
	}
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":"1","method":"ping","method":"tools/call","params":{"name":"admin","arguments":{}}}`,
		`{"jsonrpc":"2.0","id":"1","method":"tools/call","Params":{"name":"read"},"params":{"name":"admin","arguments":{}}}`,
	} {
		if got := e.post(token, session, body); got.status != 400 || got.code != jsonrpc.CodeInvalidRequest {
			t.Errorf("%s = %d, error %d %s; want 400, error %d", body, got.status, got.code, got.plain, jsonrpc.CodeInvalidRequest)
		}
	}
	// The names of others, and those inside arguments, do not matter.
	for _, params := range []string{
		`{"name":"read","uri":5,"URI":5,"arguments":{}}`,
		`{"arguments":{},"name":"read","_meta":{"name":"admin","NAME":"admin"}}`,
	} {
		got := e.post(token, session, message("tools/call", params), func(r *http.Request) { r.Header.Set("Mcp-Name", "read") })
		if want := "read for " + alice; got.ran() != want {
			t.Errorf("tools/call %s = %d %s, want %q", params, got.status, got.plain, want)
		}
	}
}

// TestSessionsOfTwoSubjectsOfOneClient: with an Accept of its own, an issuer may have
// tokens of several subjects for one client.
func TestSessionsOfTwoSubjectsOfOneClient(t *testing.T) {
	authority, v := m2mtest.TrustAs(t, verifier.Issuer{
		Name: "https://authority.example", JWKSURL: "https://authority.example/keys", Audiences: []string{"api"},
		ClientIDClaims: []string{"client_id"}, Accept: func(verifier.Client) error { return nil },
	}, nil, nil)
	server := newServer(nil)
	guard := newGuard(t, v, testPolicy, nil)
	e := serve(t, authority, guard.Handler(func(*http.Request) *mcp.Server { return server }, nil))
	token := func(subject string) string {
		return authority.Token(m2mtest.TokenSpec{ClientID: alice, Scopes: everyScope, Claims: map[string]any{"sub": subject}})
	}
	session := e.open(token("one"))
	if got := e.post(token("two"), session, callTool("admin")); got.status != http.StatusForbidden {
		t.Errorf("another subject: POST = %d %q, want 403", got.status, got.ran())
	}
	if got, want := e.post(token("one"), session, callTool("admin")).ran(), "admin for "+alice; got != want {
		t.Errorf("the owner: admin = %q, want %q", got, want)
	}
}
