package m2mtest_test

import (
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestRestart: after a restart, everything in the Store is there and works.
func TestRestart(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) { testRestart(t, alg) })
	}
}

func testRestart(t *testing.T, alg string) {
	store := m2mtest.NewMemoryStore()
	const project = "project-test-1"
	before := newAuthority(t, m2mtest.Options{ProjectID: project, Secret: "s", Store: store, Key: m2mtest.NewKey(alg)})
	first, secret := before.CreateClient("first", "a")
	rotating, old := before.CreateClient("rotating", "b")
	gone, goneSecret := before.CreateClient("gone", "c")
	next := call(t, before, "POST", clients+"/"+rotating+"/secrets/rotate/start", ``).client(t)["next_client_secret"].(string)
	call(t, before, "PUT", clients+"/"+first, `{"client_name": "renamed", "trusted_metadata": {"n": 12345678901234567890}}`)
	call(t, before, "DELETE", clients+"/"+gone, ``)
	call(t, before, "POST", clients, `{"client_id": "imported", "client_secret": "kR8-z42-legacy"}`)
	removed := before.Keys()[0]
	before.RotateKeys()
	before.RemoveKey(removed)
	page := call(t, before, "POST", clients+"/search", `{"limit": 1}`)
	cursor := page.body["results_metadata"].(map[string]any)["next_cursor"].(string)
	kept := before.Token(m2mtest.TokenSpec{})
	before.Close()

	after := newAuthority(t, m2mtest.Options{ProjectID: project, Secret: "s", Store: store})
	if !reflect.DeepEqual(after.Keys(), before.Keys()) {
		t.Errorf("Keys() = %q, want %q", after.Keys(), before.Keys())
	}
	if _, err := newVerifier(t, after.Issuer()).Verify(t.Context(), kept); err != nil {
		t.Errorf("Verify(from before the restart) = %v, want nil", err)
	}
	if _, err := newVerifier(t, after.Issuer()).Verify(t.Context(), after.Token(m2mtest.TokenSpec{ClientID: "imported"})); err != nil {
		t.Errorf("Verify(an imported client) = %v, want nil", err)
	}
	wantGranted(t, token(t, after, first, secret), "a")
	wantGranted(t, token(t, after, rotating, old), "b")
	wantGranted(t, token(t, after, rotating, next), "b")
	wantOAuthError(t, token(t, after, gone, goneSecret), 401, "invalid_client")
	r := call(t, after, "GET", clients+"/"+first, ``)
	if r.client(t)["client_name"] != "renamed" || !strings.Contains(r.text, "12345678901234567890") {
		t.Errorf("get = %s, want the update", r.text)
	}
	call(t, after, "POST", clients+"/"+rotating+"/secrets/rotate", ``)
	wantOAuthError(t, token(t, after, rotating, old), 401, "invalid_client")

	after.CreateClient("late")
	rest := call(t, after, "POST", clients+"/search", `{"cursor": "`+cursor+`"}`)
	var names []any
	for _, c := range rest.body["m2m_clients"].([]any) {
		names = append(names, c.(map[string]any)["client_name"])
	}
	if want := []any{"rotating", "", "late"}; !reflect.DeepEqual(names, want) {
		t.Errorf("search(after the cursor) = %q, want %q", names, want)
	}

	records, err := store.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, record := range records {
		for _, s := range []string{secret, old, next, goneSecret, "kR8-z42-legacy"} {
			if strings.Contains(string(record), s) {
				t.Errorf("record %s has a secret, want hashes alone", name)
			}
		}
	}
}

// failingStore returns err from Save.
type failingStore struct {
	m2mtest.Store
	err error
}

func (s *failingStore) Save(records map[string][]byte) error {
	if s.err != nil {
		return s.err
	}
	return s.Store.Save(records)
}

// TestUnsaved: a change that can't be saved has no effect.
func TestUnsaved(t *testing.T) {
	store := &failingStore{Store: m2mtest.NewMemoryStore()}
	a := newAuthority(t, m2mtest.Options{Store: store})
	id, secret := a.CreateClient("x", "a")
	saved, _ := store.Load()
	saved = maps.Clone(saved)
	path := clients + "/" + id
	store.err = errors.New("disk full")
	for _, c := range [][2]string{
		{"POST", clients}, {"PUT", path}, {"POST", path + "/secrets/rotate/start"}, {"DELETE", path},
	} {
		wantStytchError(t, call(t, a, c[0], c[1], `{"client_name": "y"}`), 500, "internal_server_error")
	}
	store.err = nil
	r := call(t, a, "GET", path, ``)
	if c := r.client(t); c["client_name"] != "x" || c["next_client_secret_last_four"] != nil {
		t.Errorf("get = %s, want the client without the change that was not saved", r.text)
	}
	wantGranted(t, token(t, a, id, secret), "a")
	if now, _ := store.Load(); !reflect.DeepEqual(now, saved) {
		t.Error("the records changed")
	}
	if total := call(t, a, "POST", clients+"/search", `{}`).body["results_metadata"].(map[string]any)["total"]; total != 1.0 {
		t.Errorf("search = %v clients, want 1", total)
	}
}

func TestStartErrors(t *testing.T) {
	broken := m2mtest.NewMemoryStore()
	if err := broken.Save(map[string][]byte{"client/x": []byte("{")}); err != nil {
		t.Fatal(err)
	}
	busy := newAuthority(t, m2mtest.Options{})
	for _, tt := range []struct {
		name string
		opts m2mtest.Options
		want string
	}{
		{"a malformed project", m2mtest.Options{ProjectID: "x"}, "no project ID"},
		{"an address of the network", m2mtest.Options{Addr: "0.0.0.0:0"}, "no loopback address"},
		{"all addresses", m2mtest.Options{Addr: ":0"}, "no loopback address"},
		{"no port", m2mtest.Options{Addr: "127.0.0.1"}, "has no port"},
		{"a port that is taken", m2mtest.Options{Addr: strings.TrimPrefix(busy.URL(), "http://")}, "can't listen"},
		{"a broken record", m2mtest.Options{Store: broken}, `record "client/x"`},
	} {
		tt.opts.Key = m2mtest.NewKey("ES256")
		a, err := m2mtest.Start(&tt.opts)
		if a != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Start(%s) = %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestServeHTTP(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{NoServer: true})
	if r := serve(t, a, "GET", "/v1/sessions/jwks/"+a.ProjectID()); r != 200 {
		t.Errorf("ServeHTTP(keys) = %d, want 200", r)
	}
}
