package scopes

import (
	"fmt"
	"testing"
)

func TestImplies(t *testing.T) {
	var zero Requirement
	a, b, ab := All("a"), All("b"), All("a", "b")
	for _, tt := range []struct {
		name string
		r, o Requirement
		want bool
		back bool // the other way round
	}{
		{"same", ab, ab, true, true},
		{"more scopes", ab, a, true, false},
		{"one of two", a, Any("a", "b"), true, false},
		{"both of two", ab, Any("a", "b"), true, false},
		{"unrelated", a, b, false, false},
		{"zero", zero, a, true, false},
		{"zero and public", zero, Public(), true, false},
		{"scopes and authenticated", a, Authenticated(), true, false},
		{"authenticated and public", Authenticated(), Public(), true, false},
		{"zero twice", zero, zero, true, true},
		{"authenticated twice", Authenticated(), Authenticated(), true, true},
		{"public twice", Public(), Public(), true, true},
		{"absorbed", a.And(Any("a", "b")), a, true, true},
		{"distributed", a.And(Any("b", "c")), ab.Or(All("a", "c")), true, true},
		{"nested", ab.Or(All("a", "c")), a, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.r.Implies(tt.o); got != tt.want {
				t.Errorf("%v implies %v: %t", tt.r, tt.o, got)
			}
			if got := tt.o.Implies(tt.r); got != tt.back {
				t.Errorf("%v implies %v: %t", tt.o, tt.r, got)
			}
		})
	}
}

// TestImpliesGivesUp: Implies returns false for a pair that is too complex.
func TestImpliesGivesUp(t *testing.T) {
	r := All("x")
	for i := range 20 {
		r = r.And(Any(fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)))
	}
	if r.Implies(All("x")) {
		t.Error("2^20 terms were worked out")
	}
	// What can't be worked out in a part is left out of no whole.
	if r.Or(All("y")).Implies(All("y")) || r.Or(All("y")).Implies(All("z")) {
		t.Error("a part that was given up is taken to imply anything")
	}
}

// FuzzImplies checks that every Set that meets r meets what r implies.
func FuzzImplies(f *testing.F) {
	f.Add("a b", uint16(0x1234), uint16(0x9876))
	f.Fuzz(func(t *testing.T, claim string, x, y uint16) {
		s, err := Parse(claim)
		if err != nil {
			return
		}
		r, o := someRequirement(x), someRequirement(y)
		if r.Implies(o) && r.MetBy(s) && !o.MetBy(s) {
			t.Errorf("%v is said to imply %v, but %q meets only the first", r, o, s)
		}
		if and := r.And(o); !and.Implies(r) || !and.Implies(o) || !r.Implies(r.Or(o)) {
			t.Errorf("%v and %v", r, o)
		}
	})
}
