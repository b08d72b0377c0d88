package jwks

import (
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/jose"
)

func TestLookup(t *testing.T) {
	unusable := ed("a").with("use", "enc")
	tests := []struct {
		name       string
		algorithms []string // everything if nil
		before     []jwk    // what the set replaced; nothing if nil
		keys       []jwk
		id, alg    string
		want       Why
	}{
		{name: "by its ID", keys: []jwk{ed("a"), ed("b")}, id: "b", alg: "EdDSA", want: Found},
		{name: "no such ID", keys: []jwk{ed("a")}, id: "b", alg: "EdDSA", want: unknown},
		{name: "ID in another case", keys: []jwk{ed("a")}, id: "A", alg: "EdDSA", want: unknown},
		{name: "another algorithm", keys: []jwk{ed("a")}, id: "a", alg: "ES256", want: OtherAlgorithm},
		{name: "an ID for two algorithms", keys: []jwk{ed("a"), ec("a", 1)}, id: "a", alg: "ES256", want: Found},
		{name: "an ID for two other algorithms", keys: []jwk{ed("a"), ec("a", 1)}, id: "a", alg: "RS256", want: OtherAlgorithm},
		{name: "unusable", keys: []jwk{ed("b"), unusable}, id: "a", alg: "EdDSA", want: Dropped},
		{name: "unusable, and usable for another algorithm", keys: []jwk{ec("a", 1), unusable}, id: "a", alg: "EdDSA", want: OtherAlgorithm},
		{name: "unusable, and usable", keys: []jwk{unusable, ed("a")}, id: "a", alg: "EdDSA", want: Found},
		{name: "of an algorithm that is not accepted", algorithms: []string{"ES256"}, keys: []jwk{ec("b", 1), ed("a")}, id: "a", alg: "EdDSA", want: Dropped},

		{name: "RSA key that names no algorithm", keys: []jwk{rsa("a", 1)}, id: "a", alg: "RS256", want: Found},
		{name: "and takes no other", keys: []jwk{rsa("a", 1)}, id: "a", alg: "PS256", want: OtherAlgorithm},
		{name: "the same where two are accepted", algorithms: []string{"RS256", "PS256"}, keys: []jwk{rsa("a", 1)}, id: "a", alg: "RS256", want: Dropped},
		{name: "the same where none is", algorithms: []string{"ES256"}, keys: []jwk{ec("b", 1), rsa("a", 1)}, id: "a", alg: "RS256", want: Dropped},
		{name: "RSA key that names one of two", algorithms: []string{"RS256", "PS256"}, keys: []jwk{rsa("a", 1).with("alg", "PS256")}, id: "a", alg: "PS256", want: Found},

		{name: "one ID twice, for different keys", keys: []jwk{ed("a"), ed("b").under("a"), ed("c")}, id: "a", alg: "EdDSA", want: Dropped},
		{name: "three times", keys: []jwk{ed("a"), ed("b").under("a"), ed("a"), ed("c")}, id: "a", alg: "EdDSA", want: Dropped},
		{name: "twice, and the other algorithm's stays", keys: []jwk{ed("a"), ed("b").under("a"), ec("a", 1)}, id: "a", alg: "ES256", want: Found},
		{name: "one ID twice, for the same key", keys: []jwk{ed("a"), ed("a").with("x-note", 1)}, id: "a", alg: "EdDSA", want: Found},
		{name: "the same RSA key, once without alg", keys: []jwk{rsa("a", 1), rsa("a", 1).with("alg", "RS256")}, id: "a", alg: "RS256", want: Found},
		{name: "different RSA keys, one without alg", keys: []jwk{rsa("a", 1), rsa("a", 2).with("alg", "RS256"), ed("b")}, id: "a", alg: "RS256", want: Dropped},

		{name: "removed", before: []jwk{ed("a"), ed("b")}, keys: []jwk{ed("b")}, id: "a", alg: "EdDSA", want: unknown},
		{name: "removed, for any algorithm", before: []jwk{ed("a"), ed("b")}, keys: []jwk{ed("b")}, id: "a", alg: "ES256", want: unknown},
		{name: "no longer usable", before: []jwk{ed("a"), ed("b")}, keys: []jwk{ed("b"), unusable}, id: "a", alg: "EdDSA", want: Dropped},
		{name: "replaced under its ID", before: []jwk{ed("a")}, keys: []jwk{ed("b").under("a")}, id: "a", alg: "EdDSA", want: Found},
		{name: "replaced by one of another type", before: []jwk{ed("a")}, keys: []jwk{ec("a", 1)}, id: "a", alg: "EdDSA", want: OtherAlgorithm},
		{name: "never usable, and gone", before: []jwk{unusable, ed("b")}, keys: []jwk{ed("b")}, id: "a", alg: "EdDSA", want: unknown},

		{name: "no ID, one key", keys: []jwk{ed("a")}, alg: "EdDSA", want: Found},
		{name: "no ID, one key of the algorithm", keys: []jwk{ed("a"), ec("b", 1)}, alg: "ES256", want: Found},
		{name: "no ID, and the key has none", keys: []jwk{ed("a").under("")}, alg: "EdDSA", want: Found},
		{name: "no ID, two keys", keys: []jwk{ed("a"), ed("b")}, alg: "EdDSA", want: NotOne},
		{name: "no ID, two keys without", keys: []jwk{ed("a").under(""), ed("b").under("")}, alg: "EdDSA", want: NotOne},
		{name: "no ID, the same key under two", keys: []jwk{ed("a"), ed("a").under("b")}, alg: "EdDSA", want: Found},
		{name: "no ID, the same two keys twice", keys: []jwk{ed("a"), ed("b"), ed("a").under("c")}, alg: "EdDSA", want: NotOne},
		{name: "no ID, no key of the algorithm", keys: []jwk{ed("a")}, alg: "ES256", want: NotOne},
		{name: "no ID, one key was removed", before: []jwk{ed("a"), ed("b")}, keys: []jwk{ed("b")}, alg: "EdDSA", want: Found},
		{name: "an ID, and the key has none", keys: []jwk{ed("a").under("")}, id: "a", alg: "EdDSA", want: unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			algorithms := tt.algorithms
			if algorithms == nil {
				algorithms = everything
			}
			var prev *Set
			if tt.before != nil {
				prev = compileFor(algorithms, nil, tt.before...)
			}
			set := compileFor(algorithms, prev, tt.keys...)
			key, verdict := set.Lookup(tt.id, tt.alg)
			if verdict != tt.want {
				t.Fatalf("verdict %d, want %d", verdict, tt.want)
			}
			if verdict != Found {
				if key != (Key{}) {
					t.Errorf("key %q beside the verdict", key.ID)
				}
				return
			}
			if key.Algorithm != tt.alg || tt.id != "" && key.ID != tt.id || !set.Holds(key) {
				t.Errorf("found key %q for %s", key.ID, key.Algorithm)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	const (
		replaced = "another key took its place under the same ID"
		conflict = "two different keys have this ID and the algorithm EdDSA"
		nameless = `it names no "alg", and more than one RSA algorithm is accepted: RS256, RS512`
	)
	tests := []struct {
		name         string
		algorithms   []string // everything if nil
		before, keys []jwk
		want         []Problem
	}{
		{name: "none", keys: []jwk{ed("a"), ed("a"), ed("b").under(""), ec("a", 1)}},
		{name: "in the document's order", keys: []jwk{ed("a"), ed("c"), ed("b").under("c"), ed("b"), ed("a").under("b"), ed("e").under("c")},
			want: []Problem{{"c", conflict, false}, {"b", conflict, false}}},
		{name: "not for an accepted algorithm", keys: []jwk{ed("a"), ec("b", 1).with("alg", "ES256"), rsa("c", 1).with("alg", "PS256")},
			algorithms: []string{"EdDSA"}, want: []Problem{{"b", "it is for ES256, and accepted are EdDSA", false}, {"c", "it is for PS256, and accepted are EdDSA", false}}},
		{name: "RSA keys where ES256 is accepted", keys: []jwk{rsa("a", 1), rsa("b", 2).with("alg", "RS256")}, algorithms: []string{"ES256", "EdDSA"},
			want: []Problem{{"a", "it is an RSA key, and accepted are ES256, EdDSA", false}, {"b", "it is for RS256, and accepted are ES256, EdDSA", false}}},
		{name: "a secret in another entry", keys: []jwk{ed("a"), ed("a").under("b").with("d", "AA"), ed("c")},
			want: []Problem{
				{"a", "its secret part is published in another entry, so it is compromised", true},
				{"b", "it is published with its secret part, so it is compromised", true}}},
		{name: "empty members", keys: []jwk{ed("a").with("d", nil).with("key_ops", []string{}).with("use", nil).with("alg", "").with("oth", []any{})}},
		{name: "RSA without alg", keys: []jwk{rsa("a", 1)}, algorithms: []string{"RS256", "RS512"},
			want: []Problem{{"a", nameless, false}}},
		{name: "a secret was published", keys: []jwk{ed("a").with("d", "AA"), ed("b")},
			want: []Problem{{"a", "it is published with its secret part, so it is compromised", true}}},
		{name: "replaced", before: []jwk{ed("a"), ed("b"), ec("b", 1)}, keys: []jwk{ed("b").under("a"), ed("c").under("b"), ec("b", 2)},
			want: []Problem{{"a", replaced, false}, {"b", replaced, false}, {"b", replaced, false}}},
		{name: "not replaced, but joined by another type", before: []jwk{ed("a")}, keys: []jwk{ed("a"), ec("a", 1)}},
		{name: "not replaced, but removed", before: []jwk{ed("a"), ed("b")}, keys: []jwk{ed("b")}},
		{name: "two keys where one was", before: []jwk{ed("a"), ed("b")}, keys: []jwk{ed("a"), ed("b").under("a"), ed("b")},
			want: []Problem{{"a", conflict, false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			algorithms := tt.algorithms
			if algorithms == nil {
				algorithms = everything
			}
			var prev *Set
			if tt.before != nil {
				prev = compileFor(algorithms, nil, tt.before...)
			}
			if got := compileFor(algorithms, prev, tt.keys...).Problems; !slices.Equal(got, tt.want) {
				t.Errorf("problems %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestDigest checks which documents hold the same set.
func TestDigest(t *testing.T) {
	base := string(document(ed("a"), ec("b", 1)))
	tests := []struct {
		name string
		doc  string
		same bool
	}{
		{"itself", base, true},
		{"another request_id", strings.Replace(base, "{", `{"request_id":"r-2","status_code":200,`, 1), true},
		{"another order", string(document(ec("b", 1), ed("a"))), true},
		{"a key twice", string(document(ed("a"), ec("b", 1), ed("a"))), true},
		{"an unknown member in a key", string(document(ed("a").with("x5t", "x"), ec("b", 1))), true},
		{"alg written out", string(document(ed("a").with("alg", "EdDSA"), ec("b", 1))), true},
		{"another ID", string(document(ed("a").under("c"), ec("b", 1))), false},
		{"IDs exchanged", string(document(ed("a").under("b"), ec("a", 1))), false},
		{"another key", string(document(ed("c").under("a"), ec("b", 1))), false},
		{"a key more", string(document(ed("a"), ec("b", 1), ed("c"))), false},
		{"a key less", string(document(ed("a"))), false},
		{"an unusable key more", string(document(ed("a"), ec("b", 1), ed("c").with("use", "enc"))), false},
		{"a second key for an ID", string(document(ed("a"), ec("b", 1), ed("c").under("a"))), false},
	}
	read := func(doc string) *Set {
		return newSet(must(jose.ParseKeySet([]byte(doc), jose.Options{})), everything, nil)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if same := read(tt.doc).digest == read(base).digest; same != tt.same {
				t.Errorf("the same digest: %t, want %t", same, tt.same)
			}
		})
	}

	// What was published before is no part of it: else each set that follows
	// a replacement would be swapped for itself.
	if after := compile(compile(nil, ed("c").under("a"), ed("d")), ed("a"), ec("b", 1)); after.digest != read(base).digest {
		t.Error("the digest depends on the set before")
	}
}

// TestKeysWithoutID checks that keys without an ID are told apart by their
// thumbprint.
func TestKeysWithoutID(t *testing.T) {
	a, b := ed("a").under(""), ed("b").under("")
	for _, keys := range [][]jwk{{a, b}, {a, b, b}, {b, a, b}, {b, b, a}, {a, a, b}} {
		set := compile(nil, keys...)
		if n := len(set.Keys()); n != 2 {
			t.Errorf("%d keys of two", n)
		}
		if set.digest != compile(nil, a, b).digest {
			t.Error("the digest depends on the order, or on how often a key is there")
		}
		if len(set.Problems) != 0 {
			t.Errorf("problems %v", set.Problems)
		}
	}
}

func TestHolds(t *testing.T) {
	set := compile(nil, ed("a"), ed("b").under(""))
	tests := []struct {
		name string
		in   jwk
		want bool
	}{
		{"the same key", ed("a"), true},
		{"without an ID", ed("b").under(""), true},
		{"another key under its ID", ed("b").under("a"), false},
		{"the same key under another ID", ed("a").under("c"), false},
		{"the same key without its ID", ed("a").under(""), false},
		{"the same key with an ID now", ed("b"), false},
		{"another key", ec("a", 1), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key := compile(nil, tt.in).Keys()[0]
			if got := set.Holds(key); got != tt.want {
				t.Errorf("Holds = %t, want %t", got, tt.want)
			}
		})
	}

	one, other := rsa("r", 1), compileFor([]string{"PS256"}, nil, rsa("r", 1)).Keys()[0]
	if compile(nil, one).Holds(other) {
		t.Error("a key is held that is for another algorithm")
	}
	set.Keys()[0] = Key{}
	if set.Keys()[0].Key == nil {
		t.Error("Keys returns the set's own slice")
	}
}

// FuzzSet checks that a set does not depend on the document's order. Every
// key is found, or its ID has a Problem.
func FuzzSet(f *testing.F) {
	f.Add(string(document(ed("a"), ec("b", 1), rsa("c", 1))), string(document(ed("a"))), "a", false)
	f.Add(string(document(ed("a"), ed("b").under("a"), ec("a", 1))), `{"keys":[]}`, "a", true)
	f.Add(string(document(ed("a").under(""), ed("b").under(""), ed("b").under(""))), string(document(ed("c"))), "c", false)
	f.Add(string(document(rsa("a", 1), rsa("a", 1).with("alg", "RS256"), ed("x").with("use", "enc"))), string(document(ed("x"))), "x", true)
	f.Fuzz(func(t *testing.T, doc, before, id string, twoRSA bool) {
		parsed, err := jose.ParseKeySet([]byte(doc), jose.Options{})
		if err != nil {
			return
		}
		algorithms := slices.Clone(everything)
		if twoRSA {
			algorithms = append(algorithms, "PS256")
		}
		var prev *Set
		if p, err := jose.ParseKeySet([]byte(before), jose.Options{}); err == nil {
			prev = newSet(p, algorithms, nil)
		}
		set := newSet(parsed, algorithms, prev)

		reversed := jose.KeySet{Keys: slices.Clone(parsed.Keys), Dropped: parsed.Dropped}
		slices.Reverse(reversed.Keys)
		if newSet(&reversed, algorithms, prev).digest != set.digest {
			t.Error("the digest depends on the order")
		}
		if again := newSet(parsed, algorithms, set); again.digest != set.digest {
			t.Error("a set that follows itself is another one")
		}

		published := make(map[string]bool)
		for _, k := range parsed.Keys {
			published[k.ID] = true
			inUse := slices.ContainsFunc(set.Keys(), func(o Key) bool { return o.ID == k.ID && o.Thumbprint == k.Thumbprint })
			problem := slices.ContainsFunc(set.Problems, func(p Problem) bool { return p.KeyID == k.ID })
			if !inUse && !problem {
				t.Errorf("key %q is gone without a trace", k.ID)
			}
		}
		for _, d := range parsed.Dropped {
			published[d.ID] = true
		}
		for _, k := range set.Keys() {
			if !slices.Contains(algorithms, k.Algorithm) || !set.Holds(k) {
				t.Errorf("key %q for %s", k.ID, k.Algorithm)
			}
			if k.ID == "" {
				continue
			}
			if found, v := set.Lookup(k.ID, k.Algorithm); v != Found || found != k {
				t.Errorf("looking up key %q: %d", k.ID, v)
			}
		}
		for _, algorithm := range algorithms {
			found, v := set.Lookup(id, algorithm)
			if v == Found && (id != "" && found.ID != id || found.Algorithm != algorithm) {
				t.Errorf("looking up %q for %s found %q for %s", id, algorithm, found.ID, found.Algorithm)
			}
			if v == unknown && published[id] {
				t.Errorf("%q is unknown", id)
			}
		}
	})
}
