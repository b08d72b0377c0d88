//go:build unix

package frameworks

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestGinPage does what docs/gin.md says, from an empty folder and in its order: it
// writes the files, runs the commands, and looks for the output that is shown. The
// module comes from a proxy in files, the rest from the cache of modules.
func TestGinPage(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles several programs")
	}
	for _, program := range []string{"bash", "curl", "git"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	text, err := os.ReadFile("../../docs/gin.md")
	if err != nil {
		t.Fatal(err)
	}
	p := newPage(t)
	steps := p.steps(string(text))
	if len(steps) < 10 {
		t.Fatalf("%d blocks of docs/gin.md, want 10 at least: were they found?", len(steps))
	}
	p.run(t, steps)

	// The page says how to see the test fail.
	main := filepath.Join(p.dir, "orders", "main.go")
	program, err := os.ReadFile(main)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^\tr\.Use\(.*\n`).Find(program)
	if line == nil {
		t.Fatal("main.go has no line with r.Use")
	}
	moved := bytes.Replace(program, line, nil, 1)
	moved = bytes.Replace(moved, []byte("\treturn r\n"), append(line, "\treturn r\n"...), 1)
	if err := os.WriteFile(main, moved, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := p.command(t.Context(), "cd orders && go test .").CombinedOutput(); err == nil || !strings.Contains(string(out), "ACCEPTED: ") {
		t.Errorf("go test, with r.Use below the routes: %v, want attacks that are accepted\n%s", err, out)
	}
}

// page is the place where the commands of a page run.
type page struct {
	dir   string
	env   []string
	ports *strings.Replacer // those of the page by free ones
	wait  []string          // the free ones
}

func newPage(t *testing.T) *page {
	p := &page{dir: t.TempDir()}
	proxy := publishModules(t, filepath.Join(p.dir, "proxy"))
	asked := func(name string) string {
		out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	p.env = append(os.Environ(),
		"HOME="+p.dir, "GOPATH="+filepath.Join(p.dir, "go"), "GOMODCACHE="+filepath.Join(p.dir, "go/pkg/mod"), "GOBIN=", "GOWORK=off",
		"GOCACHE="+asked("GOCACHE"), "GOFLAGS=-modcacherw -trimpath", // the cache serves the next run, too
		"GONOSUMDB="+ourModule, "GOPROXY=file://"+proxy+",file://"+asked("GOMODCACHE")+"/cache/download,"+asked("GOPROXY"))
	var ports []string
	for _, of := range []string{"8484", "8080"} {
		free := freePort(t)
		ports, p.wait = append(ports, ":"+of, ":"+free), append(p.wait, free)
	}
	p.ports = strings.NewReplacer(append(ports, "m2mauth authority ", "m2mauth authority -addr 127.0.0.1:"+p.wait[0]+" ")...)
	return p
}

// freePort returns a port that no other program is given before it is used, minutes
// later: systems give those from 32768 on.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(10000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// step is a block of the page: a file, or commands with the output that follows them.
type step struct{ file, text, output string }

var (
	fenced   = regexp.MustCompile("(?ms)^```(go|json|sh|text)\n(.*?)^```$")
	fileName = regexp.MustCompile("`([a-z_]+\\.(?:go|json))`:\n\n$")
)

func (p *page) steps(text string) (list []step) {
	last := ""
	for _, at := range fenced.FindAllStringSubmatchIndex(text, -1) {
		kind, body := text[at[2]:at[3]], text[at[4]:at[5]]
		name := fileName.FindStringSubmatch(text[:at[0]])
		switch {
		case name != nil:
			list = append(list, step{file: name[1], text: p.ports.Replace(body)})
		case kind == "sh":
			list = append(list, step{text: p.ports.Replace(body)})
		case kind == "text" && last == "sh":
			list[len(list)-1].output = body
		}
		last = kind
	}
	return list
}

// run runs the steps in one shell, as a reader does.
func (p *page) run(t *testing.T, steps []step) {
	var script strings.Builder
	script.WriteString("set -eo pipefail\n")
	for i, s := range steps {
		if s.file != "" {
			fmt.Fprintf(&script, "cat >%s <<'END-OF-FILE'\n%sEND-OF-FILE\n", s.file, s.text)
			continue
		}
		fmt.Fprintf(&script, "echo step %d, after $SECONDS s >&2\n{\n%s} >%s/output%d 2>&1\n", i, s.text, p.dir, i)
		if strings.Contains(s.text, "go run . &") { // the reader waits, too
			for _, port := range p.wait {
				fmt.Fprintf(&script, "until curl -s -o %s http://127.0.0.1:%s/; do sleep 0.1; done\n", os.DevNull, port)
			}
		}
	}
	script.WriteString("go build -o /dev/null .\n") // with the last issuer.go
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	began := time.Now()
	out, err := p.command(ctx, script.String()).CombinedOutput()
	t.Logf("the page took %v\n%s", time.Since(began).Round(time.Second), out)
	for i, s := range steps {
		printed, _ := os.ReadFile(filepath.Join(p.dir, fmt.Sprint("output", i)))
		if s.file == "" && (err != nil || !follow(string(printed), s.output)) {
			t.Errorf("step %d:\n%s\nprinted\n%s\nwant, in this order,\n%s", i, s.text, printed, s.output)
		}
	}
	if err != nil {
		t.Fatalf("the shell: %v\n%s", err, out)
	}
}

// follow reports whether each line of want is a line of printed, in the same order.
func follow(printed, want string) bool {
	lines := strings.Split(strings.ReplaceAll(printed, "\r", ""), "\n")
	for line := range strings.Lines(want) {
		for len(lines) > 0 && lines[0] != strings.TrimSuffix(line, "\n") {
			lines = lines[1:]
		}
		if len(lines) == 0 {
			return false
		}
		lines = lines[1:]
	}
	return true
}

// TestFollow: a page whose output is missing, or in another order, is wrong.
func TestFollow(t *testing.T) {
	for _, tt := range []struct {
		printed, want string
		follows       bool
	}{
		{"a\r\nx\nb\n", "a\nb\n", true},
		{"a\n", "", true},
		{"b\na\n", "a\nb\n", false},
		{"a\n", "a\na\n", false},
		{"ab\n", "a\n", false},
	} {
		if got := follow(tt.printed, tt.want); got != tt.follows {
			t.Errorf("follow(%q, %q) = %t, want %t", tt.printed, tt.want, got, tt.follows)
		}
	}
}

// command runs a script, and ends all that it has started.
func (p *page) command(ctx context.Context, script string) *exec.Cmd {
	// The shell is the leader of a group, and ends the group, but not itself.
	const end = `trap 'trap "" TERM; kill -- -$$' EXIT`
	cmd := exec.CommandContext(ctx, "bash", "-c", end+"\n"+script)
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}
