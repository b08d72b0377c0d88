package tenants_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
)

// TestRegisterFails lets Stytch fail in the middle of a registration. A repeat a minute
// later leads to exactly one client.
func TestRegisterFails(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fault  fault
		reason tenants.Reason
		exists bool // after the failure
	}{
		{"a response that is lost", lost, tenants.Uncertain, true},
		{"a response that is cut", garbled, tenants.Uncertain, true},
		{"a request that is lost", dropped, tenants.Uncertain, false},
		{"a 503", refused(503), tenants.Uncertain, false},
		{"a 408", refused(408), tenants.Uncertain, false},
		{"a 302", refused(302), tenants.Uncertain, false},
		{"a 400", refused(400), tenants.Unavailable, false},
		{"a 401", refused(401), tenants.Unavailable, false},
		{"a 429", refused(429), tenants.Unavailable, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				acme := w.as("acme")
				w.fail(at("POST", "/m2m/clients", tt.fault))
				_, secret, err := acme.Register(t.Context(), registration("1"))
				w.fail(nil)
				if !errors.Is(err, tt.reason) || !secret.IsZero() || len(w.machines()) == 1 != tt.exists {
					t.Fatalf("Register = %v (%v), want %v; %d clients", err, cause(err), tt.reason, len(w.machines()))
				}
				noWordsOfStytch(t, err)
				if e := w.lastEvent(); e.Cause == nil || !errors.Is(e.Err, tt.reason) {
					t.Errorf("Event = %+v, want a Cause", e)
				}
				mustList(t, acme) // nobody knows yet
				_, _, err = acme.Register(t.Context(), registration("1"))
				if tt.reason == tenants.Unavailable {
					if err != nil {
						t.Errorf("Register again = %v, want nil at once", err)
					}
				} else {
					busy, _ := errors.AsType[*tenants.Error](err)
					if !errors.Is(err, tenants.Busy) || busy.RetryAfter <= 0 {
						t.Fatalf("Register again at once = %v, want %v", err, tenants.Busy)
					}
					wait(busy.RetryAfter)
					client, secret, err := w.as("acme").Register(t.Context(), registration("1"))
					if err != nil || secret.IsZero() != tt.exists {
						t.Errorf("Register a minute later = %+v, %v, %v; want a secret only if the client is new", client, secret.IsZero(), err)
					}
				}
				all := w.machines()
				if len(all) != 1 {
					t.Fatalf("Stytch has %d clients, want 1", len(all))
				}
				mustList(t, acme, all[0].ID)
			})
		})
	}
}

// TestListSettles lists a client whose registration had no response, without a repeat, and
// gives its place back if it does not exist.
func TestListSettles(t *testing.T) {
	for name, fault := range map[string]fault{"created": lost, "not created": dropped} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			acme := w.replica(func(c *tenants.Config) { c.MaxClients = 1 }).For(tenants.Caller{Tenant: "acme", Actor: "user-1"})
			// Other tenants' clients of the same name must not be taken for it.
			registered(t, w.as("globex"), "1")
			w.fail(at("POST", "/m2m/clients", fault))
			if _, _, err := acme.Register(t.Context(), registration("1")); !errors.Is(err, tenants.Uncertain) {
				t.Fatalf("%s: Register = %v, want %v", name, err, tenants.Uncertain)
			}
			w.fail(nil)
			if _, _, err := acme.Register(t.Context(), registration("2")); !errors.Is(err, tenants.LimitFull) {
				t.Errorf("%s: Register = %v, want %v while the place is reserved", name, err, tenants.LimitFull)
			}
			wait(61 * time.Second)
			if name == "not created" {
				if _, _, err := acme.Register(t.Context(), registration("2")); err != nil {
					t.Errorf("%s: Register a minute later = %v, want nil: the place is free again", name, err)
				}
				return
			}
			if _, _, err := acme.Register(t.Context(), registration("2")); !errors.Is(err, tenants.LimitFull) {
				t.Errorf("%s: Register a minute later = %v, want %v", name, err, tenants.LimitFull)
			}
			mustList(t, acme, w.machines()[1].ID)
			// Its secret is lost. A rotation gives it a new one.
			if _, secret, err := acme.StartRotation(t.Context(), w.machines()[1].ID); err != nil || secret.IsZero() {
				t.Errorf("%s: StartRotation = %v", name, err)
			}
		})
	}
}

// TestCallerHangsUp ends the caller's context while Stytch creates the client: the index
// has it at once.
func TestCallerHangsUp(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	ctx, hangUp := context.WithCancel(t.Context())
	w.fail(at("POST", "/m2m/clients", func(rw http.ResponseWriter, r *http.Request, serve http.Handler) {
		hangUp()
		serve.ServeHTTP(rw, r)
	}))
	client, secret, err := acme.Register(ctx, registration("1"))
	if err != nil || secret.IsZero() {
		t.Errorf("Register = %v, want nil", err)
	}
	mustList(t, acme, client.ID)
}

