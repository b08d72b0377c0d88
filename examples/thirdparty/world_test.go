package thirdparty

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/verifier"
)

// world holds an authority, and the servers that trust it.
type world struct {
	authority *m2mtest.Authority
	verifier  *verifier.Verifier
	guard     *httpmw.Middleware
	cutoffs   *revocation.List
	revoked   atomic.Bool // refuses every client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{authority: m2mtest.NewAuthority(&m2mtest.Options{Key: m2mtest.NewKey("ES256")})}
	t.Cleanup(w.authority.Close)
	var err error
	if w.cutoffs, err = revocation.New(revocation.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.cutoffs.Close() })
	w.verifier, err = verifier.New(verifier.Config{
		Issuers:     []verifier.Issuer{w.authority.Issuer()},
		Leeway:      -1,
		Revocations: w.cutoffs,
		Check: func(context.Context, verifier.Client, verifier.Request) error {
			if w.revoked.Load() {
				return verifier.Revoked
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.verifier.Close() })
	if err := w.verifier.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.guard, err = httpmw.New(w.verifier, nil); err != nil {
		t.Fatal(err)
	}
	return w
}
