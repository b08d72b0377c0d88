package jwks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// TestUnusableSet checks that the error names the problem of each key, and
// that Status reports the same as Problems, with and without earlier keys.
func TestUnusableSet(t *testing.T) {
	const (
		secret    = "it is published with its secret part, so it is compromised"
		elsewhere = "its secret part is published in another entry, so it is compromised"
	)
	var many []jwk
	for i := range 10 {
		many = append(many, ed(fmt.Sprint("k", i)).with("use", "enc"))
	}
	tests := []struct {
		name     string
		keys     []jwk
		err      string // after "the key set holds no usable key: "
		problems int
	}{
		{"empty", nil, "it is empty", 0},
		{"for encryption", []jwk{ed("b").with("use", "enc")}, `key "b": its "use" is not "sig"`, 1},
		{"not accepted", []jwk{rsa("b", 1).with("alg", "RS256"), rsa("c", 2)},
			`key "b": it is for RS256, and accepted are ES256, EdDSA; key "c": it is an RSA key, and accepted are ES256, EdDSA`, 2},
		{"without ID", []jwk{ed("b").under("").with("crv", "X25519")}, `a key without ID: its "crv" is unknown`, 1},
		{"a hostile ID", []jwk{ed("b").under("\x1b[31m"+strings.Repeat("k", 100)).with("use", "enc")},
			`key "\x1b[31m` + strings.Repeat("k", 59) + `": its "use" is not "sig"`, 1},
		{"compromised", []jwk{ed("b"), ed("b").under("c").with("d", "AA")}, `key "b": ` + elsewhere + `; key "c": ` + secret, 2},
		{"many", many, "", 10},
	}
	for _, tt := range tests {
		for _, warm := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, warm: %t", tt.name, warm), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a := answering(down)
					s := open(t, a, hourly, func(o *Options) { o.Algorithms = []string{"ES256", "EdDSA"} })
					if warm {
						a.Now(serves(ed("a")))
						if err := s.Refresh(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					before := s.Current()
					a.Now(serves(tt.keys...))
					err := s.Refresh(t.Context())
					want := "the key set holds no usable key: " + tt.err
					switch {
					case !errors.Is(err, errNoUsableKey):
						t.Errorf("Refresh = %v, want errNoUsableKey", err)
					case tt.name == "many":
						if n := strings.Count(err.Error(), `"use"`); n != maxListed || !strings.HasSuffix(err.Error(), "; and 2 more") {
							t.Errorf("Refresh = %v, want %d problems and 2 more", err, maxListed)
						}
					case err.Error() != want:
						t.Errorf("Refresh = %v, want %s", err, want)
					}
					if n := len(s.Status().Problems); n != tt.problems {
						t.Errorf("Status has %d problems, want %d", n, tt.problems)
					}
					if s.Current() != before {
						t.Error("the keys in force were replaced")
					}
					// A set that can be used tells its own problems.
					a.Now(serves(ed("a"), ed("z").with("use", "enc")))
					if err := s.Refresh(t.Context()); err != nil {
						t.Fatal(err)
					}
					if got, want := s.Status().Problems, []Problem{{"z", `its "use" is not "sig"`, false}}; !slices.Equal(got, want) {
						t.Errorf("Problems = %v, want %v", got, want)
					}
				})
			})
		}
	}
}

// TestLeakTakesKeysOutOfForce checks that a set without a usable key leaves
// the keys in force, except those whose secret part it publishes.
func TestLeakTakesKeysOutOfForce(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before []jwk
		leaks  jwk
		want   map[string]Why // nil: there is no set any more
	}{
		{"one of two", []jwk{ed("a"), ed("b")}, ed("a").with("d", "AA"), map[string]Why{"a": Dropped, "b": Found}},
		{"under another ID", []jwk{ed("a"), ed("b")}, ed("a").under("c").with("d", "AA"), map[string]Why{"a": Dropped, "b": Found}},
		{"without ID", []jwk{ed("a").under(""), ed("b")}, ed("a").with("d", "AA"), map[string]Why{"b": Found, "": Found}},
		{"the only one", []jwk{ed("a")}, ed("a").with("d", "AA"), nil},
		{"one that is not in force", []jwk{ed("a")}, ed("b").with("d", "AA"), map[string]Why{"a": Found}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answering(serves(tt.before...))
				s := open(t, a, hourly)
				a.Now(serves(tt.leaks))
				if err := s.Refresh(t.Context()); !errors.Is(err, errNoUsableKey) {
					t.Fatalf("Refresh = %v, want errNoUsableKey", err)
				}
				st, set := s.Status(), s.Current()
				if len(st.Problems) != 1 || !st.Problems[0].Secret {
					t.Errorf("Problems = %v, want one of a published secret", st.Problems)
				}
				if tt.want == nil {
					if set != nil || st.State != Expired {
						t.Errorf("state %d with the set %v, want %d without", st.State, set, Expired)
					}
				} else {
					for id, want := range tt.want {
						if key, got := set.Lookup(id, "EdDSA"); got != want {
							t.Errorf("Lookup(%q) = %q, %d; want %d", id, key.ID, got, want)
						}
					}
				}
				a.Now(serves(ed("n")))
				if err := s.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, got := s.Current().Lookup("n", "EdDSA"); got != Found || s.Status().State != Fresh {
					t.Errorf("after a good set: verdict %d, state %d", got, s.Status().State)
				}
			})
		})
	}
}
