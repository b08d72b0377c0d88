package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
)

// create creates clients without this package.
func (w *world) create(n int, tenant string) (all []string) {
	w.t.Helper()
	for i := range n {
		m, _, err := w.api.CreateClient(context.Background(), stytch.CreateParams{
			Name: fmt.Sprintf("%s %d", tenant, i), TrustedMetadata: map[string]any{"tenant_id": tenant},
		})
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, m.ID)
	}
	return all
}

// TestHugeLists lists tenants of a large project. The number of requests depends on the
// tenant's own clients alone.
func TestHugeLists(t *testing.T) {
	w := newWorld(t)
	large := w.create(250, "large")
	w.create(2500, "others")
	small := w.create(3, "small")
	w.create(5, "") // nobody's
	_, _, err := w.api.CreateClient(t.Context(), stytch.CreateParams{ID: "imported", TrustedMetadata: map[string]any{"tenant_id": "small"}})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := w.replica().Rebuild(t.Context())
	if err != nil || sum != (tenants.Rebuilt{Clients: 2753, Others: 6}) {
		t.Fatalf("Rebuild = %+v, %v, want 2753 clients and 6 others", sum, err)
	}
	if got := w.wire.Count(); got != 3 {
		t.Errorf("Rebuild made %d requests, want 3", got)
	}
	for _, tt := range []struct {
		tenant   string
		want     []string
		requests int
	}{{"small", small, 1}, {"large", large, 3}, {"nobody", nil, 0}} {
		before := w.wire.Count()
		mustList(t, w.as(tt.tenant), tt.want...)
		if got := w.wire.Count() - before; got != tt.requests {
			t.Errorf("List of %s made %d requests, want %d", tt.tenant, got, tt.requests)
		}
	}
	// A tenant that has more than it may have gets no further ones.
	if _, _, err := w.as("large").Register(t.Context(), registration("1")); !errors.Is(err, tenants.LimitFull) {
		t.Errorf("Register = %v, want %v", err, tenants.LimitFull)
	}
}

// TestListHeals lists clients that were deleted elsewhere, and ones that the search does
// not return yet.
func TestListHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		few := w.replica(func(c *tenants.Config) { c.MaxClients = 25 }).For(tenants.Caller{Tenant: "acme", Actor: "user-1"})
		var all []string
		for i := range 25 {
			client, _ := registered(t, few, fmt.Sprint(i))
			all = append(all, client.ID)
		}
		w.fail(at("POST", "/search", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
			fmt.Fprint(rw, `{"m2m_clients":[],"results_metadata":{"total":0}}`)
		}))
		mustList(t, few, all[:20]...) // one by one, up to 20
		w.fail(nil)

		for _, id := range all[:22] {
			if err := w.api.DeleteClient(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		mustList(t, few, all[22:]...) // fresh ones are hidden, and not forgotten
		wait(time.Minute)
		before := w.wire.Count()
		mustList(t, few, all[22:]...)
		if got := w.wire.Count() - before; got != 21 {
			t.Errorf("List made %d requests, want 1 and 20 for missing clients", got)
		}
		mustList(t, few, all[22:]...)
		before = w.wire.Count()
		mustList(t, few, all[22:]...)
		if got := w.wire.Count() - before; got != 1 {
			t.Errorf("List made %d requests, want 1: the index is right again", got)
		}
		registered(t, few, "a place is free again")
	})
}

// TestFreshClient lists a client that Stytch does not know at once: it is not forgotten.
func TestFreshClient(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	client, _ := registered(t, acme, "1")
	w.fail(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
		if r.Method == "GET" {
			rw.WriteHeader(404)
			fmt.Fprint(rw, `{"error_type":"m2m_client_not_found"}`)
			return
		}
		fmt.Fprint(rw, `{"m2m_clients":[],"results_metadata":{"total":0}}`)
	})
	mustList(t, acme)
	w.fail(nil)
	mustList(t, acme, client.ID)
}

