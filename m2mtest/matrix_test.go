package m2mtest_test

import (
	"iter"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
)

type entry struct {
	name string
	need scopes.Requirement
}

func operations(entries ...entry) iter.Seq2[string, scopes.Requirement] {
	return func(yield func(string, scopes.Requirement) bool) {
		for _, e := range entries {
			if !yield(e.name, e.need) {
				return
			}
		}
	}
}

func TestMatrix(t *testing.T) {
	got := m2mtest.Matrix(
		m2mtest.Section{Title: "HTTP", Operations: operations(
			entry{"POST /b", scopes.Any("b", "c")},
			entry{"GET /a", scopes.Public()},
			entry{"GET /" + strings.Repeat("x", 80), scopes.Authenticated()},
			entry{"GET /a", scopes.All("again")}, // gorilla may have two of one name
		)},
		m2mtest.Section{Title: "gRPC", Operations: operations(
			entry{"/a.B/Forgotten", scopes.Requirement{}},
			entry{"/a.B/New\nline", scopes.All("x")},
		)},
		m2mtest.Section{Title: ""},
	)
	column := func(name string) string { return name + strings.Repeat(" ", 66-len(name)) }
	want := "# HTTP\n" +
		column("GET /a") + `all("again")` + "\n" +
		column("GET /a") + "public\n" +
		"GET /" + strings.Repeat("x", 80) + "  authenticated\n" +
		column("POST /b") + `any("b", "c")` + "\n" +
		"\n# gRPC\n" +
		column(`"/a.B/New\nline"`) + `all("x")` + "\n" +
		column("/a.B/Forgotten") + "nobody ! no requirement: every call is refused\n" +
		"\n# \"\"\n(nothing)\n"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := m2mtest.Matrix(); got != "" {
		t.Errorf("Matrix() = %q, want nothing", got)
	}
}
