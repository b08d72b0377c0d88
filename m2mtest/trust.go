package m2mtest

import (
	"context"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// Trust returns an Authority without a server and a Verifier that accepts its
// tokens and has its keys. Both are closed when the test ends. Trust adds the
// authority's issuer to those of cfg, which it does not change; nil is the
// zero Config. A mistake in cfg ends the test. The authority dates its tokens
// by time.Now, also if cfg.Now is another clock. t is a *testing.T, a
// *testing.B or a *testing.F. Trust works in virtual time.
//
// For an authority that clients can call, use [NewAuthority].
func Trust(t trusting, cfg *verifier.Config) (*Authority, *verifier.Verifier) {
	t.Helper()
	return trust(t, &Options{}, cfg)
}

// TrustAs is [Trust] for another authority than Stytch. The Authority stands in for
// that of issuer, and mints its tokens in the form of shape: see Options.Issuer and
// Options.Shape.
func TrustAs(t trusting, issuer verifier.Issuer, shape Shape, cfg *verifier.Config) (*Authority, *verifier.Verifier) {
	t.Helper()
	return trust(t, &Options{Issuer: &issuer, Shape: shape}, cfg)
}

// trusting is the part of a *testing.T that Trust needs.
type trusting interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

func trust(t trusting, opts *Options, cfg *verifier.Config) (*Authority, *verifier.Verifier) {
	t.Helper()
	opts.NoServer, opts.Key = true, NewKey("ES256")
	a, err := Start(opts)
	if err != nil {
		t.Fatalf("Trust: %v", err)
	}
	t.Cleanup(a.Close)
	var c verifier.Config
	if cfg != nil {
		c = *cfg
	}
	c.Issuers = append([]verifier.Issuer{a.Issuer()}, c.Issuers...)
	v, err := verifier.New(c)
	if err != nil {
		t.Fatalf("Trust: %v", err)
	}
	t.Cleanup(func() { v.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := v.Ready(ctx); err != nil {
		t.Fatalf("Trust: %v", err)
	}
	return a, v
}
