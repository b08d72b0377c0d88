package hints

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/verifier"
)

// TestEveryReasonHasAHint reads the Reasons of package verifier from its source.
func TestEveryReasonHasAHint(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../verifier/reasons.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []verifier.Reason
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		kind, _ := spec.Type.(*ast.Ident)
		value, isText := spec.Values[0].(*ast.BasicLit)
		if kind == nil || kind.Name != "Reason" || !isText {
			return true
		}
		text, _ := strconv.Unquote(value.Value)
		declared = append(declared, verifier.Reason(text))
		return true
	})
	slices.Sort(declared)
	if got := Reasons(); !slices.Equal(got, declared) {
		t.Errorf("Reasons() = %v, want %v", got, declared)
	}
	for _, r := range declared {
		if hint := Usual(r); strings.HasSuffix(hint, ".") || strings.ContainsAny(hint, "\n…") {
			t.Errorf("Usual(%s) = %q, want one sentence without a period", r, hint)
		}
	}
	if hint := Usual("of_my_own"); hint != "" {
		t.Errorf("Usual(of_my_own) = %q, want none", hint)
	}
}

func TestNear(t *testing.T) {
	for _, test := range []struct {
		name, got, configured string
		want                  string // a part of the hint; "" for none
	}{
		{"the token's has a slash", "https://a/", "https://a", "the token's issuer ends with a slash"},
		{"the configured one has a slash", "https://a", "https://a/", "the configured issuer ends with a slash"},
		{"case", "https://A", "https://a", "upper and lower case"},
		{"http", "https://a", "http://a", "http, https"},
		{"a SaaS's token endpoint in front of Stytch", "stytch.com/project-live-1", "https://login.example.com", "trust the project with stytch.Issuer"},
		{"another Stytch project", "stytch.com/project-live-1", "stytch.com/project-live-2", ""},
		{"another", "https://b", "https://a", ""},
		{"none", "", "https://a", ""},
	} {
		got := Near("issuer", test.got, []string{"https://x", test.configured})
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: Near(%q, %q) = %q, want %q", test.name, test.got, test.configured, got, test.want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, test := range []struct{ name, cause, found, expected string }{
		{"a claim", `"aud" is "x", want "y" or "z"`, `"aud" is "x"`, `"y" or "z"`},
		{"nothing expected", `there are no keys`, `there are no keys`, ``},
		{"quoted by the caller", `"aud" is "x, want y", want "z"`, `"aud" is "x, want y"`, `"z"`},
		{"quoted, with quotes", `"aud" is "\", want y", want "z"`, `"aud" is "\", want y"`, `"z"`},
		{"a quote that no text begins", `5" long, want "z"`, `5" long, want "z"`, ``},
		{"empty", ``, ``, ``},
	} {
		if found, expected := Split(test.cause); found != test.found || expected != test.expected {
			t.Errorf("%s: Split(%q) = %q, %q, want %q, %q", test.name, test.cause, found, expected, test.found, test.expected)
		}
	}
}
