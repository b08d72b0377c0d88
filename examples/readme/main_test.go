package main

import (
	"os"
	"strings"
	"testing"
)

// TestReadme checks that the README shows the main functions of both programs
// unchanged.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"main.go", "client/main.go"} {
		program, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(program), "func main() {\n")
		body, _, found := strings.Cut(rest, "\n}\n")
		if !found || !strings.Contains(string(readme), "```go\nfunc main() {\n"+body+"\n}\n```") {
			t.Errorf("README.md does not show main of %s as it is", name)
		}
	}
}
