package jsonv2_test

import (
	"testing"

	"github.com/m2mauth/m2mauth/internal/jsonv2"
)

// TestRules are those that callers rely on, the same under every supported
// release of Go.
func TestRules(t *testing.T) {
	type doc struct {
		Name string            `json:"name"`
		List []string          `json:"list"`
		Map  map[string]string `json:"map"`
		Any  any               `json:"any"`
	}
	for _, tt := range []struct {
		name, in string
		ok       bool
		want     string // Name
	}{
		{"a member", `{"name":"a"}`, true, "a"},
		{"an unknown member", `{"name":"a","other":[{}]}`, true, "a"},
		{"another case is another name", `{"Name":"a"}`, true, ""},
		{"null", `{"name":null}`, true, ""},
		{"twice", `{"name":"a","name":"b"}`, false, ""},
		{"twice, escaped", `{"name":"a","n\u0061me":"b"}`, false, ""},
		{"twice, unknown", `{"other":1,"other":2}`, false, ""},
		{"twice, deep inside", `{"any":[{"x":1,"x":2}]}`, false, ""},
		{"invalid UTF-8", "{\"name\":\"\xff\"}", false, ""},
		{"an unpaired surrogate", `{"name":"\ud800"}`, false, ""},
		{"a number for a string", `{"name":1}`, false, ""},
		{"trailing bytes", `{"name":"a"}x`, false, ""},
		{"two documents", `{"name":"a"}{}`, false, ""},
		{"empty", ``, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got doc
			if err := jsonv2.Unmarshal([]byte(tt.in), &got); (err == nil) != tt.ok {
				t.Fatalf("Unmarshal(%s) = %v, want an error: %t", tt.in, err, !tt.ok)
			} else if tt.ok && got.Name != tt.want {
				t.Errorf("Unmarshal(%s) = %q, want %q", tt.in, got.Name, tt.want)
			}
		})
	}
	const want = `{"name":"<a>","list":[],"map":{},"any":null}`
	if got, err := jsonv2.Marshal(doc{Name: "<a>"}); string(got) != want || err != nil {
		t.Errorf("Marshal = %s, %v; want %s", got, err, want)
	}
	if _, err := jsonv2.Marshal(doc{Name: "\xff"}); err == nil {
		t.Error("Marshal(invalid UTF-8) = nil, want an error")
	}
}
