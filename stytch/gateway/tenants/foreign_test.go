package tenants_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
)

// acts are the calls that name a client.
var acts = map[tenants.Act]func(t *testing.T, c *tenants.Clients, id string) error{
	tenants.ActRename: func(t *testing.T, c *tenants.Clients, id string) error {
		_, err := c.Rename(t.Context(), id, "renamed")
		return err
	},
	tenants.ActDisable: func(t *testing.T, c *tenants.Clients, id string) error {
		_, err := c.Disable(t.Context(), id)
		return err
	},
	tenants.ActEnable: func(t *testing.T, c *tenants.Clients, id string) error {
		_, err := c.Enable(t.Context(), id)
		return err
	},
	tenants.ActDelete: func(t *testing.T, c *tenants.Clients, id string) error { return c.Delete(t.Context(), id) },
	tenants.ActStart: func(t *testing.T, c *tenants.Clients, id string) error {
		_, secret, err := c.StartRotation(t.Context(), id)
		if err != nil && !secret.IsZero() {
			t.Error("StartRotation returned a secret with its error")
		}
		return err
	},
	tenants.ActComplete: func(t *testing.T, c *tenants.Clients, id string) error {
		_, err := c.CompleteRotation(t.Context(), id, "abcd")
		return err
	},
	tenants.ActCancel: func(t *testing.T, c *tenants.Clients, id string) error {
		_, err := c.CancelRotation(t.Context(), id, "abcd")
		return err
	},
}

// TestForeign tries every call with clients that are not the tenant's. Each gets the error
// of an ID that nobody has, and nothing changes.
func TestForeign(t *testing.T) {
	for name, owner := range map[string]any{
		"another tenant's":     map[string]any{"tenant_id": "globex"},
		"another case":         map[string]any{"tenant_id": "Acme"},
		"a longer name":        map[string]any{"tenant_id": "acme2"},
		"a space":              map[string]any{"tenant_id": "acme "},
		"a zero byte":          map[string]any{"tenant_id": "acme\x00"},
		"a list":               map[string]any{"tenant_id": []string{"acme"}},
		"an object":            map[string]any{"tenant_id": map[string]string{"tenant_id": "acme"}},
		"a number":             map[string]any{"tenant_id": 1},
		"true":                 map[string]any{"tenant_id": true},
		"empty":                map[string]any{"tenant_id": ""},
		"another member":       map[string]any{"TENANT_ID": "acme", "tenant": "acme", "customer": map[string]string{"tenant_id": "acme"}},
		"no owner":             map[string]any{"x": 1},
		"no metadata":          nil,
		"the tenant's, inside": map[string]any{"registration": map[string]string{"tenant_id": "acme"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			metadata, _ := owner.(map[string]any)
			foreign, _, err := w.api.CreateClient(t.Context(), stytch.CreateParams{Name: "theirs", TrustedMetadata: metadata})
			if err != nil {
				t.Fatal(err)
			}
			acme := w.as("acme")
			for act, call := range acts {
				unknown := call(t, acme, "m2m-client-test-00000000-0000-4000-8000-000000000000")
				got := call(t, acme, foreign.ID)
				if !reflect.DeepEqual(got, unknown) || !errors.Is(got, tenants.NotFound) || cause(got) != nil {
					t.Errorf("%s = %#v, want the error of an unknown ID, %#v", act, got, unknown)
				}
				if e := w.lastEvent(); !e.Foreign || e.ClientID != foreign.ID || e.Act != act || e.Tenant != "acme" {
					t.Errorf("%s: Event = %+v, want Foreign", act, e)
				}
			}
			if now, err := w.api.GetClient(t.Context(), foreign.ID); err != nil || !reflect.DeepEqual(now, foreign) {
				t.Errorf("the client is %+v, %v, want it unchanged: %+v", now, err, foreign)
			}
			mustList(t, acme)
		})
	}
}

