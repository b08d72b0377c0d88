package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestTypeScript calls the server with agents of MCP's TypeScript SDK. It is skipped
// unless typescript/run has installed the SDK.
func TestTypeScript(t *testing.T) {
	if _, err := os.Stat("typescript/node_modules/@modelcontextprotocol/sdk"); err != nil {
		if os.Getenv("MCP_TYPESCRIPT") == "required" {
			t.Fatal(err)
		}
		t.Skip("the SDK is not installed: run typescript/run")
	}
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(t.Context(), "127.0.0.1:0", false, write) }()
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "agent.mjs")
	cmd.Dir = "typescript"
	cmd.Env = append(os.Environ(), "MCP_SERVER="+line)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "ok ") != 5 {
		t.Errorf("node agent.mjs = %v, want five times ok\n%s", err, out)
	}
}
