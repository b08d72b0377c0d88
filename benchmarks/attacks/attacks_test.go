package main

import (
	"os"
	"strings"
	"testing"
)

// TestAttacks: m2mauth accepts nothing, every attack that a peer accepts has a class, and
// the files are those that the command would write.
func TestAttacks(t *testing.T) {
	all := attackAll()
	for _, f := range all {
		for _, fault := range f.faults {
			t.Errorf("%s: %s", f.peer.name, fault)
		}
		if f.attacks < 250 {
			t.Errorf("%s: %d attacks, want at least 250", f.peer.name, f.attacks)
		}
		if strings.HasPrefix(f.peer.name, ours) && len(f.accepted) > 0 {
			t.Errorf("%s accepts %q, want nothing", f.peer.name, f.accepted)
		}
		for _, name := range f.accepted {
			if classOf(name) == nil {
				t.Fatalf("%s accepts %q, which is in no class", f.peer.name, name)
			}
		}
	}
	for name, want := range map[string]string{"../ATTACKS.md": document(all), "../attacks.svg": chart(all)} {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not current: go run ./attacks writes\n%s", name, want)
		}
	}
}

func TestClassOf(t *testing.T) {
	for _, tt := range []struct {
		attack string
		breach bool
	}{
		{"claims: cnf of DPoP, unproved", true},
		{"claims: cnf null, unproved", false},
		{"signature: one bit changed", true},
		{"header: typ of an ID token", true},
		{"header: typ of another tree", false},
		{"credential: the same twice", false},
		{"header: alg none, no signature", true},
		{"header: alg none, a good signature", false},
		{"header: jwk of a forger's key, its own kid", true},
		{"claims: expired, of a forger's key", true},
		{"claims: exp 253402300800", false},
		{"scopes: none", true},
		{"route: another method", true},
	} {
		if got := classOf(tt.attack); got == nil || got.breach != tt.breach {
			t.Errorf("classOf(%s) = %+v, want a breach: %t", tt.attack, got, tt.breach)
		}
	}
	if got := classOf("of a new kind"); got != nil {
		t.Errorf("classOf(of a new kind) = %+v, want nil", got)
	}
}