// TestMalformedIDs tries every call with texts that are no IDs. Stytch gets no request, and
// the audit log none of the text.
func TestMalformedIDs(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	imported, _, err := w.api.CreateClient(t.Context(), stytch.CreateParams{
		ID: "imported", TrustedMetadata: map[string]any{"tenant_id": "acme"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{
		"", ".", "..", "search", "m2m-client-", "m2m-client-..", "m2m-client-test-1/secrets/rotate", "m2m-client-test-1%2f..",
		"m2m-client-test-1?x", "m2m-client-test-1#", "m2m-client-test-1 ", " m2m-client-test-1", "m2m-client-test-1\n",
		"m2m-client-test-\u00e9", "m2m-client-test-\xff", "M2M-CLIENT-test-1", "user-test-1", "m2m-client-" + strings.Repeat("a", 118),
		imported.ID, "secret-of-somebody-pasted-here",
	} {
		for act, call := range acts {
			err := call(t, acme, id)
			if !errors.Is(err, tenants.NotFound) || err.Error() != tenants.NotFound.Error() {
				t.Errorf("%s(%q) = %v, want %v", act, id, err, tenants.NotFound)
			}
			if e := w.lastEvent(); e.ClientID != "" || e.Act != act {
				t.Errorf("%s(%q): Event = %+v, want no ClientID", act, id, e)
			}
		}
	}
	if got := w.wire.Count(); got != 0 {
		t.Errorf("%d requests to Stytch, want 0: %q", got, w.wire.Requests())
	}
}

// TestCallers tries tenants and actors that are none.
func TestCallers(t *testing.T) {
	w := newWorld(t)
	ownerless, _, err := w.api.CreateClient(t.Context(), stytch.CreateParams{TrustedMetadata: map[string]any{"tenant_id": ""}})
	if err != nil {
		t.Fatal(err)
	}
	for _, caller := range []tenants.Caller{
		{}, {Tenant: "acme"}, {Actor: "user-1"}, {Tenant: " ", Actor: "user-1"}, {Tenant: "ac me", Actor: "user-1"},
		{Tenant: "acme\xff", Actor: "user-1"}, {Tenant: "acm\u00e9", Actor: "user-1"}, {Tenant: strings.Repeat("a", 129), Actor: "user-1"},
		{Tenant: "acme", Actor: "a\nb"}, {Tenant: "acme", Actor: strings.Repeat("a", 257)},
	} {
		c := w.replica().For(caller)
		for act, call := range acts {
			if err := call(t, c, ownerless.ID); !errors.Is(err, tenants.NoCaller) {
				t.Errorf("%s by %+v = %v, want %v", act, caller, err, tenants.NoCaller)
			}
		}
		if _, err := c.List(t.Context()); !errors.Is(err, tenants.NoCaller) {
			t.Errorf("List by %+v = %v, want %v", caller, err, tenants.NoCaller)
		}
		if _, _, err := c.Register(t.Context(), registration("1")); !errors.Is(err, tenants.NoCaller) {
			t.Errorf("Register by %+v = %v, want %v", caller, err, tenants.NoCaller)
		}
		if e := w.lastEvent(); !errors.Is(e.Err, tenants.NoCaller) || e.Tenant != "" && e.Tenant != "acme" || e.Actor != "" && e.Actor != "user-1" {
			t.Errorf("Event by %+v = %+v, want %v and nothing malformed", caller, e, tenants.NoCaller)
		}
	}
	if got := w.wire.Count(); got != 0 {
		t.Errorf("%d requests to Stytch, want 0", got)
	}
}

// TestZero checks that zero values fail every call.
func TestZero(t *testing.T) {
	var none *tenants.Clients
	for name, c := range map[string]*tenants.Clients{
		"nil": none, "zero": {}, "of a zero Tenants": new(tenants.Tenants).For(tenants.Caller{Tenant: "acme", Actor: "user-1"}),
	} {
		if _, err := c.List(t.Context()); !errors.Is(err, tenants.Unavailable) {
			t.Errorf("%s: List = %v, want %v", name, err, tenants.Unavailable)
		}
		if err := c.Delete(t.Context(), "m2m-client-test-1"); !errors.Is(err, tenants.Unavailable) {
			t.Errorf("%s: Delete = %v, want %v", name, err, tenants.Unavailable)
		}
	}
	if _, err := new(tenants.Tenants).Rebuild(t.Context()); !errors.Is(err, tenants.Unavailable) {
		t.Errorf("Rebuild = %v, want %v", err, tenants.Unavailable)
	}
}

// TestPoisonedIndex puts other tenants' clients into the index of a tenant: the index
// grants nothing.
func TestPoisonedIndex(t *testing.T) {
	w := newWorld(t)
	theirs, _ := registered(t, w.as("globex"), "1")
	acme := w.as("acme")
	mine, _ := registered(t, acme, "1")
	err := w.store.Update(t.Context(), "acme", func(old []byte) ([]byte, error) {
		var r map[string]any
		if err := json.Unmarshal(old, &r); err != nil {
			return nil, err
		}
		r["clients"] = append(r["clients"].([]any), map[string]any{"id": theirs.ID}, map[string]any{"id": "../../x"})
		return json.Marshal(r)
	})
	if err != nil {
		t.Fatal(err)
	}
	mustList(t, acme, mine.ID)
	for _, r := range w.wire.Requests() {
		if strings.Contains(r, "..") {
			t.Errorf("a request to Stytch: %s", r)
		}
	}
	if err := acme.Delete(t.Context(), theirs.ID); !errors.Is(err, tenants.NotFound) {
		t.Errorf("Delete of a client in the poisoned index = %v, want %v", err, tenants.NotFound)
	}
}
