package tenants_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
)

// TestStoreFails lets the Store fail at each Update of each call. No secret is lost, and
// the list is right once the Store works again.
func TestStoreFails(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	client, _ := registered(t, acme, "1")
	unavailable := func(name string, err error) {
		t.Helper()
		if !errors.Is(err, tenants.Unavailable) || !errors.Is(err, errStore) || strings.Contains(err.Error(), "/var/lib") {
			t.Errorf("%s = %v, want %v without the Store's words", name, err, tenants.Unavailable)
		}
	}
	w.store.failAfter(0)
	_, err := acme.List(t.Context())
	unavailable("List", err)
	_, _, err = acme.Register(t.Context(), registration("2"))
	unavailable("Register", err)
	_, _, err = acme.StartRotation(t.Context(), client.ID)
	unavailable("StartRotation", err)
	if got := w.machines(); len(got) != 1 || got[0].NextSecretLastFour != "" {
		t.Errorf("Stytch has %+v, want nothing changed", got)
	}

	w.store.failAfter(1) // after the place is reserved
	second, secret, err := acme.Register(t.Context(), registration("2"))
	if err != nil || secret.IsZero() || w.token(second.ID, secret) != 200 {
		t.Errorf("Register = %v, want the secret in any case", err)
	}
	if e := w.lastEvent(); e.Err != nil || !errors.Is(e.Cause, errStore) {
		t.Errorf("Event = %+v, want Cause %v", e, errStore)
	}
	w.store.failAfter(0)
	if err := acme.Delete(t.Context(), client.ID); err != nil {
		t.Errorf("Delete = %v, want nil: the client is deleted", err)
	}
	w.store.restore()
	if _, err := w.replica().Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustList(t, acme, second.ID)
}

// TestMalformedRecord checks that a record which is not understood is not replaced.
func TestMalformedRecord(t *testing.T) {
	for _, text := range []string{`{"v":2,"clients":[]}`, `{`, `[]`} {
		w := newWorld(t)
		keep := func([]byte) ([]byte, error) { return []byte(text), nil }
		if err := w.store.Update(t.Context(), "acme", keep); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.as("acme").Register(t.Context(), registration("1")); !errors.Is(err, tenants.Unavailable) {
			t.Errorf("Register with the record %s = %v, want %v", text, err, tenants.Unavailable)
		}
		if w.wire.Count() != 0 || recordSize(t, w, "acme") != len(text) {
			t.Errorf("the record %s: %d requests, %d bytes now", text, w.wire.Count(), recordSize(t, w, "acme"))
		}
	}
}
