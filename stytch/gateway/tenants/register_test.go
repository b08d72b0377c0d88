package tenants_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
)

// TestMistakes tries registrations and names that are refused. Stytch gets no request, and
// the text names the mistake without the customer's words.
func TestMistakes(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	many := make(map[string]string)
	for i := range 21 {
		many[fmt.Sprint(i)] = ""
	}
	for _, tt := range []struct {
		name   string
		change func(*tenants.Registration)
		want   string
	}{
		{"no key", func(r *tenants.Registration) { r.Key = "" }, "the key is empty"},
		{"a long key", func(r *tenants.Registration) { r.Key = strings.Repeat("k", 129) }, "the key has more than 128 characters"},
		{"no name", func(r *tenants.Registration) { r.Name = "" }, "the name is empty"},
		{"a long name", func(r *tenants.Registration) { r.Name = strings.Repeat("ü", 129) }, "the name has more than 128 characters"},
		{"space around a name", func(r *tenants.Registration) { r.Name = "x " }, "the name begins or ends with a space"},
		{"a line break", func(r *tenants.Registration) { r.Name = "a\nb" }, "the name holds control characters"},
		{"a zero byte", func(r *tenants.Registration) { r.Name = "a\x00b" }, "the name holds control characters"},
		{"turned text", func(r *tenants.Registration) { r.Name = "a\u202eb" }, "the name holds control characters"},
		{"invalid UTF-8", func(r *tenants.Registration) { r.Name = "a\xff" }, "the name is not valid UTF-8"},
		{"a long description", func(r *tenants.Registration) { r.Description = strings.Repeat("d", 513) }, "the description has more than 512 characters"},
		{"an unlisted scope", func(r *tenants.Registration) { r.Scopes = []string{"read:reports", "admin"} }, "scope 2 can't be given"},
		{"what a listed wildcard covers", func(r *tenants.Registration) { r.Scopes = []string{"admin:users"} }, "scope 1 can't be given"},
		{"a wildcard", func(r *tenants.Registration) { r.Scopes = []string{"read:*"} }, "scope 1 can't be given"},
		{"two scopes in one", func(r *tenants.Registration) { r.Scopes = []string{"read:reports write:reports"} }, "scope 1 can't be given"},
		{"another case", func(r *tenants.Registration) { r.Scopes = []string{"Read:reports"} }, "scope 1 can't be given"},
		{"an empty scope", func(r *tenants.Registration) { r.Scopes = []string{""} }, "scope 1 can't be given"},
		{"many values", func(r *tenants.Registration) { r.Values = many }, "the values are more than 20"},
		{"large values", func(r *tenants.Registration) { r.Values = map[string]string{"a": strings.Repeat("<", 400)} }, "the values take more than 2048 bytes of JSON"},
		{"a value without key", func(r *tenants.Registration) { r.Values = map[string]string{"": "x"} }, "a key or a value is empty"},
		{"a value of invalid UTF-8", func(r *tenants.Registration) { r.Values = map[string]string{"a": "\xff"} }, "a key or a value is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := registration("mykey")
			tt.change(&r)
			_, _, err := acme.Register(t.Context(), r)
			if !errors.Is(err, tenants.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Register = %v, want %v: %s", err, tenants.Invalid, tt.want)
			}
			if e := w.lastEvent(); e.Name != "" || e.Scopes != nil {
				t.Errorf("Event = %+v, want none of the text", e)
			}
		})
	}
	for _, name := range []string{"", " ", "a\r\nb", "\xff", strings.Repeat("n", 129)} {
		if _, err := acme.Rename(t.Context(), "m2m-client-test-1", name); !errors.Is(err, tenants.Invalid) {
			t.Errorf("Rename(%q) = %v, want %v", name, err, tenants.Invalid)
		}
	}
	if got := w.wire.Count(); got != 0 {
		t.Errorf("%d requests to Stytch, want 0", got)
	}
	good := registration("joined")
	good.Name, good.Scopes = "m\u200cn \U0001f468\u200d\U0001f469", []string{"admin:*"}
	if _, _, err := acme.Register(t.Context(), good); err != nil {
		t.Errorf("Register with joiners and a listed wildcard = %v, want nil", err)
	}
}

