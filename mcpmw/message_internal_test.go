package mcpmw

import (
	"encoding/json"
	"testing"
)

func FuzzMembers(f *testing.F) {
	for _, doc := range []string{
		`{}`, ` { } `, `{"a":1}`, "{ \"a\" :\t[1,{\"b\":\"}\"}] ,\r\n\"c\": \"\\\"\\\\\" }", `{"":{"":{}},"x":-1.5e3,"y":true,"z":null}`,
		`{"a":"\u0022,\\","b":[[],[{}]]}`, `{"n\u0061me":"x"}`, "{\"\xff\":\"\xfe\"}", `[{"a":1}]`, `"{"`, `1`, `null`,
	} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		if !json.Valid([]byte(doc)) {
			return
		}
		got := make(map[string]string)
		for name, value := range members([]byte(doc)) {
			text, ok := textOf(name)
			if !ok || !json.Valid(value) {
				t.Fatalf("members(%q) has %q: %q, want valid JSON", doc, name, value)
			}
			got[string(text)] = string(value)
		}
		var want map[string]json.RawMessage
		_ = json.Unmarshal([]byte(doc), &want) // nil for another value
		if len(got) != len(want) {
			t.Fatalf("members(%q) = %q, want %q", doc, got, want)
		}
		for name, value := range want {
			if got[name] != string(value) {
				t.Errorf("members(%q) has %q for %q, want %q", doc, got[name], name, value)
			}
		}
	})
}

func TestReadMessage(t *testing.T) {
	for _, tt := range []struct {
		body           string
		method, params string
		is, ok         bool
	}{
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}`, "tools/call", `{"name":"read"}`, true, true},
		{`{"method":"ping"}`, "ping", "", true, true},
		{`{"method":"\u0070ing"}`, "ping", "", true, true},
		{`{"jsonrpc":"2.0","id":1,"result":{}}`, "", "", true, true},
		{`{"method":"ping","method":"tools/list"}`, "", "", false, false},
		{`{"method":"ping","METHOD":"tools/list"}`, "", "", false, false},
		{`{"method":"ping","params":{},"Params":{}}`, "ping", "", true, false},
		{`{"method":5}`, "", "", false, true},
		{`{"result":{}}`, "", "", false, true},
		{`[{"method":"ping"}]`, "", "", false, true},
		{`{"method":"ping"}{"method":"tools/list"}`, "", "", false, true},
		{`null`, "", "", false, true},
		{``, "", "", false, true},
	} {
		m, is, ok := readMessage([]byte(tt.body))
		if is != tt.is || ok != tt.ok || ok && is && (m.method != tt.method || string(m.params) != tt.params) {
			t.Errorf("readMessage(%s) = %q %s, %t, %t; want %q %s, %t, %t", tt.body, m.method, m.params, is, ok, tt.method, tt.params, tt.is, tt.ok)
		}
	}
}
