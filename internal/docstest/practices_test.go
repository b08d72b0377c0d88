package docstest

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	namedTests = regexp.MustCompile("`([a-z][a-z/]*)`((?:,? `Test[A-Za-z0-9]+`)+)")
	namedTest  = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	namedRow   = regexp.MustCompile("`(\"[^`]+)\"`")
)

// TestPractices: every row about the JWT best practices in docs/token-rules.md names a
// test or a row of the table of decisions, and each of them exists.
func TestPractices(t *testing.T) {
	sections := asserted(t, "The JWT best practices", "| 3.")
	for n := range 15 {
		if id := "3." + strconv.Itoa(n+1); !sections[id] {
			t.Errorf("docs/token-rules.md has no row for section %s of the best practices", id)
		}
	}
}

// TestProofRequirements: the same for the requirements of RFC 9449. Each check of its
// §4.3 has a row.
func TestProofRequirements(t *testing.T) {
	sections := asserted(t, "DPoP, requirement by requirement", "| ")
	for n := range 12 {
		if id := "4.3, " + strconv.Itoa(n+1); !sections[id] {
			t.Errorf("docs/token-rules.md has no row for %s of RFC 9449", id)
		}
	}
	for _, id := range []string{"6", "7", "7.1", "7.2", "8, 9", "11.1", "11.5", "11.6"} {
		if !sections[id] {
			t.Errorf("docs/token-rules.md has no row for section %s of RFC 9449", id)
		}
	}
}

// asserted reads the table under a heading of docs/token-rules.md, and returns the first
// cells of its rows. It reports a row whose last cell names no test or row of the table
// of decisions, or one that does not exist.
func asserted(t *testing.T, heading, rows string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "token-rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "## "+heading+"\n")
	section, _, ended := strings.Cut(section, "\n## ")
	if !found || !ended {
		t.Fatalf("docs/token-rules.md has no section %q, with another after it", heading)
	}
	tables := code(t, "internal/doortest", "*.go") + code(t, "internal/hostile", "*.go")
	first := make(map[string]bool)
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, rows) || strings.HasPrefix(line, "| § |") {
			continue
		}
		cells := strings.Split(strings.TrimSpace(line), " | ")
		where := "the row " + cells[0] + " | " + cells[1]
		if len(cells) != 4 {
			t.Errorf("%s has %d cells, want 4", where, len(cells))
			continue
		}
		first[strings.TrimPrefix(cells[0], "| ")] = true
		names := 0
		for _, m := range namedTests.FindAllStringSubmatch(cells[3], -1) {
			tests := code(t, m[1], "*_test.go")
			for _, name := range namedTest.FindAllStringSubmatch(m[2], -1) {
				if names++; !strings.Contains(tests, "\nfunc "+name[1]+"(t *testing.T)") {
					t.Errorf("%s names %s in %s, which does not exist", where, name[1], m[1])
				}
			}
		}
		for _, m := range namedRow.FindAllStringSubmatch(cells[3], -1) {
			if names++; !strings.Contains(tables, m[1]+`"`) {
				t.Errorf("%s names a row %s\", which does not exist", where, m[1])
			}
		}
		if want := strings.Count(cells[3], "`Test") + strings.Count(cells[3], "`\""); names == 0 || names != want {
			t.Errorf("%s: read %d of %d tests and rows, want all, and one at least", where, names, want)
		}
	}
	return first
}

// code returns the text of the files in a folder.
func code(t *testing.T, folder, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), pattern))
	if err != nil || len(files) == 0 {
		t.Errorf("no %s in %s: %v", pattern, folder, err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
