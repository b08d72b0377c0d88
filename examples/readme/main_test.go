package main

import (
	"os"
	"strings"
	"testing"
)

// TestReadme checks that the README shows the program's main function unchanged.
func TestReadme(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(program), "func main() {\n")
	body, _, found := strings.Cut(rest, "\n}\n")
	if !found || !strings.Contains(string(readme), "```go\nfunc main() {\n"+body+"\n}\n```") {
		t.Error("README.md does not show main of main.go as it is")
	}
}
