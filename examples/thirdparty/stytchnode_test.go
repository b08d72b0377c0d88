package thirdparty

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestStytchNode calls the local authority with Stytch's own Node SDK. It is skipped
// unless stytchnode/run has installed the SDK.
func TestStytchNode(t *testing.T) {
	needSDK(t)
	for _, project := range []string{"project-test-", "project-live-"} {
		a := m2mtest.NewAuthority(&m2mtest.Options{ProjectID: project + "00000000-0000-4000-8000-000000000000"})
		node(t, "calls.mjs", []string{"STYTCH_URL=" + a.URL(), "STYTCH_PROJECT_ID=" + a.ProjectID(), "STYTCH_SECRET=" + a.Secret()})
		a.Close()
	}
}

// TestStytchNodeProcess does the same with "m2mauth authority" in a process of its own,
// and changes it while it runs: over http, and over https with a custom domain.
func TestStytchNodeProcess(t *testing.T) {
	needSDK(t)
	command := filepath.Join(t.TempDir(), "m2mauth")
	if runtime.GOOS == "windows" {
		command += ".exe"
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", command, ".")
	build.Dir = filepath.Join("..", "..", "cmd", "m2mauth")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	common := []string{"-memory", "-control", "127.0.0.1:0", "-clients", "../authority/clients.json", "-claims", "../authority/claims.json"}
	port := freePort(t)
	for name, more := range map[string][]string{
		"http":  {"-addr", "127.0.0.1:0"},
		"https": {"-addr", "127.0.0.1:" + port, "-tls-ca", filepath.Join(t.TempDir(), "ca.pem"), "-custom-domain", "https://127.0.0.1:" + port},
	} {
		t.Run(name, func(t *testing.T) {
			env := startAuthority(t, command, append(common, more...))
			node(t, "calls.mjs", env)
			node(t, "control.mjs", env)
		})
	}
}

func needSDK(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("stytchnode/node_modules/stytch"); err != nil {
		if os.Getenv("STYTCH_NODE") == "required" {
			t.Fatal(err)
		}
		t.Skip("the SDK is not installed: run stytchnode/run")
	}
}

// node runs a script of stytchnode, which prints ok for a consumer and for a B2B project.
func node(t *testing.T, script string, env []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", script)
	cmd.Dir = "stytchnode"
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "ok ") != 2 {
		t.Errorf("node %s = %v, want two times ok\n%s", script, err, out)
	}
}

// startAuthority starts the command, and returns the environment that it prints.
func startAuthority(t *testing.T, command string, args []string) (env []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command, append([]string{"authority"}, args...)...)
	cmd.Env = append(os.Environ(), "STYTCH_PROJECT_ID=", "STYTCH_SECRET=")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Register") {
		if export, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "export "); ok {
			env = append(env, export)
		}
	}
	if len(env) < 4 {
		t.Fatalf("m2mauth authority %q printed %q, want at least four variables", args, env)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return env
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
