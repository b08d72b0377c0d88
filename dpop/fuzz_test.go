package dpop_test

import (
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
)

// FuzzProof checks that no text in place of a proof is accepted, apart from the
// good proof itself.
func FuzzProof(f *testing.F) {
	p := prooftest.New(f)
	good := p.Sign(f, p.Header(), claims())
	f.Add(good)
	f.Add(strings.Repeat(".", 100))
	f.Add(good[:len(good)-1] + "A")
	f.Add(p.Sign(f, p.Header().With(fields{"jwk": fields{"kty": "oct", "k": ""}}), claims()))
	c := newChecker(f, dpop.Config{})
	f.Fuzz(func(t *testing.T, text string) {
		if err := c.Inspect(callOf(p, text)); err == nil && text != good {
			t.Errorf("Inspect(%q) = nil, want an error", text)
		}
	})
}

// FuzzTarget checks that URLs match only if their normal forms do, and that
// matching is symmetric where both are URLs.
func FuzzTarget(f *testing.F) {
	f.Add("https://a.example/x", "https://a.example", "/x")
	f.Add("HTTPS://a.example:443/%7e", "https://a.example", "/~")
	f.Fuzz(func(t *testing.T, htu, origin, path string) {
		same := dpop.SameTarget(htu, origin, path)
		if same && !strings.EqualFold(strings.SplitN(htu, ":", 2)[0], strings.SplitN(origin, ":", 2)[0]) {
			t.Errorf("SameTarget(%q, %q, %q) = true for two schemes", htu, origin, path)
		}
		if same && !dpop.SameTarget(origin+path, origin, path) {
			t.Errorf("SameTarget(%q, %q, %q) = true, but the URL does not match itself", htu, origin, path)
		}
	})
}
