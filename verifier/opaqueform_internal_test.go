package verifier

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestIsB64Token checks every byte after a letter, and where "=" may be (RFC 6750 §2.1).
func TestIsB64Token(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
	for i := range 256 {
		c := string([]byte{byte(i)})
		if got, want := isB64Token("a"+c), strings.Contains(alphabet, c); got != want {
			t.Errorf("isB64Token(%q) = %t, want %t", "a"+c, got, want)
		}
	}
	for raw, want := range map[string]bool{"": false, "=": false, "==": false, "a==": true, "a=b": false, "=a": false} {
		if got := isB64Token(raw); got != want {
			t.Errorf("isB64Token(%q) = %t, want %t", raw, got, want)
		}
	}
}

func TestHasJOSEForm(t *testing.T) {
	url := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	const both = `{"a":"~~~???"}` // has both characters that differ between the alphabets
	for _, tt := range []struct {
		name, raw string
		want      bool
	}{
		{"a header and a dot", url(`{"alg":"RS256"}`) + ".", true},
		{"five segments", url(`{}`) + ".a.b.c.d", true},
		{"padded", url(`{"a":1}`) + "==.x", true},
		{"the alphabet of URLs", url(both) + ".x", true},
		{"the other alphabet", base64.StdEncoding.EncodeToString([]byte(both)) + ".x", true},
		{"white space around the object", url(" \n{}\t") + ".x", true},

		{"no dot", url(`{"alg":"RS256"}`), false},
		{"nothing before the dot", "." + url(`{}`), false},
		{"an array", url(`[{}]`) + ".x", false},
		{"no end", url(`{"a":1`) + ".x", false},
		{"no beginning", url(`"a":1}`) + ".x", false},
		{"not UTF-8", url("{\"\xff\"}") + ".x", false},
		{"an object, and then no base64", url(`{"a":123}`) + "!.x", false},
		{"no base64", "o-p!que.x", false},
	} {
		if got := hasJOSEForm(tt.raw); got != tt.want {
			t.Errorf("hasJOSEForm(%s) = %t, want %t", tt.name, got, tt.want)
		}
	}
	if text := url(both); !strings.Contains(text, "_") || !strings.Contains(text, "-") {
		t.Errorf("%q has not both characters", text)
	}
}
