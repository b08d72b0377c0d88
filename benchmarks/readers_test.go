package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// TestBase64ReadersAgree compares what both readers accept and return, each
// byte at each of the last places, and line breaks, padding and trailing bits.
func TestBase64ReadersAgree(t *testing.T) {
	compare := func(segment string) {
		t.Helper()
		got, err := jose.DecodeBase64URL(nil, segment)
		want, wantErr := standardBase64(nil, segment)
		if (err == nil) != (wantErr == nil) || string(got) != string(want) {
			t.Fatalf("DecodeBase64URL(%q) = %q, %v; encoding/base64 has %q, %v", segment, got, err, want, wantErr)
		}
	}
	for n := range 13 {
		segment := []byte(strings.Repeat("Qm9_", 4)[:n])
		compare(string(segment))
		for place := range n {
			for c := range 256 {
				changed := []byte(string(segment))
				changed[place] = byte(c)
				compare(string(changed))
				for _, more := range []string{"\n", "\r\n", "\n\n\n\n", "=", "=="} {
					compare(string(changed) + more)
					compare(more + string(changed))
				}
			}
		}
	}
}

var hostileJSON = []struct {
	name, doc string
	accepted  bool
}{
	{"empty object", `{}`, true},
	{"white space", " { \"a\" :\t1 } \r\n", true},
	{"every kind", `{"a":[{},[],"",0,-0,1.5e-3,true,false,null]}`, true},
	{"not an object", `[]`, false},
	{"nothing", ``, false},
	{"two documents", `{}{}`, false},
	{"rubbish after", `{}x`, false},
	{"byte order mark", "\ufeff{}", false},
	{"duplicate", `{"a":1,"a":1}`, false},
	{"duplicate, escaped", `{"alg":1,"\u0061lg":1}`, false},
	{"duplicate, nested", `{"a":[{"b":1,"b":1}]}`, false},
	{"names that differ by case", `{"A":1,"a":2}`, true},
	{"names that differ by normalization", "{\"\u00e9\":1,\"e\u0301\":2}", true},
	{"the same name in two objects", `{"a":{"b":1},"c":{"b":1}}`, true},
	{"a pair of surrogates", `{"a":"\ud83d\ude00"}`, true},
	{"lone high surrogate", `{"a":"\ud83d"}`, false},
	{"lone low surrogate in a name", `{"\ude00":1}`, false},
	{"surrogates swapped", `{"a":"\ude00\ud83d"}`, false},
	{"not UTF-8", "{\"a\":\"\xff\"}", false},
	{"overlong UTF-8", "{\"a\xc0\x80\":0}", false},
	{"a surrogate as UTF-8", "{\"a\":\"\xed\xa0\x80\"}", false},
	{"control character", "{\"a\":\"\t\"}", false},
	{"DEL", "{\"a\":\"\x7f\"}", true},
	{"unknown escape", `{"a":"\x"}`, false},
	{"leading zero", `{"a":01}`, false},
	{"no digits", `{"a":1.}`, false},
	{"out of float64's range", `{"a":1e400}`, true},
	{"NaN", `{"a":NaN}`, false},
	{"trailing comma", `{"a":1,}`, false},
	{"comment", `/**/{}`, false},
	{"truncated", `{"a":"b`, false},
	{"deepest", strings.Repeat(`{"a":`, 16) + "1" + strings.Repeat("}", 16), true},
	{"too deep", strings.Repeat(`{"a":`, 17) + "1" + strings.Repeat("}", 17), false},
	{"most members", manyMembers(256), true},
	{"too many members", manyMembers(257), false},
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":0`, i)
	}
	return "{" + b.String()[1:] + "}"
}

// TestJSONReadersAgree checks that both accept the same documents and find the same
// members in them.
func TestJSONReadersAgree(t *testing.T) {
	for _, tt := range hostileJSON {
		own, err := strictjson.Parse(tt.doc, payloadLimits, nil)
		general, generalErr := parseWithJSONText(tt.doc, payloadLimits, nil)
		if (err == nil) != tt.accepted || (generalErr == nil) != tt.accepted {
			t.Errorf("%s: Parse = %v, jsontext %v; accepted = %t wanted", tt.name, err, generalErr, tt.accepted)
			continue
		}
		if len(own) != len(general) {
			t.Errorf("%s: Parse has %d members, jsontext %d", tt.name, len(own), len(general))
			continue
		}
		for i, m := range own {
			if m.Name != general[i].name || m.Value.JSON() != general[i].value {
				t.Errorf("%s: Parse has %q: %q, jsontext %q: %q", tt.name, m.Name, m.Value.JSON(), general[i].name, general[i].value)
			}
		}
	}
}