// TestListFails lets Stytch fail in the middle of a List.
func TestListFails(t *testing.T) {
	w := newWorld(t)
	w.create(150, "acme")
	if _, err := w.replica().Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	acme := w.as("acme")
	for name, fault := range map[string]fault{"503": refused(503), "dropped": dropped, "cut": garbled} {
		searches := 0
		w.fail(at("POST", "/search", func(rw http.ResponseWriter, r *http.Request, serve http.Handler) {
			if searches++; searches == 2 {
				fault(rw, r, serve)
				return
			}
			serve.ServeHTTP(rw, r)
		}))
		if got, err := acme.List(t.Context()); !errors.Is(err, tenants.Unavailable) || got != nil {
			t.Errorf("%s: List = %d clients, %v, want %v", name, len(got), err, tenants.Unavailable)
		}
		if sum, err := w.replica().Rebuild(t.Context()); err != nil && !errors.Is(err, tenants.Unavailable) {
			t.Errorf("%s: Rebuild = %+v, %v", name, sum, err)
		}
	}
	w.fail(nil)
	if got := len(list(t, acme)); got != 150 {
		t.Errorf("List = %d clients, want 150", got)
	}
}

// TestForeignSearchResult lets the search return clients that nobody asked for.
func TestForeignSearchResult(t *testing.T) {
	w := newWorld(t)
	theirs := w.create(1, "globex")[0]
	acme := w.as("acme")
	mine, _ := registered(t, acme, "1")
	w.fail(at("POST", "/search", func(rw http.ResponseWriter, r *http.Request, serve http.Handler) {
		all := httptest.NewRequest("POST", r.URL.Path, strings.NewReader(`{}`))
		all.Header = r.Header
		serve.ServeHTTP(rw, all)
	}))
	mustList(t, acme, mine.ID)
	if slices.Contains(ids(list(t, acme)), theirs) {
		t.Errorf("List shows %s of another tenant", theirs)
	}
}

// TestRebuild loses the Store's records.
func TestRebuild(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	one, _ := registered(t, acme, "1")
	two, _ := registered(t, acme, "2")
	theirs, _ := registered(t, w.as("globex"), "1")
	w.store.Store = new(tenants.MemoryStore)
	mustList(t, acme)
	if _, err := acme.Rename(t.Context(), one.ID, "still mine"); err != nil { // the index grants and hides nothing here
		t.Errorf("Rename without an index = %v, want nil", err)
	}
	for range 2 {
		if sum, err := w.replica().Rebuild(t.Context()); err != nil || sum.Clients != 3 {
			t.Fatalf("Rebuild = %+v, %v, want 3 clients", sum, err)
		}
		mustList(t, acme, one.ID, two.ID)
		mustList(t, w.as("globex"), theirs.ID)
	}
	got, secret, err := acme.Register(t.Context(), registration("1"))
	if err != nil || got.ID != one.ID || !secret.IsZero() {
		t.Errorf("Register again = %+v, %v, want the first client without secret", got, err)
	}
	w.store.failAfter(0)
	if _, err := w.replica().Rebuild(t.Context()); !errors.Is(err, tenants.Unavailable) {
		t.Errorf("Rebuild with a failing Store = %v, want %v", err, tenants.Unavailable)
	}
}

// TestRebuildMeetsDeletion deletes a client while a Rebuild has read it: it does not come
// back.
func TestRebuildMeetsDeletion(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	one, _ := registered(t, acme, "1")
	w.fail(at("POST", "/search", func(rw http.ResponseWriter, r *http.Request, serve http.Handler) {
		serve.ServeHTTP(rw, r)
		w.fail(nil)
		if err := acme.Delete(t.Context(), one.ID); err != nil {
			t.Error(err)
		}
	}))
	if _, err := w.replica().Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := w.wire.Count()
	mustList(t, acme)
	if got := w.wire.Count() - before; got != 0 {
		t.Errorf("List made %d requests, want 0: the deleted client is not in the index", got)
	}
}
