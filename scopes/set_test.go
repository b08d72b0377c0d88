package scopes

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, claim string
		want        []string
	}{
		{"empty", "", nil},
		{"only spaces", "   ", nil},
		{"one", "read:users", []string{"read:users"}},
		{"sorted and without duplicates", "b a b", []string{"a", "b"}},
		{"empty items ignored", " a  b ", []string{"a", "b"}},
		{"case-sensitive", "A a", []string{"A", "a"}},
		{"a tab does not split", "a\tadmin b", []string{"b"}},
		{"a newline does not split", "a\nadmin", nil},
		{"a no-break space does not split", "a\u00a0admin", nil},
		{"quote and backslash are outside the charset", `a" b\ c`, []string{"c"}},
		{"every visible character but those two", "!#[]~", []string{"!#[]~"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse(tt.claim)
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Collect(s.All()); !slices.Equal(got, tt.want) || s.Len() != len(tt.want) {
				t.Errorf("Parse(%q) = %q, Len %d; want %q", tt.claim, got, s.Len(), tt.want)
			}
			if got, want := s.String(), strings.Join(tt.want, " "); got != want {
				t.Errorf("String() = %q, want %q", got, want)
			}
		})
	}
}

func TestParseBounds(t *testing.T) {
	full := strings.Repeat("a ", 256)
	if _, err := Parse(full); err != nil {
		t.Errorf("256 items: %v", err)
	}
	if _, err := Parse(full + "a"); !errors.Is(err, errTooMany) {
		t.Errorf("257 items: %v, want errTooMany", err)
	}
	if _, err := ParseList(make([]string, 256)); err != nil {
		t.Errorf("a list of 256: %v", err)
	}
	if _, err := ParseList(make([]string, 257)); !errors.Is(err, errTooMany) {
		t.Errorf("a list of 257: %v, want errTooMany", err)
	}
}

func TestParseListNeverSplits(t *testing.T) {
	s, err := ParseList([]string{"a admin", "b", "", "c\x00", "é"})
	if err != nil {
		t.Fatal(err)
	}
	if want := Of("b"); !s.Equal(want) {
		t.Errorf("got %q, want %q", s, want)
	}
}

func TestGrants(t *testing.T) {
	for _, tt := range []struct {
		name, granted, scope string
		want, wantWildcards  bool
	}{
		{"itself", "read:users", "read:users", true, true},
		{"another resource", "read:users", "read:keys", false, false},
		{"case", "read:users", "Read:users", false, false},
		{"wildcard covers every resource", "read:*", "read:users", false, true},
		{"wildcard covers the bare action", "read:*", "read", false, true},
		{"wildcard covers an empty resource", "read:*", "read:", false, true},
		{"wildcard covers a resource with colons", "read:*", "read:a:b", false, true},
		{"wildcard covers itself", "read:*", "read:*", true, true},
		{"wildcard of another action", "write:*", "read:users", false, false},
		{"a beginning of the action", "re", "read:users", false, false},
		{"a beginning of the action, among wildcards", "r re rea:* reader:*", "read:users", false, false},
		{"action is no prefix", "read:*", "reader:users", false, false},
		{"longer action", "reader:*", "read:users", false, false},
		{"bare star is ordinary", "*", "read:users", false, false},
		{"star as action is ordinary", "*:users", "read:users", false, false},
		{"star inside is ordinary", "re*d:x", "read:x", false, false},
		{"second-level star is ordinary", "read:a:*", "read:a:b", false, false},
		{"resource that merely begins with a star", "read:*x", "read:y", false, false},
		{"bare action covers no resource", "read", "read:users", false, false},
		{"a dash is no bare action", "read:-", "read", false, false},
		{"empty action", ":*", ":x", false, true},
		{"no scope name at all", ":*", "", false, false},
		{"malformed scope", "read:*", "read:a b", false, false},
		{"among others", "a:* read:* z:*", "read:users", false, true},
		{"among shorter ones before it", "a b c read:*", "read:users", false, true},
		{"among shorter ones behind it", "read:* x y z", "read:users", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse(tt.granted)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Grants(tt.scope); got != tt.want {
				t.Errorf("Grants = %t, want %t", got, tt.want)
			}
			if got := s.Wildcards().Grants(tt.scope); got != tt.wantWildcards {
				t.Errorf("Wildcards().Grants = %t, want %t", got, tt.wantWildcards)
			}
			if s.Grants(tt.scope) != tt.want {
				t.Error("Wildcards changed the Set that it was called on")
			}
		})
	}
}

