package verifier_test

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
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

// BenchmarkRevocations verifies a token that was seen before, with an empty list and
// a full one that stand still, and with one that changes before each call.
func BenchmarkRevocations(b *testing.B) {
	for _, tt := range []struct {
		name    string
		entries int // -1: no list
		changes bool
	}{{"none", -1, false}, {"0", 0, false}, {"100000", 100_000, false}, {"100000 changing", 100_000, true}} {
		b.Run(tt.name, func(b *testing.B) {
			var cfg verifier.Config
			var list *revocation.List
			if tt.entries >= 0 {
				list = newList(b, revocation.Config{MaxEntries: 1 << 30})
				cfg.Revocations = list
			}
			authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("EdDSA")})
			b.Cleanup(authority.Close)
			cfg.Issuers = []verifier.Issuer{authority.Issuer()}
			v, err := verifier.New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = v.Close() })
			cut := func(n int) {
				if err := list.Add(revocation.Cutoff{Issuer: v.Issuers()[0], Select: revocation.Token(strconv.Itoa(n))}); err != nil {
					b.Fatal(err)
				}
			}
			for n := range tt.entries {
				cut(n)
			}
			token, n := authority.Token(longSpec()), tt.entries
			b.ReportAllocs()
			for b.Loop() {
				if tt.changes {
					b.StopTimer()
					cut(n)
					n++
					b.StartTimer()
				}
				if _, err := v.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkWhileValid reports what 100,000 idle contexts cost: the memory of each,
// and the time that a cut-off takes to end one of them.
func BenchmarkWhileValid(b *testing.B) {
	const many = 100_000
	list := newList(b, revocation.Config{})
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("EdDSA")})
	b.Cleanup(authority.Close)
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}, Revocations: list})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = v.Close() })
	authorized := func(client string) context.Context {
		ctx, err := v.Authorize(b.Context(), verifier.Request{Authorization: []string{"Bearer " + authority.Token(m2mtest.TokenSpec{ClientID: client})}}, scopes.Authenticated())
		if err != nil {
			b.Fatal(err)
		}
		return ctx
	}
	honest := authorized("m2m-client-honest")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cancels := make([]context.CancelFunc, many)
	for i := range cancels {
		_, cancels[i] = v.WhileValid(honest)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	n := 0
	for b.Loop() {
		b.StopTimer()
		client := "m2m-client-" + strconv.Itoa(n)
		n++
		work, cancel := v.WhileValid(authorized(client))
		b.StartTimer()
		cutOff(b, v, list, client)
		<-work.Done()
		cancel()
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/many, "bytes/context")
	for _, cancel := range cancels {
		cancel()
	}
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
