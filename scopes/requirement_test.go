package scopes

import (
	"slices"
	"strings"
	"testing"
)

func TestMetBy(t *testing.T) {
	for _, tt := range []struct {
		name string
		need Requirement
		met  []string // claims that meet it
		not  []string
	}{
		{"zero", Requirement{}, nil, []string{"", "a", "nobody"}},
		{"one", All("a"), []string{"a", "a b"}, []string{"", "b", "A"}},
		{"all", All("a", "b"), []string{"a b", "a b c"}, []string{"", "a", "b", "a c"}},
		{"any", Any("a", "b"), []string{"a", "b", "b c"}, []string{"", "c"}},
		{"authenticated", Authenticated(), []string{"", "a"}, nil},
		{"public", Public(), []string{"", "a"}, nil},
		{"all and any", All("a").And(Any("b", "c")), []string{"a b", "a c"}, []string{"a", "b c"}},
		{"all or all", All("a", "b").Or(All("c", "d")), []string{"a b", "c d"}, []string{"a c", "b d", "a"}},
		{"any of all and any", Any("x").Or(All("a").And(Any("b", "c"))), []string{"x", "a c"}, []string{"a", "b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, claim := range tt.met {
				if s, _ := Parse(claim); !tt.need.MetBy(s) {
					t.Errorf("%v is not met by %q", tt.need, claim)
				}
			}
			for _, claim := range tt.not {
				if s, _ := Parse(claim); tt.need.MetBy(s) {
					t.Errorf("%v is met by %q", tt.need, claim)
				}
			}
		})
	}
}

// TestAlgebra is a table of And and Or. Both are also checked with their
// sides swapped.
func TestAlgebra(t *testing.T) {
	var zero Requirement
	a, b, ab := All("a"), All("b"), All("a", "b")
	for _, tt := range []struct {
		name    string
		x, y    Requirement
		and, or string
	}{
		{"zero, zero", zero, zero, "nobody", "nobody"},
		{"zero, scopes", zero, a, "nobody", `all("a")`},
		{"zero, authenticated", zero, Authenticated(), "nobody", "authenticated"},
		{"zero, public", zero, Public(), "nobody", "public"},
		{"scopes, authenticated", a, Authenticated(), `all("a")`, "authenticated"},
		{"scopes, public", a, Public(), `all("a")`, "public"},
		{"authenticated, authenticated", Authenticated(), Authenticated(), "authenticated", "authenticated"},
		{"authenticated, public", Authenticated(), Public(), "authenticated", "public"},
		{"public, public", Public(), Public(), "public", "public"},
		{"same scope", a, a, `all("a")`, `all("a")`},
		{"any of one is all of one", Any("a"), a, `all("a")`, `all("a")`},
		{"two scopes", b, a, `all("a", "b")`, `any("a", "b")`},
		{"overlap", ab, b, `all("a", "b")`, `any("b", all("a", "b"))`},
		{"all, any", ab, Any("b", "c"), `all("a", "b", any("b", "c"))`, `any("b", "c", all("a", "b"))`},
		{"flattened", ab, All("c").And(b), `all("a", "b", "c")`, `any(all("a", "b"), all("b", "c"))`},
		{"same twice", ab, All("b", "a"), `all("a", "b")`, `all("a", "b")`},
		{"nested", a.And(Any("b", "c")), a.And(Any("c", "b")), `all("a", any("b", "c"))`, `all("a", any("b", "c"))`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, got := range []Requirement{tt.x.And(tt.y), tt.y.And(tt.x)} {
				if got.String() != tt.and {
					t.Errorf("And: %v, want %v", got, tt.and)
				}
			}
			for _, got := range []Requirement{tt.x.Or(tt.y), tt.y.Or(tt.x)} {
				if got.String() != tt.or {
					t.Errorf("Or: %v, want %v", got, tt.or)
				}
			}
			if !tt.x.And(tt.y).Equal(tt.y.And(tt.x)) || tt.x.Equal(tt.y) != (tt.x.String() == tt.y.String()) {
				t.Error("Equal disagrees with String")
			}
		})
	}
}

