package strictjson

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRead(t *testing.T) {
	const doc = " {\"s\":\"x\",\"esc\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00.\", \"n\" : -1.5e3," +
		"\"t\":true,\"f\":false,\"null\":null,\"o\":{\"k\":[1]},\"a\":[\"p\",\"q\"],\"mixed\":[\"p\",1],\"Exp\":1,\"e\":{},\"ea\":[]," +
		"\"end\":\"\\\\\",\"}\":\"}\",\"]\":\"]\",\"E\":2E5,\"e-\":1e-3,\"e+\":0E+1,\"0\":-0.0}\r\n"
	obj, err := Parse(doc, limits, nil)
	if err != nil {
		t.Fatal(err)
	}
	get := func(name string) Value {
		v, ok := obj.Get(name)
		if !ok {
			t.Fatalf("%q is missing", name)
		}
		return v
	}
	if s, ok := get("esc").Text(); !ok || s != "\"\\/\b\f\n\r\tA😀." {
		t.Errorf("esc = %q, %t", s, ok)
	}
	if s, ok := get("end").Text(); !ok || s != `\` {
		t.Errorf("end = %q, %t", s, ok) // an escape ends where it ends, and not behind the quote
	}
	for name, want := range map[string]string{"n": "-1.5e3", "E": "2E5", "e-": "1e-3", "e+": "0E+1", "0": "-0.0"} {
		if n, ok := get(name).Number(); !ok || n != want {
			t.Errorf("%s = %q, %t; want %q", name, n, ok, want)
		}
	}
	inner, ok := get("o").Object()
	if k, found := inner.Get("k"); !ok || !found || k.JSON() != "[1]" {
		t.Errorf("o = %v, %t", inner, ok)
	}
	if a, ok := get("a").Texts(8); !ok || !slices.Equal(a, []string{"p", "q"}) {
		t.Errorf("a = %q, %t", a, ok)
	}
	if _, ok := get("mixed").Texts(8); ok {
		t.Error("an array with a number in it passes for strings")
	}
	if e, ok := get("e").Object(); !ok || len(e) != 0 {
		t.Errorf("e = %v, %t", e, ok)
	}
	if ea, ok := get("ea").Texts(8); !ok || len(ea) != 0 {
		t.Errorf("ea = %v, %t", ea, ok)
	}
	if _, ok := obj.Get("exp"); ok {
		t.Error("names must match by case")
	}
	if _, ok := get("a").Texts(1); ok {
		t.Error("two strings pass for one")
	}
	if a, ok := get("a").Texts(2); !ok || len(a) != 2 {
		t.Errorf("a = %q, %t", a, ok)
	}
	if missing, _ := obj.Get("exp"); !missing.IsAbsent() || get("null").IsAbsent() || get("e").IsAbsent() {
		t.Error("IsAbsent")
	}
	// Each kind is only itself, and the zero Value none.
	for _, m := range append(obj, Member{}) {
		kinds := 0
		if _, ok := m.Value.Text(); ok {
			kinds++
		}
		if _, ok := m.Value.Number(); ok {
			kinds++
		}
		if _, ok := m.Value.Object(); ok {
			kinds++
		}
		if _, ok := m.Value.Array(); ok {
			kinds++
		}
		_, isArray := m.Value.Array()
		if list, ok := m.Value.Texts(8); ok != (isArray && m.Name != "mixed") || !ok && list != nil {
			t.Errorf("%q as texts: %q, %t", m.Value.JSON(), list, ok)
		}
		want := 1
		if j := m.Value.JSON(); j == "true" || j == "false" || j == "null" || j == "" {
			want = 0
		}
		if kinds != want {
			t.Errorf("%q is of %d kinds", m.Value.JSON(), kinds)
		}
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	const doc = `{"iss":"x","aud":["a","b"],"exp":1,"nested":{"a":{"b":null}}}`
	buf := make([]Member, 0, 8)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := Parse(doc, limits, buf); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// FuzzAcceptedMeansTheSame checks that encoding/json reads the same from
// every accepted document, and that no member is duplicated.
func FuzzAcceptedMeansTheSame(f *testing.F) {
	f.Add(`{"alg":"RS256","typ":"JWT"}`)
	f.Add(`{"a":{"b":[1,2.5e-3,"\ud83d\ude00"]},"\u0061b":null}`)
	f.Add(`{"a":1,"a":2}`)
	f.Add("{\"a\":\"\xff\"}")
	f.Fuzz(func(t *testing.T, doc string) {
		obj, err := Parse(doc, Limits{Depth: 16, Members: 256}, nil)
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte(doc), &want); err != nil {
			t.Fatalf("encoding/json refuses it: %v", err)
		}
		if len(want) != len(obj) {
			t.Fatalf("%d members, encoding/json has %d", len(obj), len(want))
		}
		for _, m := range obj {
			if !utf8.ValidString(m.Name) || string(want[m.Name]) != m.Value.JSON() {
				t.Fatalf("member %q: %q, encoding/json has %q", m.Name, m.Value.JSON(), want[m.Name])
			}
			if !reflect.DeepEqual(decode(t, m.Value), encodingJSON(t, m.Value)) {
				t.Fatalf("member %q: %v, encoding/json has %v", m.Name, decode(t, m.Value), encodingJSON(t, m.Value))
			}
		}
	})
}

// decode reads v by Value's methods into what encoding/json would make of it.
func decode(t *testing.T, v Value) any {
	if s, ok := v.Text(); ok {
		return s
	}
	if n, ok := v.Number(); ok {
		return json.Number(n)
	}
	if items, ok := v.Array(); ok {
		list := []any{}
		for _, item := range items {
			list = append(list, decode(t, item))
		}
		return list
	}
	if obj, ok := v.Object(); ok {
		m := map[string]any{}
		for _, member := range obj {
			m[member.Name] = decode(t, member.Value)
		}
		return m
	}
	if v.JSON() == "null" {
		return nil
	}
	return v.JSON() == "true"
}

func encodingJSON(t *testing.T, v Value) any {
	d := json.NewDecoder(strings.NewReader(v.JSON()))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}
