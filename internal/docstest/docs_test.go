// Package docstest tests the documents: their Go compiles, the names that they
// mention exist, and their links lead to a file and a heading.
package docstest

import (
	"os"
	"path/filepath"
	"testing"
)

const (
	module = "github.com/m2mauth/m2mauth"
	root   = "../.." // of the module, from here
)

// own maps the names of this module's packages, as the documents write them, to
// their folders.
var own = map[string]string{
	"attack":        "m2mtest/attack",
	"discovery":     "issuers/discovery",
	"dpop":          "dpop",
	"gateway":       "stytch/gateway",
	"gorilla":       "httpmw/gorilla",
	"grpcmw":        "grpcmw",
	"httpmw":        "httpmw",
	"introspection": "introspection",
	"issuers":       "issuers",
	"m2mauthpb":     "grpcmw/protopolicy/m2mauthpb",
	"m2mtest":       "m2mtest",
	"protopolicy":   "grpcmw/protopolicy",
	"revocation":    "revocation",
	"scopes":        "scopes",
	"stytch":        "stytch",
	"tokensource":   "tokensource",
	"telemetry":     "telemetry",
	"tenants":       "stytch/gateway/tenants",
	"verifier":      "verifier",
}

// document is a Markdown file, by its path from the root of the module.
type document struct{ name, text string }

func documents(t *testing.T) []document {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, name := range []string{"README.md", "SECURITY.md", "CONTRIBUTING.md"} {
		files = append(files, filepath.Join(root, name))
	}
	var list []document
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, document{filepath.ToSlash(name), string(text)})
	}
	return list
}
