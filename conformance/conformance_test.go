package main

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/m2mauth/m2mauth/internal/jose"
)

// TestVectors fails for every case whose outcome differs from its file and from the
// list of divergences.
func TestVectors(t *testing.T) {
	var results []result
	for _, s := range suites {
		t.Run(s.file, func(t *testing.T) {
			r, err := s.run()
			if err != nil {
				t.Error(err)
			}
			results = append(results, r)
		})
	}
	t.Log(render(results))

	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	updated, err := insert(readme, render(results))
	if err != nil {
		t.Fatal(err)
	}
	if !t.Failed() && !bytes.Equal(readme, updated) {
		t.Error("the table in README.md is out of date: run go generate")
	}
}

// TestExponent3 checks that the keys of those divergences are dropped for their
// exponent alone. If it is allowed, their vectors agree.
func TestExponent3(t *testing.T) {
	for _, s := range suites {
		for id, reason := range s.known {
			if reason != exponent3 {
				continue
			}
			f := must(load(s.file))
			for _, g := range f.Groups {
				for _, v := range g.Tests {
					if v.ID != id {
						continue
					}
					accepts, _, err := checkBy(must(signatureKey(g)), s.algorithm, jose.Options{AllowExponent3: true})
					if err != nil || !accepts(v) {
						t.Errorf("%s: tc%d is refused: %v", s.file, id, err)
					}
					v.Sig[len(v.Sig)-1] ^= 1
					if accepts(v) {
						t.Errorf("%s: tc%d, changed, is accepted", s.file, id)
					}
				}
			}
		}
	}
}

// TestPrivateKeys checks that each of Wycheproof's private keys is reported as
// compromised, even if it has other mistakes.
func TestPrivateKeys(t *testing.T) {
	n := 0
	for _, name := range []string{"json_web_signature", "json_web_key", "json_web_crypto", "json_web_encryption"} {
		for _, g := range must(load(name + "_test.json")).Groups {
			if g.Private == nil {
				continue
			}
			doc := must(asKeySet(g.Private))
			var raw struct{ Keys []map[string]any }
			if err := json.Unmarshal(doc, &raw); err != nil {
				t.Fatal(err)
			}
			secret := make(map[int]bool)
			for i, k := range raw.Keys {
				secret[i] = k["kty"] == "oct" || k["d"] != nil
			}
			set, err := jose.ParseKeySet(doc, jose.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range set.Dropped {
				if d.Secret != secret[d.Index] {
					t.Errorf("%s: %s: Secret = %t", name, d, d.Secret)
				}
				if d.Secret {
					n++
					delete(secret, d.Index)
				}
			}
			for i, left := range secret {
				if left {
					t.Errorf("%s: private key %d of %s was not reported", name, i, g.Private)
				}
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d private keys were looked at", n)
	}
}
