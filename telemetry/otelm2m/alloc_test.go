package otelm2m_test

import (
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestAllocations: calls with remembered tokens allocate nothing more for Observe.
func TestAllocations(t *testing.T) {
	w := newWorld(t, verifier.Config{})
	remembered := verifier.Decision{Issuer: w.verifier.Issuers()[0], Cached: true}
	if n := testing.AllocsPerRun(100, func() { w.instruments.Observe(t.Context(), remembered) }); n != 0 {
		t.Errorf("Observe(remembered) allocates %v times, want 0", n)
	}
	first := verifier.Decision{Issuer: w.verifier.Issuers()[0]}
	w.instruments.Observe(t.Context(), first)
	if n := testing.AllocsPerRun(100, func() { w.instruments.Observe(t.Context(), first) }); n > 2 {
		t.Errorf("Observe(first sight) allocates %v times, want at most 2", n)
	}

	token := w.authority.Token(m2mtest.TokenSpec{})
	if n := testing.AllocsPerRun(100, func() { _, _ = w.verifier.Verify(t.Context(), token) }); n != 0 {
		t.Errorf("Verify(remembered) allocates %v times with Observe, want 0", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	w := newWorld(b, verifier.Config{})
	for name, cached := range map[string]bool{"remembered": true, "first": false} {
		b.Run(name, func(b *testing.B) {
			d := verifier.Decision{Issuer: w.verifier.Issuers()[0], Cached: cached}
			b.ReportAllocs()
			for b.Loop() {
				w.instruments.Observe(b.Context(), d)
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for name, observed := range map[string]bool{"observed": true, "alone": false} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, verifier.Config{})
			a, v := w.authority, w.verifier
			if !observed {
				a, v = m2mtest.Trust(b, nil)
			}
			token := a.Token(m2mtest.TokenSpec{})
			b.ReportAllocs()
			for b.Loop() {
				_, _ = v.Verify(b.Context(), token)
			}
		})
	}
}
