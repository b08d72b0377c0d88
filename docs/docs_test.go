// Package docs_test keeps the documents true: their Go compiles, the names that
// they mention exist, and their links lead somewhere.
package docs_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/doc"
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

const module = "github.com/m2mauth/m2mauth"

// own maps the names of this module's packages, as the documents write them, to
// their folders.
var own = map[string]string{
	"attack":      "m2mtest/attack",
	"discovery":   "issuers/discovery",
	"gateway":     "stytch/gateway",
	"gorilla":     "httpmw/gorilla",
	"grpcmw":      "grpcmw",
	"httpmw":      "httpmw",
	"issuers":     "issuers",
	"m2mauthpb":   "grpcmw/protopolicy/m2mauthpb",
	"m2mtest":     "m2mtest",
	"protopolicy": "grpcmw/protopolicy",
	"scopes":      "scopes",
	"stytch":      "stytch",
	"verifier":    "verifier",
}

// other maps the names of further packages that compiled blocks may use.
var other = map[string]string{
	"codes":   "google.golang.org/grpc/codes",
	"context": "context",
	"errors":  "errors",
	"fmt":     "fmt",
	"grpc":    "google.golang.org/grpc",
	"http":    "net/http",
	"log":     "log",
	"mux":     "github.com/gorilla/mux",
	"net":     "net",
	"oauth2":  "golang.org/x/oauth2",
	"os":      "os",
	"signal":  "os/signal",
	"slog":    "log/slog",
	"status":  "google.golang.org/grpc/status",
	"strings": "strings",
	"sync":    "sync",
	"syscall": "syscall",
	"time":    "time",
	"url":     "net/url",
}

// foreign lists packages that this module does not require. Blocks that use one
// are not compiled here; each document names the version they were tried with.
var foreign = []string{"adaptor", "auth", "cors", "fiber", "gin", "jwks", "jwtmiddleware", "m2m", "mcp", "oidc", "stytchapi", "validator"}

// document is a Markdown file, by its path from the root of the module.
type document struct{ name, text string }

func documents(t *testing.T) []document {
	t.Helper()
	names, err := filepath.Glob("*.md")
	if err != nil || len(names) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	var list []document
	for _, name := range append(names, "../README.md", "../SECURITY.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, document{path.Join("docs", filepath.ToSlash(name)), string(text)})
	}
	return list
}

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
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	var packages []string
	for _, d := range documents(t) {
		if path.Dir(d.name) != "docs" {
			continue // the program in README.md is examples/readme
		}
		for _, b := range blocks(d.text) {
			where := fmt.Sprintf("%s:%d", d.name, b.line)
			if usesForeign(b.code) {
				continue
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
			overlay.Replace[filepath.Join(root, "docs", "internal", name, "block.go")] = file
			packages = append(packages, "./docs/internal/"+name)
		}
	}
	if len(packages) < 10 {
		t.Fatalf("%d blocks to compile, want at least 10: were they found?", len(packages))
	}
	text, err := json.Marshal(overlay)
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
	if _, err := format.Source([]byte(code)); err != nil || len(file.Decls) < 2 {
		return nil, fmt.Errorf("the block declares nothing: %w", err)
	}
	return []byte(b.String()), nil
}

var mention = regexp.MustCompile(`\b([a-z][a-z0-9]*)\.([A-Z][A-Za-z0-9]*)(?:\.([A-Z][A-Za-z0-9]*))?`)

// TestNames looks up every name like verifier.Issuer or verifier.Config.Check.
func TestNames(t *testing.T) {
	known := make(map[string]map[string]bool)
	for name, folder := range own {
		known[name] = exported(t, filepath.Join("..", filepath.FromSlash(folder)))
	}
	for _, d := range documents(t) {
		for _, m := range mention.FindAllStringSubmatch(d.text, -1) {
			names, ours := known[m[1]]
			if !ours {
				continue
			}
			if !names[m[2]] {
				t.Errorf("%s: %s.%s does not exist", d.name, m[1], m[2])
			} else if m[3] != "" && !names[m[2]+"."+m[3]] {
				t.Errorf("%s: %s.%s.%s does not exist", d.name, m[1], m[2], m[3])
			}
		}
	}
}

// exported lists a package's names: "Issuer", "Issuer.Accept", "Client.Claims".
func exported(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var parsed []*ast.File
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	names := make(map[string]bool)
	p, err := doc.NewFromFiles(fset, parsed, module)
	if err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	values := func(list []*doc.Value) {
		for _, v := range list {
			for _, name := range v.Names {
				names[name] = true
			}
		}
	}
	values(p.Consts)
	values(p.Vars)
	for _, f := range p.Funcs {
		names[f.Name] = true
	}
	for _, typ := range p.Types {
		names[typ.Name] = true
		values(typ.Consts)
		values(typ.Vars)
		for _, f := range typ.Funcs {
			names[f.Name] = true
		}
		for _, f := range typ.Methods {
			names[typ.Name+"."+f.Name] = true
		}
		for _, spec := range typ.Decl.Specs {
			if s, ok := spec.(*ast.TypeSpec).Type.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					for _, name := range field.Names {
						names[typ.Name+"."+name.Name] = true
					}
				}
			}
		}
	}
	return names
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks follows every link to a file, and to a heading of it.
func TestLinks(t *testing.T) {
	for _, d := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(d.text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := filepath.Join("..", filepath.FromSlash(path.Join(path.Dir(d.name), target)))
			if target == "" {
				file = filepath.Join("..", filepath.FromSlash(d.name))
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: the link %q leads nowhere", d.name, m[1])
				continue
			}
			if anchor == "" {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil || !slices.Contains(anchors(string(text)), anchor) {
				t.Errorf("%s: the link %q names no heading", d.name, m[1])
			}
		}
	}
}

var (
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
)

// anchors returns the names of a document's headings, as GitHub makes them.
func anchors(text string) (list []string) {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		list = append(list, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return list
}
