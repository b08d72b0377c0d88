package verifier

import (
	"strings"
	"testing"
)

// TestPrintable tries each byte at each place of a word and after it, with
// and without neighbours that could hide it.
func TestPrintable(t *testing.T) {
	for _, neighbour := range []string{" ", "a", "~", "!"} {
		for at := range 11 {
			for c := range 256 {
				value := []byte(strings.Repeat(neighbour, 11))
				value[at] = byte(c)
				if got, want := printable(string(value)), c >= ' ' && c <= '~'; got != want {
					t.Fatalf("%q: %t, want %t", value, got, want)
				}
			}
		}
	}
}

func TestPlainBearer(t *testing.T) {
	for _, tt := range []struct {
		values []string
		want   string
	}{
		{nil, ""},
		{[]string{"Bearer a"}, "a"},
		{[]string{"Bearer  a"}, " a"}, // not a token, so it is not remembered
		{[]string{"Bearer "}, ""},
		{[]string{"Bearer"}, ""},
		{[]string{"bearer a"}, ""},
		{[]string{"Bearer a", "Bearer a"}, ""},
	} {
		if got := plainBearer(tt.values); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.values, got, tt.want)
		}
	}
}
