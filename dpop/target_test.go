package dpop_test

import (
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
