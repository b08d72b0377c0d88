package scopes_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/scopes"
)

// TestPrinting checks that fmt, slog and JSON print a Set as a scope claim
// and a Requirement as in code, within other values as well.
func TestPrinting(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{
		{scopes.Of("b", "a"), "a b"},
		{scopes.Of("read:*").Wildcards(), "read:*"},
		{scopes.Set{}, ""},
		{scopes.All("a").Or(scopes.All("b")), `any("a", "b")`},
		{scopes.Authenticated(), "authenticated"},
		{scopes.Public(), "public"},
		{scopes.Requirement{}, "nobody"},
	} {
		for _, format := range []string{"%v", "%+v", "%s"} {
			if got := fmt.Sprintf(format, tt.value); got != tt.want {
				t.Errorf("%#v by %s = %s, want %s", tt.value, format, got, tt.want)
			}
		}
		quoted, err := json.Marshal(tt.want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(tt.value); err != nil || !bytes.Equal(got, quoted) {
			t.Errorf("%v in JSON = %s, %v, want %s", tt.value, got, err, quoted)
		}
		if got, err := json.Marshal(struct{ V any }{tt.value}); err != nil || string(got) != `{"V":`+string(quoted)+`}` {
			t.Errorf("%v within JSON = %s, %v, want %s", tt.value, got, err, quoted)
		}
		var text, doc bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", tt.value)
		slog.New(slog.NewJSONHandler(&doc, nil)).Info("m", "v", tt.value)
		if !strings.Contains(doc.String(), `"v":`+string(quoted)) {
			t.Errorf("%v by slog in JSON = %s, want %s", tt.value, &doc, quoted)
		}
		if got := text.String(); !strings.Contains(got, "v="+tt.want) && !strings.Contains(got, "v="+fmt.Sprintf("%q", tt.want)) {
			t.Errorf("%v by slog = %s, want %s", tt.value, got, tt.want)
		}
	}
}