// TestRepeat checks the keys of registrations.
func TestRepeat(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	first := tenants.Registration{
		Key: "key-1", Name: "worker", Scopes: []string{"write:reports", "read:reports"}, Values: map[string]string{"a": "b", "c": "d"},
	}
	client, secret, err := acme.Register(t.Context(), first)
	if err != nil || secret.IsZero() {
		t.Fatalf("Register = %v, want a secret", err)
	}
	if _, err := acme.Rename(t.Context(), client.ID, "renamed"); err != nil {
		t.Fatal(err)
	}
	again := first
	again.Scopes = []string{"read:reports", "write:reports", "write:reports"} // order and repeats mean nothing
	again.Values = maps.Clone(first.Values)
	for range 2 {
		got, none, err := w.as("acme").Register(t.Context(), again)
		if err != nil || got.ID != client.ID || got.Name != "renamed" || !none.IsZero() {
			t.Errorf("Register again = %+v, %q, %v, want the client without secret", got, none.Reveal(), err)
		}
		if e := w.lastEvent(); !e.Repeated || e.ClientID != client.ID {
			t.Errorf("Event = %+v, want Repeated", e)
		}
	}
	for name, change := range map[string]func(*tenants.Registration){
		"another name":        func(r *tenants.Registration) { r.Name = "renamed" },
		"another description": func(r *tenants.Registration) { r.Description = "x" },
		"fewer scopes":        func(r *tenants.Registration) { r.Scopes = r.Scopes[:1] },
		"other values":        func(r *tenants.Registration) { r.Values = map[string]string{"a": "b"} },
		"a shifted boundary":  func(r *tenants.Registration) { r.Name, r.Description = "work", "er" },
	} {
		other := first
		change(&other)
		if got, none, err := acme.Register(t.Context(), other); !errors.Is(err, tenants.KeyUsed) || got.ID != "" || !none.IsZero() {
			t.Errorf("Register with %s = %+v, %v, want %v", name, got, err, tenants.KeyUsed)
		}
	}
	theirs, fresh, err := w.as("globex").Register(t.Context(), first)
	if err != nil || theirs.ID == client.ID || fresh.IsZero() {
		t.Errorf("Register by another tenant = %+v, %v, want a client of its own", theirs, err)
	}
	if err := acme.Delete(t.Context(), client.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := acme.Register(t.Context(), first); !errors.Is(err, tenants.KeyUsed) {
		t.Errorf("Register after Delete = %v, want %v", err, tenants.KeyUsed)
	}
	if got := len(w.machines()); got != 1 {
		t.Errorf("Stytch has %d clients, want the other tenant's alone", got)
	}
}

// TestRepeatDeletedElsewhere repeats a registration whose client the dashboard has deleted.
func TestRepeatDeletedElsewhere(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	client, _ := registered(t, acme, "1")
	if err := w.api.DeleteClient(t.Context(), client.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := acme.Register(t.Context(), registration("1")); !errors.Is(err, tenants.KeyUsed) {
		t.Errorf("Register = %v, want %v", err, tenants.KeyUsed)
	}
}

// TestConcurrentRepeats sends one registration to many replicas at once: one client, one
// secret.
func TestConcurrentRepeats(t *testing.T) {
	w := newWorld(t)
	var group sync.WaitGroup
	secrets := make(chan stytch.Secret, 100)
	for range 20 {
		c := w.as("acme")
		group.Go(func() {
			_, secret, err := c.Register(t.Context(), registration("1"))
			if err != nil && !errors.Is(err, tenants.Busy) {
				t.Errorf("Register = %v, want nil or %v", err, tenants.Busy)
			}
			if !secret.IsZero() {
				secrets <- secret
			}
		})
	}
	group.Wait()
	if len(secrets) != 1 || len(w.machines()) != 1 {
		t.Errorf("%d secrets and %d clients, want one of each", len(secrets), len(w.machines()))
	}
	mustList(t, w.as("acme"), w.machines()[0].ID)
}

// TestLimit registers more clients than permitted, at many replicas at once.
func TestLimit(t *testing.T) {
	w := newWorld(t)
	few := func(c *tenants.Config) { c.MaxClients = 3 }
	var group sync.WaitGroup
	for i := range 20 {
		c := w.replica(few).For(tenants.Caller{Tenant: "acme", Actor: "user-1"})
		group.Go(func() {
			if _, _, err := c.Register(t.Context(), registration(fmt.Sprint(i))); err != nil && !errors.Is(err, tenants.LimitFull) {
				t.Errorf("Register = %v, want nil or %v", err, tenants.LimitFull)
			}
		})
	}
	group.Wait()
	creations := 0
	for _, r := range w.wire.Requests() {
		if r == "POST /v1/m2m/clients" {
			creations++
		}
	}
	if creations != 3 || len(w.machines()) != 3 {
		t.Errorf("%d creations and %d clients, want 3", creations, len(w.machines()))
	}
	acme := w.replica(few).For(tenants.Caller{Tenant: "acme", Actor: "user-1"})
	if err := acme.Delete(t.Context(), list(t, acme)[0].ID); err != nil {
		t.Fatal(err)
	}
	registered(t, acme, "next")
	if _, _, err := acme.Register(t.Context(), registration("last")); !errors.Is(err, tenants.LimitFull) {
		t.Errorf("Register = %v, want %v", err, tenants.LimitFull)
	}
	registered(t, w.replica(few).For(tenants.Caller{Tenant: "globex", Actor: "user-1"}), "1")
}

// TestKeysAreForgotten checks that the record of a tenant that registers and deletes
// without end stays small.
func TestKeysAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		acme := w.as("acme")
		for i := range 210 {
			client, _ := registered(t, acme, fmt.Sprint(i))
			if err := acme.Delete(t.Context(), client.ID); err != nil {
				t.Fatal(err)
			}
		}
		var record []byte
		err := w.store.Update(t.Context(), "acme", func(old []byte) ([]byte, error) { record = old; return old, nil })
		if got := bytes.Count(record, []byte(`"deleted":true`)); err != nil || got != 200 || len(record) > 60_000 {
			t.Errorf("the record remembers %d keys in %d bytes, %v, want 200 in at most 60,000", got, len(record), err)
		}
		if _, _, err := acme.Register(t.Context(), registration("209")); !errors.Is(err, tenants.KeyUsed) {
			t.Errorf("Register with the last key = %v, want %v", err, tenants.KeyUsed)
		}
		wait(24*time.Hour + time.Second)
		client, _ := registered(t, acme, "fresh")
		if got := recordSize(t, w, "acme"); got > 300 {
			t.Errorf("a day later, the record has %d bytes, want at most 300", got)
		}
		if again, secret := registered(t, acme, "209"); again.ID == client.ID || secret.IsZero() {
			t.Errorf("Register with a forgotten key = %+v, want a new client", again)
		}
	})
}

func recordSize(t *testing.T, w *world, tenant string) (n int) {
	t.Helper()
	if err := w.store.Update(t.Context(), tenant, func(old []byte) ([]byte, error) { n = len(old); return old, nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestNoSecretIsStored looks for secrets in the record.
func TestNoSecretIsStored(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	client, secret := registered(t, acme, "my-key-1")
	_, next, err := acme.StartRotation(t.Context(), client.ID)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	err = w.store.Update(t.Context(), "acme", func(old []byte) ([]byte, error) { text = string(old); return old, nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{secret.Reveal(), next.Reveal(), "my-key-1", w.authority.Secret()} {
		if strings.Contains(text, s) {
			t.Errorf("the record holds %q", s)
		}
	}
	if metadata := w.machines()[0].TrustedMetadata; strings.Contains(fmt.Sprintf("%s", metadata), "my-key-1") {
		t.Errorf("the metadata holds the key: %s", metadata)
	}
}