// TestChangesFail lets Stytch fail at both requests of the calls that change a client.
func TestChangesFail(t *testing.T) {
	for _, act := range []tenants.Act{tenants.ActRename, tenants.ActDisable, tenants.ActEnable, tenants.ActDelete} {
		for _, tt := range []struct {
			name   string
			method string
			fault  fault
			reason tenants.Reason
		}{
			{"no response to the first request", "GET", dropped, tenants.Unavailable},
			{"503 to the first request", "GET", refused(503), tenants.Unavailable},
			{"401 to the first request", "GET", refused(401), tenants.Unavailable},
			{"404 of something else", "GET", refused(404), tenants.Unavailable},
			{"the change without response", changing(act), lost, tenants.Uncertain},
			{"the change lost", changing(act), dropped, tenants.Uncertain},
			{"503 to the change", changing(act), refused(503), tenants.Uncertain},
			{"429 to the change", changing(act), refused(429), tenants.Unavailable},
		} {
			w := newWorld(t)
			acme := w.as("acme")
			client, _ := registered(t, acme, "1")
			w.fail(at(tt.method, client.ID, tt.fault))
			err := acts[act](t, acme, client.ID)
			w.fail(nil)
			if !errors.Is(err, tt.reason) {
				t.Errorf("%s, %s = %v (%v), want %v", act, tt.name, err, cause(err), tt.reason)
			}
			noWordsOfStytch(t, err)
			// A repeat is right in any case; of a deletion that took place, it finds nothing.
			if err := acts[act](t, acme, client.ID); err != nil && !errors.Is(err, tenants.NotFound) {
				t.Errorf("%s again, after %s = %v, want nil", act, tt.name, err)
			}
			if act == tenants.ActDelete {
				mustList(t, acme)
			}
		}
	}
}

func changing(act tenants.Act) string {
	if act == tenants.ActDelete {
		return "DELETE"
	}
	return "PUT"
}

// TestCopiedMarker leaves a registration without outcome, and gives its marker to a client
// of another tenant: that client is not taken for it.
func TestCopiedMarker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		acme := w.replica(func(c *tenants.Config) { c.MaxClients = 1 }).For(tenants.Caller{Tenant: "acme", Actor: "user-1"})
		w.fail(at("POST", "/m2m/clients", dropped))
		if _, _, err := acme.Register(t.Context(), registration("1")); !errors.Is(err, tenants.Uncertain) {
			t.Fatalf("Register = %v, want %v", err, tenants.Uncertain)
		}
		w.fail(nil)
		var pending struct{ Clients []struct{ Key, Body string } }
		err := w.store.Update(t.Context(), "acme", func(old []byte) ([]byte, error) { return old, json.Unmarshal(old, &pending) })
		if err != nil || len(pending.Clients) != 1 || pending.Clients[0].Key == "" {
			t.Fatalf("the record has %+v, %v, want the pending registration", pending, err)
		}
		_, _, err = w.api.CreateClient(t.Context(), stytch.CreateParams{Name: registration("1").Name, TrustedMetadata: map[string]any{
			"tenant_id": "globex", "registration": map[string]string{"key": pending.Clients[0].Key, "body": pending.Clients[0].Body},
		}})
		if err != nil {
			t.Fatal(err)
		}
		wait(61 * time.Second)
		if _, _, err := acme.Register(t.Context(), registration("2")); err != nil {
			t.Errorf("Register = %v, want nil: the place is free again", err)
		}
	})
}

// TestUnknownForm lets Stytch refuse the form of an ID: the client does not exist.
func TestUnknownForm(t *testing.T) {
	w := newWorld(t)
	w.fail(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		rw.WriteHeader(400)
		rw.Write([]byte(`{"error_type":"m2m_client_invalid_client_id"}`))
	})
	for act, call := range acts {
		if err := call(t, w.as("acme"), "m2m-client-test-x"); !errors.Is(err, tenants.NotFound) || cause(err) != nil {
			t.Errorf("%s = %v, want %v", act, err, tenants.NotFound)
		}
	}
}

// TestLongNames checks what Stytch itself finds too long.
func TestLongNames(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	client, _ := registered(t, acme, "1")
	w.fail(func(rw http.ResponseWriter, r *http.Request, serve http.Handler) {
		if r.Method == "GET" {
			serve.ServeHTTP(rw, r)
			return
		}
		rw.WriteHeader(400)
		rw.Write([]byte(`{"error_type":"m2m_client_invalid_client_name"}`))
	})
	if _, _, err := acme.Register(t.Context(), registration("2")); !errors.Is(err, tenants.Invalid) {
		t.Errorf("Register = %v, want %v", err, tenants.Invalid)
	}
	if _, err := acme.Rename(t.Context(), client.ID, "x"); !errors.Is(err, tenants.Invalid) {
		t.Errorf("Rename = %v, want %v", err, tenants.Invalid)
	}
}

func noWordsOfStytch(t *testing.T, err error) {
	t.Helper()
	for _, words := range []string{"words of Stytch", "too_bad", "stytch", "http"} {
		if strings.Contains(err.Error(), words) {
			t.Errorf("the error %q holds %q", err, words)
		}
	}
}

// TestSubstitutedClient lets Stytch, or somebody between, answer a creation with a client
// that is not the tenant's: its secret is not handed out.
func TestSubstitutedClient(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	for name, answer := range map[string]string{
		"another owner": `"client_id":"m2m-client-test-1","trusted_metadata":{"tenant_id":"globex"}`,
		"no owner":      `"client_id":"m2m-client-test-1"`,
		"another form":  `"client_id":"imported","trusted_metadata":{"tenant_id":"acme"}`,
	} {
		w.fail(at("POST", "/m2m/clients", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
			rw.Write([]byte(`{"m2m_client":{"client_secret":"abcdefgh",` + answer + `}}`))
		}))
		client, secret, err := acme.Register(t.Context(), registration(name))
		if !errors.Is(err, tenants.Uncertain) || !secret.IsZero() || client.ID != "" {
			t.Errorf("%s: Register = %+v, %v, want %v", name, client, err, tenants.Uncertain)
		}
		if strings.Contains(cause(err).Error(), "abcdefgh") {
			t.Errorf("%s: the cause holds the secret: %v", name, cause(err))
		}
	}
}
