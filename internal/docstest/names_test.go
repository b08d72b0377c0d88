package docstest

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var mention = regexp.MustCompile(`\b([a-z][a-z0-9]*)\.([A-Z][A-Za-z0-9]*)(?:\.([A-Z][A-Za-z0-9]*))?`)

// TestNames looks up every name like verifier.Issuer or verifier.Config.Check.
func TestNames(t *testing.T) {
	known := make(map[string]map[string]bool)
	for name, folder := range own {
		known[name] = exported(t, filepath.Join(root, filepath.FromSlash(folder)))
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

// TestReasons looks for each Reason in docs/troubleshooting.md.
func TestReasons(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	reasons := 0
	for _, file := range sources(t, token.NewFileSet(), filepath.Join(root, "verifier")) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			kind, isNamed := spec.Type.(*ast.Ident)
			value, isText := spec.Values[0].(*ast.BasicLit)
			if isNamed && isText && kind.Name == "Reason" {
				reasons++
				if !strings.Contains(string(text), "`"+strings.Trim(value.Value, `"`)+"`") {
					t.Errorf("docs/troubleshooting.md has no row for verifier.%s, %s: add its cause and its fix", spec.Names[0], value.Value)
				}
			}
			return true
		})
	}
	if reasons < 30 {
		t.Errorf("found %d Reasons in package verifier, want at least 30", reasons)
	}
}

// sources parses the files of a package, the tests aside.
func sources(t *testing.T, fset *token.FileSet, folder string) (parsed []*ast.File) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
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
	return parsed
}

// exported lists a package's names: "Issuer", "Issuer.Accept", "Client.Claims".
func exported(t *testing.T, folder string) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	fset := token.NewFileSet()
	p, err := doc.NewFromFiles(fset, sources(t, fset, folder), module)
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
