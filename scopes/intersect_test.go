package scopes_test

import (
	"testing"

	"github.com/m2mauth/m2mauth/scopes"
)

// TestIntersect: for every pair of small Sets, under every pair of matching
// rules, the intersection grants exactly what both grant.
func TestIntersect(t *testing.T) {
	names := []string{"read", "read:*", "read:a", "read:b:*", "write:*", "write:a"}
	asked := append([]string{"read:b", "read:b:c", "read:c", "write", "write:*:x", "*", "reads"}, names...)
	sets := func(yield func(scopes.Set)) {
		for mask := range 1 << len(names) {
			var some []string
			for i, name := range names {
				if mask>>i&1 == 1 {
					some = append(some, name)
				}
			}
			s, err := scopes.ParseList(some)
			if err != nil {
				t.Fatal(err)
			}
			yield(s)
			yield(s.Wildcards())
		}
	}
	sets(func(s scopes.Set) {
		sets(func(o scopes.Set) {
			both := s.Intersect(o)
			for _, name := range asked {
				if got, want := both.Grants(name), s.Grants(name) && o.Grants(name); got != want {
					t.Fatalf("(%q ∩ %q).Grants(%q) = %t, want %t; it is %q", s, o, name, got, want, both)
				}
			}
		})
	})
}
