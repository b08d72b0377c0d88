package verifier_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// These benchmarks are for profiling one path. Published figures come from the
// benchmarks folder, which measures the peers in the same run.

func newBenchmark(b *testing.B, algorithm string, cacheSize int) (*verifier.Verifier, *m2mtest.Authority) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey(algorithm)})
	b.Cleanup(authority.Close)
	issuer := authority.Issuer()
	issuer.Accept = verifier.SubjectHasPrefix("m2m-client-")
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, CacheSize: cacheSize})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = v.Close() })
	if err := v.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	return v, authority
}

func longSpec() m2mtest.TokenSpec {
	return m2mtest.TokenSpec{
		Scopes: []string{"read:users"},
		Claims: map[string]any{"tenant": strings.Repeat("t", 120)},
	}
}

func BenchmarkFirstSight(b *testing.B) {
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		b.Run(algorithm, func(b *testing.B) {
			v, authority := newBenchmark(b, algorithm, -1)
			token := authority.Token(longSpec())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSeenAgain(b *testing.B) {
	v, authority := newBenchmark(b, "EdDSA", 100)
	for n := range 200 {
		spec := longSpec()
		spec.ClientID = "m2m-client-" + strconv.Itoa(n)
		if _, err := v.Verify(b.Context(), authority.Token(spec)); err != nil {
			b.Fatal(err)
		}
	}
	token := authority.Token(longSpec())
	request := verifier.Request{Operation: "op", Authorization: []string{"Bearer " + token}}
	need := scopes.All("read:users")
	b.Run("Verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Authorize", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Authorize(b.Context(), request, need); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkJunk(b *testing.B) {
	v, authority := newBenchmark(b, "RS256", 0)
	stranger := m2mtest.NewKey("RS256")
	for name, spec := range map[string]m2mtest.TokenSpec{
		"foreign issuer": {Issuer: "https://elsewhere.example.com"},
		"expired":        {ExpiresAt: time.Now().Add(-time.Hour)},
		"unknown key":    {Key: stranger},
	} {
		token := authority.Token(spec)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), token); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