func TestEqual(t *testing.T) {
	if a, b := Of("a", "b"), Of("b", "a", "b"); !a.Equal(b) {
		t.Error("order and duplicates must not matter")
	}
	if a := Of("a"); a.Equal(a.Wildcards()) || a.Equal(Of("b")) || !a.Equal(a) {
		t.Error("Equal must look at the names and the rule")
	}
}

func TestOfCopiesItsArguments(t *testing.T) {
	names := []string{"b", "a"}
	s := Of(names...)
	names[0] = "admin"
	if s.Has("admin") || !s.Has("b") {
		t.Error("the Set changed with the caller's slice")
	}
}

func TestMalformedNamesPanic(t *testing.T) {
	for _, name := range []string{"", "a b", "a\t", "\x7f", "é", `a"`, `a\`} {
		for caller, call := range map[string]func(){
			"scopes.Of":  func() { Of("ok", name) },
			"scopes.All": func() { All(name) },
			"scopes.Any": func() { Any("ok", name) },
		} {
			t.Run(caller, func(t *testing.T) {
				defer func() {
					msg, _ := recover().(string)
					if !strings.HasPrefix(msg, caller+": ") || !strings.Contains(msg, "is not a scope name") {
						t.Errorf("%s with %q: panic %q", caller, name, msg)
					}
				}()
				call()
			})
		}
	}
}

func TestGrantsDoesNotAllocate(t *testing.T) {
	s := Of("a", "b:*", "c").Wildcards()
	need := All("a", "b:x").And(Any("z", "c"))
	if n := testing.AllocsPerRun(100, func() {
		if !s.Grants("b:x") || !need.MetBy(s) {
			t.Fatal("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// FuzzGrants compares Grants with a naive implementation of the matching
// rule.
func FuzzGrants(f *testing.F) {
	f.Add("read:users write:*", "write:x")
	f.Add("read:*", "read")
	f.Add(":* *", "")
	f.Add("a:*:* a:b", "a:c")
	f.Fuzz(func(t *testing.T, claim, scope string) {
		s, err := Parse(claim)
		if err != nil {
			if n := len(strings.FieldsFunc(claim, func(r rune) bool { return r == ' ' })); n <= maxItems {
				t.Fatalf("refused %d items: %v", n, err)
			}
			return
		}
		for _, wildcards := range []bool{false, true} {
			want := naiveGrants(claim, scope, wildcards)
			set := s
			if wildcards {
				set = s.Wildcards()
			}
			if got := set.Grants(scope); got != want {
				t.Errorf("%q grants %q (wildcards %t) = %t, want %t", claim, scope, wildcards, got, want)
			}
		}
		again, err := Parse(s.String())
		if err != nil || !again.Equal(s) {
			t.Errorf("%q does not survive printing: %q, %v", claim, again, err)
		}
	})
}

func naiveGrants(claim, scope string, wildcards bool) bool {
	for _, granted := range strings.Split(claim, " ") {
		action, star := strings.CutSuffix(granted, ":*")
		wild := wildcards && star && !strings.Contains(action, ":")
		if valid(granted) && valid(scope) &&
			(granted == scope || wild && (scope == action || strings.HasPrefix(scope, action+":"))) {
			return true
		}
	}
	return false
}

// TestSetHoldsWhatItNames checks that a claim which repeats one name makes
// no large Set.
func TestSetHoldsWhatItNames(t *testing.T) {
	s, err := Parse(strings.Repeat("a ", maxItems))
	if err != nil || s.Len() != 1 || cap(s.names) > 2 {
		t.Errorf("%v, %v, room for %d", s, err, cap(s.names))
	}
}
