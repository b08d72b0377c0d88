package docstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// other maps the names of further packages that compiled blocks may use.
var other = map[string]string{
	"codes":   "google.golang.org/grpc/codes",
	"context": "context",
	"errors":  "errors",
	"fmt":     "fmt",
	"grpc":    "google.golang.org/grpc",
	"http":    "net/http",
	"iter":    "iter",
	"log":     "log",
	"mux":     "github.com/gorilla/mux",
	"net":     "net",
	"oauth2":  "golang.org/x/oauth2",
	"os":      "os",
	"signal":  "os/signal",
	"slog":    "log/slog",
	"sql":     "database/sql",
	"status":  "google.golang.org/grpc/status",
	"strings": "strings",
	"sync":    "sync",
	"syscall": "syscall",
	"time":    "time",
	"url":     "net/url",
}

// foreign lists packages that this module does not require. Blocks that use one
// are not compiled here; each document names the version they were tried with.
var foreign = []string{"adaptor", "auth", "connect", "cors", "fiber", "gin", "graphqlgo", "jwks", "jwtmiddleware", "m2m", "mcp", "oidc", "runtime", "stytchapi", "validator"}

// block is one ```go block, and the line at which it begins.
type block struct {
	code string
	line int
}

var fence = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

func blocks(text string) (list []block) {
	for _, at := range fence.FindAllStringSubmatchIndex(text, -1) {
		list = append(list, block{text[at[2]:at[3]], strings.Count(text[:at[2]], "\n") + 1})
	}
	return list
}

// TestCode compiles every block of declarations, each as a package of its own.
// The imports are those of the names that it uses.
func TestCode(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the compiler")
	}
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	dir := t.TempDir()
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	const folder = "internal/docstest/block" // which need not exist
	var packages []string
	for _, d := range documents(t) {
		if path.Dir(d.name) != "docs" {
			continue // the program in README.md is examples/readme
		}
		for _, b := range blocks(d.text) {
			where := fmt.Sprintf("%s:%d", d.name, b.line)
			if usesForeign(b.code) || strings.HasPrefix(b.code, "package main\n") && d.name == "docs/gin.md" {
				continue // examples/frameworks runs the programs of docs/gin.md
			}
			source, err := wrap(b.code)
			if err != nil {
				t.Errorf("%s: %v", where, err)
				continue
			}
			name := fmt.Sprintf("%s_line%d", strings.TrimSuffix(path.Base(d.name), ".md"), b.line)
			file := filepath.Join(dir, name+".go")
			if err := os.WriteFile(file, source, 0o600); err != nil {
				t.Fatal(err)
			}
			overlay.Replace[filepath.Join(root, folder, name, "block.go")] = file
			packages = append(packages, "./"+folder+"/"+name)
		}
	}
	if len(packages) < 10 {
		t.Fatalf("%d blocks to compile, want at least 10: were they found?", len(packages))
	}
	text, err := json.Marshal(overlay) // as "go help build" describes it
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", append([]string{"build", "-overlay", list}, packages...)...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("go build of %d blocks: %v\n%s", len(packages), err, out)
	}
}

var selector = regexp.MustCompile(`\b([a-z][a-z0-9]*)\.[A-Z]`)

func usesForeign(code string) bool {
	return slices.ContainsFunc(selector.FindAllStringSubmatch(code, -1), func(m []string) bool {
		return slices.Contains(foreign, m[1])
	})
}

// wrap makes a file of a block, with the imports of the packages it uses.
func wrap(code string) ([]byte, error) {
	imports := make(map[string]bool)
	for _, m := range selector.FindAllStringSubmatch(code, -1) {
		if folder, ok := own[m[1]]; ok {
			imports[module+"/"+folder] = true
		} else if name, ok := other[m[1]]; ok {
			imports[name] = true
		}
	}
	var b strings.Builder
	b.WriteString("package block\n\nimport (\n")
	for name := range imports {
		fmt.Fprintf(&b, "\t%q\n", name)
	}
	b.WriteString(")\n\n" + code)
	file, err := parser.ParseFile(token.NewFileSet(), "", b.String(), parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("the block is not a list of declarations: %w", err)
	}
	if len(file.Decls) < 2 {
		return nil, errors.New("the block declares nothing")
	}
	if formatted, err := format.Source([]byte(code)); err != nil || string(formatted) != code {
		return nil, errors.New("the block is not formatted: run gofmt")
	}
	return []byte(b.String()), nil
}
