package tenants_test

import (
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestNew checks that all mistakes are reported at once.
func TestNew(t *testing.T) {
	_, err := tenants.New(tenants.Config{Scopes: []string{"a b"}, OwnerKey: "customer", MaxClients: 1001})
	for _, want := range []string{"Config.API is nil", "Config.Store is nil", "Config.OwnerKey is \"customer\"",
		"Config.MaxClients is 1001", "option Scopes"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want %q", err, want)
		}
	}
}

// TestLife follows a client from its registration to its deletion.
func TestLife(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	client, secret, err := acme.Register(t.Context(), tenants.Registration{
		Key: "key-1", Name: "nightly export", Description: "in Frankfurt",
		Scopes: []string{"write:reports", "read:reports", "read:reports"}, Values: map[string]string{"team": "data"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := tenants.Client{
		ID: client.ID, Name: "nightly export", Description: "in Frankfurt", Active: true,
		Scopes:         []string{"read:reports", "write:reports"},
		SecretLastFour: secret.Reveal()[len(secret.Reveal())-4:], Values: map[string]string{"team": "data"},
	}
	if !reflect.DeepEqual(client, want) || !strings.HasPrefix(client.ID, "m2m-client-test-") {
		t.Errorf("Register = %+v, want %+v", client, want)
	}
	if got := w.token(client.ID, secret); got != 200 {
		t.Errorf("token with the new secret: status %d, want 200", got)
	}

	want.Name = "weekly export"
	if client, err = acme.Rename(t.Context(), client.ID, want.Name); err != nil || !reflect.DeepEqual(client, want) {
		t.Errorf("Rename = %+v, %v, want %+v", client, err, want)
	}
	if client, err = acme.Disable(t.Context(), client.ID); err != nil || client.Active {
		t.Errorf("Disable = %+v, %v, want an inactive client", client, err)
	}
	if got := w.token(client.ID, secret); got != 401 {
		t.Errorf("token of a disabled client: status %d, want 401", got)
	}
	if client, err = acme.Enable(t.Context(), client.ID); err != nil || !reflect.DeepEqual(client, want) {
		t.Errorf("Enable = %+v, %v, want %+v", client, err, want)
	}

	rotating, next, err := acme.StartRotation(t.Context(), client.ID)
	if err != nil || !strings.HasSuffix(next.Reveal(), rotating.NextSecretLastFour) || rotating.NextSecretLastFour == "" {
		t.Fatalf("StartRotation = %+v, %v", rotating, err)
	}
	if old, fresh := w.token(client.ID, secret), w.token(client.ID, next); old != 200 || fresh != 200 {
		t.Errorf("tokens during a rotation: status %d with the old secret, %d with the next, want 200", old, fresh)
	}
	want.SecretLastFour = rotating.NextSecretLastFour
	if client, err = acme.CompleteRotation(t.Context(), client.ID, rotating.NextSecretLastFour); err != nil || !reflect.DeepEqual(client, want) {
		t.Errorf("CompleteRotation = %+v, %v, want %+v", client, err, want)
	}
	if old, fresh := w.token(client.ID, secret), w.token(client.ID, next); old != 401 || fresh != 200 {
		t.Errorf("tokens after a rotation: status %d with the old secret, %d with the next, want 401 and 200", old, fresh)
	}
	if got := list(t, acme); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("List = %+v, want %+v", got, want)
	}

	if err := acme.Delete(t.Context(), client.ID); err != nil {
		t.Errorf("Delete = %v", err)
	}
	mustList(t, acme)
	if got := w.machines(); len(got) != 0 {
		t.Errorf("Stytch has %d clients after Delete, want 0", len(got))
	}
}

// TestMetadata checks what Stytch stores: the owner, whatever the customer wrote.
func TestMetadata(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	hostile := map[string]string{
		"tenant_id": "globex", "customer": "globex", "registration": "x", "__proto__": `{"tenant_id":"globex"}`,
		`","tenant_id":"globex`: `"}},"tenant_id":"globex","x":{"`, "null": "{{ request.tenant_id }}",
	}
	client, _, err := acme.Register(t.Context(), tenants.Registration{
		Key: `k","tenant_id":"globex`, Name: `x","trusted_metadata":{"tenant_id":"globex"},"y":"`,
		Description: `","client_id":"m2m-client-test-mine`, Values: hostile,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(client.Values, hostile) {
		t.Errorf("Values = %q, want %q", client.Values, hostile)
	}
	all := w.machines()
	if len(all) != 1 || all[0].ID != client.ID || strings.Contains(client.ID, "mine") {
		t.Fatalf("Stytch has %+v, want %s alone", all, client.ID)
	}
	metadata := all[0].TrustedMetadata
	if got := string(metadata["tenant_id"]); got != `"acme"` || len(metadata) != 3 {
		t.Errorf("tenant_id = %s among %d members, want \"acme\" among 3", got, len(metadata))
	}
	mustList(t, w.as("globex"))
	if _, err := acme.Rename(t.Context(), client.ID, "plain"); err != nil {
		t.Fatal(err)
	}
	if got := w.machines()[0].TrustedMetadata; !reflect.DeepEqual(got, metadata) {
		t.Errorf("metadata after Rename = %s, want it unchanged: %s", got, metadata)
	}
}

// TestOwnerKey checks a SaaS's own name for the owner.
func TestOwnerKey(t *testing.T) {
	w := newWorld(t)
	acme := w.replica(func(c *tenants.Config) { c.OwnerKey = "org" }).For(tenants.Caller{Tenant: "acme", Actor: "user-1"})
	client, _ := registered(t, acme, "1")
	if got := string(w.machines()[0].TrustedMetadata["org"]); got != `"acme"` {
		t.Errorf("org = %s, want \"acme\"", got)
	}
	if err := w.as("acme").Delete(t.Context(), client.ID); err == nil || err.Error() != tenants.NotFound.Error() {
		t.Errorf("Delete with another OwnerKey = %v, want %v", err, tenants.NotFound)
	}
}

// TestClaimedClient checks that a client which another program has given to a tenant is
// the tenant's.
func TestClaimedClient(t *testing.T) {
	w := newWorld(t)
	machine, _, err := w.api.CreateClient(t.Context(), stytch.CreateParams{
		Name: "by hand", TrustedMetadata: map[string]any{"tenant_id": "acme", "customer": map[string]any{"n": 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := w.as("acme").Disable(t.Context(), machine.ID)
	if err != nil || client.Active || len(client.Values) > 1 || client.Values["n"] != "" {
		t.Errorf("Disable = %+v, %v", client, err)
	}
}
