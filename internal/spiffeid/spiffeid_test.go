package spiffeid

import (
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	long := strings.Repeat("a", 2048-len("spiffe://d/"))
	for _, tt := range []struct{ name, id, trustDomain, path string }{
		{"one segment", "spiffe://example.org/a", "example.org", "/a"},
		{"several segments", "spiffe://example.org/ns/prod/sa/Api_1.2-x", "example.org", "/ns/prod/sa/Api_1.2-x"},
		{"a trust domain that is no DNS name", "spiffe://_staging.1-/x", "_staging.1-", "/x"},
		{"dots that are no dot segment", "spiffe://d/.../..a/a..", "d", "/.../..a/a.."},
		{"2048 bytes", "spiffe://d/" + long, "d", "/" + long},
		{"255 bytes of trust domain", "spiffe://" + long[:255] + "/x", long[:255], "/x"},
	} {
		if domain, path, ok := Split(tt.id); !ok || domain != tt.trustDomain || path != tt.path {
			t.Errorf("Split(%s) = %q, %q, %t, want %q, %q, true", tt.name, domain, path, ok, tt.trustDomain, tt.path)
		}
	}
	for _, tt := range []struct{ name, id string }{
		{"empty", ""},
		{"scheme alone", "spiffe://"},
		{"another scheme", "https://example.org/a"},
		{"scheme in upper case", "SPIFFE://example.org/a"},
		{"one slash", "spiffe:/example.org/a"},
		{"no scheme", "example.org/a"},
		{"space before", " spiffe://example.org/a"},
		{"the trust domain itself", "spiffe://example.org"},
		{"the root path", "spiffe://example.org/"},
		{"no trust domain", "spiffe:///a"},
		{"trust domain in upper case", "spiffe://Example.org/a"},
		{"a port", "spiffe://example.org:443/a"},
		{"user info", "spiffe://user@example.org/a"},
		{"another domain as user info", "spiffe://example.org@evil.example/a"},
		{"an escape in the trust domain", "spiffe://example%2eorg/a"},
		{"a letter outside ASCII", "spiffe://exämple.org/a"},
		{"an IPv6 address", "spiffe://[::1]/a"},
		{"a slash at the end", "spiffe://example.org/a/"},
		{"an empty segment", "spiffe://example.org/a//b"},
		{"an empty first segment", "spiffe://example.org//a"},
		{"a dot segment", "spiffe://example.org/a/./b"},
		{"a double dot segment", "spiffe://example.org/a/../b"},
		{"a double dot segment at the end", "spiffe://example.org/a/.."},
		{"an escaped slash", "spiffe://example.org/a%2Fb"},
		{"an escaped dot", "spiffe://example.org/%2e%2e/b"},
		{"a backslash", `spiffe://example.org/a\b`},
		{"a query", "spiffe://example.org/a?b"},
		{"a query without a path", "spiffe://example.org?/a"},
		{"a fragment", "spiffe://example.org/a#b"},
		{"a fragment without a path", "spiffe://example.org#/a"},
		{"a parameter", "spiffe://example.org/a;b"},
		{"a wildcard", "spiffe://example.org/*"},
		{"a NUL", "spiffe://example.org/a\x00"},
		{"a line feed", "spiffe://example.org/a\n"},
		{"2049 bytes", "spiffe://d/a" + long},
		{"256 bytes of trust domain", "spiffe://" + long[:256] + "/x"},
	} {
		if _, _, ok := Split(tt.id); ok {
			t.Errorf("Split(%s) = %q is an ID, want none", tt.name, tt.id)
		}
	}
}

// TestCharacters checks every byte, in a trust domain and in a segment.
func TestCharacters(t *testing.T) {
	const inDomain = "abcdefghijklmnopqrstuvwxyz0123456789-._"
	const inPath = inDomain + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for i := range 256 {
		c := string([]byte{byte(i)})
		if _, _, ok := Split("spiffe://d" + c + "/x"); ok != strings.Contains(inDomain, c) {
			t.Errorf("Split(%q in the trust domain) = %t, want %t", c, ok, !ok)
		}
		if _, _, ok := Split("spiffe://d/x" + c); ok != strings.Contains(inPath, c) {
			t.Errorf("Split(%q in a segment) = %t, want %t", c, ok, !ok)
		}
	}
}

func TestIsPath(t *testing.T) {
	for path, want := range map[string]bool{"/a": true, "/a/b": true, "": false, "a": false, "a/b": false, "/": false} {
		if got := IsPath(path); got != want {
			t.Errorf("IsPath(%q) = %t, want %t", path, got, want)
		}
	}
}