// FuzzAlgebra checks that a Set meets And if it meets both sides, and Or if
// it meets one.
func FuzzAlgebra(f *testing.F) {
	f.Add("a b", uint16(0x1234), uint16(0x9876))
	f.Fuzz(func(t *testing.T, claim string, x, y uint16) {
		s, err := Parse(claim)
		if err != nil {
			return
		}
		p, q := someRequirement(x), someRequirement(y)
		if got, want := p.And(q).MetBy(s), p.MetBy(s) && q.MetBy(s); got != want {
			t.Errorf("(%v).And(%v) on %q: %t, want %t", p, q, s, got, want)
		}
		if got, want := p.Or(q).MetBy(s), p.MetBy(s) || q.MetBy(s); got != want {
			t.Errorf("(%v).Or(%v) on %q: %t, want %t", p, q, s, got, want)
		}
	})
}

// someRequirement turns bits into a formula over the scopes a, b, c and d.
func someRequirement(bits uint16) Requirement {
	names := []string{"a", "b", "c", "d"}
	switch bits & 7 {
	case 0:
		return Requirement{}
	case 1:
		return Authenticated()
	case 2:
		return Public()
	case 3:
		return All(names[bits>>3&3], names[bits>>5&3])
	case 4:
		return Any(names[bits>>3&3], names[bits>>5&3])
	case 5:
		return All(names[bits>>3&3]).And(someRequirement(bits >> 5))
	default:
		return Any(names[bits>>3&3]).Or(someRequirement(bits >> 5))
	}
}

func TestLists(t *testing.T) {
	for name, of := range map[string]func([]string) (Requirement, error){"AllOf": AllOf, "AnyOf": AnyOf} {
		for _, list := range [][]string{nil, {}, {""}, {"a", "b c"}} {
			if r, err := of(list); err == nil || !r.IsZero() {
				t.Errorf("%s(%q) = %v, %v; want the zero Requirement and an error", name, list, r, err)
			}
		}
		list := []string{"b", "a"}
		r, err := of(list)
		if err != nil {
			t.Fatal(err)
		}
		list[0] = "admin"
		if got := r.Scopes(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%s: Scopes() = %q", name, got)
		}
		r.Scopes()[0] = "admin"
		if strings.Contains(r.String(), "admin") {
			t.Errorf("%s: the Requirement changed with a slice it gave away", name)
		}
	}
}

func TestScopesOfNestedRequirement(t *testing.T) {
	need := All("a", "b").Or(All("c").And(Any("d", "a")))
	if got, want := need.Scopes(), []string{"a", "b", "c", "d"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, r := range []Requirement{{}, Authenticated(), Public()} {
		if got := r.Scopes(); len(got) != 0 {
			t.Errorf("%v names %q", r, got)
		}
	}
}

func TestPredicates(t *testing.T) {
	for _, tt := range []struct {
		r            Requirement
		zero, public bool
	}{
		{Requirement{}, true, false},
		{All("a"), false, false},
		{Authenticated(), false, false},
		{Public(), false, true},
	} {
		if tt.r.IsZero() != tt.zero || tt.r.IsPublic() != tt.public {
			t.Errorf("%v: IsZero %t, IsPublic %t", tt.r, tt.r.IsZero(), tt.r.IsPublic())
		}
	}
}

// A scope may be named like a keyword; a listing must not confuse the two.
func TestStringIsUnambiguous(t *testing.T) {
	for _, pair := range [][2]Requirement{
		{All("public"), Public()},
		{All("all(a)"), All("a")},
		{All("a", "b"), Any("a", "b")},
		{All("a,"), All("a")},
	} {
		if pair[0].String() == pair[1].String() || pair[0].Equal(pair[1]) {
			t.Errorf("%v and %v are taken for the same", pair[0], pair[1])
		}
	}
}
