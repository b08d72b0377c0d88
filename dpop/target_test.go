package dpop_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/dpop"
)

// net/http takes "GET /a#b" for the path "/a#b", which no URL has.
func TestNoProofForAPathWithAFragmentOrQuery(t *testing.T) {
	const origin = "https://api.example.com"
	for _, row := range []struct{ name, htu, path string }{
		{"fragment in the request line", origin + "/orders/1", "/orders/1#2"},
		{"fragment in both", origin + "/orders/1#2", "/orders/1#2"},
		{"empty fragment", origin + "/orders/1", "/orders/1#"},
		{"fragment after the root", origin, "/#x"},
		{"query", origin + "/orders/1", "/orders/1?x"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if dpop.SameTarget(row.htu, origin, row.path) {
				t.Errorf("SameTarget(%q, %q, %q) = true, want false", row.htu, origin, row.path)
			}
		})
	}
}

// TestEscapes compares every byte, escaped in both cases and as it is: only the
// unreserved ones of RFC 3986 §2.3 are the same unescaped.
func TestEscapes(t *testing.T) {
	const origin = "https://api.example.com"
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	for i := range 256 {
		plain, lower, upper := string([]byte{byte(i)}), fmt.Sprintf("%%%02x", i), fmt.Sprintf("%%%02X", i)
		for _, tt := range []struct {
			htu, path string
			want      bool
		}{
			{"/" + lower, "/" + upper, true},
			{"/a" + upper + "b", "/a" + lower + "b", true},
			{"/" + lower, "/" + plain, strings.Contains(unreserved, plain)},
			{"/" + plain, "/" + upper, strings.Contains(unreserved, plain)},
			{"/" + lower, "/", false},
			{"/a" + lower + "b", "/a" + lower + "c", false},
			{"/%25" + lower[1:], "/" + lower, false}, // escaped twice
		} {
			if got := dpop.SameTarget(origin+tt.htu, origin, tt.path); got != tt.want {
				t.Errorf("SameTarget(%q, %q) = %t, want %t", tt.htu, tt.path, got, tt.want)
			}
		}
		isDigit := strings.Contains("0123456789abcdefABCDEF", plain)
		for _, path := range []string{"/%" + plain + "0", "/%0" + plain} {
			if got := dpop.SameTarget(origin+path, origin, path); got != isDigit {
				t.Errorf("SameTarget(%q, itself) = %t, want %t", path, got, isDigit)
			}
		}
	}
	for _, path := range []string{"/%", "/%4"} {
		if dpop.SameTarget(origin+path, origin, path) {
			t.Errorf("SameTarget(%q, itself) = true, want false", path)
		}
	}
}
