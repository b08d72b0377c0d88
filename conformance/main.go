// Command conformance runs public test vectors against m2mauth's key loading and
// signature verification, and prints a table of the results:
//
//	go run .      prints the table
//	go run . -w   writes it into README.md
//
// It is a module of its own, so that m2mauth requires neither the vectors nor the
// libraries that package differential compares with.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
)

//go:generate go run . -w

func main() {
	write := flag.Bool("w", false, "write the table into README.md")
	flag.Parse()
	if err := run(*write); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(write bool) error {
	var errs []error
	var results []result
	for _, s := range suites {
		r, err := s.run()
		errs = append(errs, err)
		results = append(results, r)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	text := render(results)
	if !write {
		fmt.Print(text)
		return nil
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	updated, err := insert(readme, text)
	if err != nil {
		return err
	}
	return os.WriteFile("README.md", updated, 0o644)
}

const begin, end = "<!-- table: go generate -->\n", "<!-- end of table -->\n"

// insert replaces the text between the marks in readme.
func insert(readme []byte, text string) ([]byte, error) {
	before, rest, found := bytes.Cut(readme, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !found || !closed {
		return nil, fmt.Errorf("README.md: no %q and %q", begin, end)
	}
	return bytes.Join([][]byte{before, []byte(begin + text + end), after}, nil), nil
}

// render returns the results as Markdown.
func render(results []result) string {
	var b strings.Builder
	b.WriteString("\n| vectors | put to | cases | agreed | refused by design | divergences |\n|---|---|--:|--:|--:|--:|\n")
	var sum result
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d |\n",
			strings.TrimSuffix(r.suite.file, "_test.json"), r.suite.title(), r.cases, r.agreed, r.byDesign, len(r.diverged))
		sum.cases += r.cases
		sum.agreed += r.agreed
		sum.byDesign += r.byDesign
		sum.diverged = append(sum.diverged, r.diverged...)
	}
	fmt.Fprintf(&b, "| **all** | | **%d** | **%d** | **%d** | **%d** |\n", sum.cases, sum.agreed, sum.byDesign, len(sum.diverged))

	b.WriteString("\nThe divergences, all of them refusals:\n\n")
	for _, r := range results {
		for _, id := range r.diverged {
			fmt.Fprintf(&b, "- %s, tc%d: %s\n", strings.TrimSuffix(r.suite.file, "_test.json"), id, r.suite.known[id])
		}
	}
	b.WriteString("\nRefused by design, whatever the vector says:\n\n")
	for _, r := range results {
		for _, d := range r.designs() {
			fmt.Fprintf(&b, "- %s: %s\n", strings.TrimSuffix(r.suite.file, "_test.json"), d)
		}
	}
	b.WriteString("\n")
	return b.String()
}
