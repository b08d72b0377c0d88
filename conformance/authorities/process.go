package authorities

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// missing skips the test, or fails it in CI, where everything is to be installed.
func missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatalf("%s: run conformance/authorities/run", what)
	}
	tb.Skipf("%s: run conformance/authorities/run", what)
}

// folder returns the folder of this package's sources.
func folder() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}

// process is a running server that takes commands on its stdin: see control.mjs.
type process struct {
	tb     testing.TB
	stderr *os.File

	mu  sync.Mutex // one command at a time
	in  *json.Encoder
	out *json.Decoder
}

// startNode runs a script of the folder node with config, and decodes into ready
// what it writes once it listens. Its environment has env as well.
func startNode(tb testing.TB, script string, config, ready any, env ...string) *process {
	tb.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(tb, "node is not installed")
	}
	dir := filepath.Join(folder(), "node")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		missing(tb, "the npm packages are not installed")
	}
	cmd := exec.Command(node, script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	return start(tb, cmd, config, ready)
}

func start(tb testing.TB, cmd *exec.Cmd, config, ready any) *process {
	tb.Helper()
	p := &process{tb: tb, stderr: logFile(tb)}
	cmd.Stderr = p.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		stdin.Close() // ends the process
		stop := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
		io.Copy(io.Discard, stdout)
		err := cmd.Wait()
		if !stop.Stop() || err != nil {
			tb.Errorf("%s ended with %v\n%s", cmd, err, text(p.stderr))
		}
	})
	p.in, p.out = json.NewEncoder(stdin), json.NewDecoder(stdout)
	if err := p.in.Encode(config); err != nil {
		tb.Fatalf("%s: %v\n%s", cmd, err, text(p.stderr))
	}
	if err := p.out.Decode(ready); err != nil {
		tb.Fatalf("%s does not start: %v\n%s", cmd, err, text(p.stderr))
	}
	return p
}

// do runs a command of the server and decodes its result.
func (p *process) do(name string, arg, result any) {
	p.tb.Helper()
	if err := p.try(name, arg, result); err != nil {
		p.tb.Fatalf("%s: %v\n%s", name, err, text(p.stderr))
	}
}

func (p *process) try(name string, arg, result any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.in.Encode(map[string]any{"do": name, "arg": arg}); err != nil {
		return err
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  string          `json:"error"`
	}
	if err := p.out.Decode(&answer); err != nil {
		return err
	}
	if answer.Error != "" {
		return fmt.Errorf("the server says: %s", answer.Error)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}

// logFile returns a file for what a server reports, which text reads.
func logFile(tb testing.TB) *os.File {
	tb.Helper()
	f, err := os.Create(filepath.Join(tb.TempDir(), "log"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	return f
}

func text(f *os.File) string {
	content, err := os.ReadFile(f.Name())
	if err != nil {
		return err.Error()
	}
	return string(content)
}
