package tenants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/internal/jsonv2"
)

const (
	// actTimeout bounds everything that a call does after it has reserved something in
	// the record.
	actTimeout = 20 * time.Second

	// abandoned is the age at which a reservation no longer stands: the call that made
	// it has ended long before. The difference allows for replicas whose clocks
	// differ.
	abandoned = time.Minute

	// keptKeys is how long the key of a deleted client is remembered, and mostKeys how
	// many.
	keptKeys = 24 * time.Hour
	mostKeys = 200
)

// record is what the Store keeps for a tenant.
type record struct {
	Version int                  `json:"v"`
	Clients []registration       `json:"clients"`
	Leases  map[string]time.Time `json:"leases,omitzero"` // ends, by client ID
}

// registration is a client in the index. It is pending while ID is "", and a deleted
// client's if Deleted is set. Since is when it came into that state.
type registration struct {
	ID      string    `json:"id,omitzero"`
	Key     string    `json:"key,omitzero"`  // digest of Registration.Key; "" for clients that others have created
	Body    string    `json:"body,omitzero"` // digest of the Registration
	Name    string    `json:"name,omitzero"` // while pending
	Since   time.Time `json:"since,omitzero"`
	Deleted bool      `json:"deleted,omitzero"`
}

const recordVersion = 1

func parseRecord(text []byte) (*record, error) {
	r := &record{Version: recordVersion}
	if text == nil {
		return r, nil
	}
	if err := jsonv2.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("tenants: the Store's record is malformed: %w", err)
	}
	if r.Version != recordVersion {
		return nil, fmt.Errorf("tenants: the Store's record has version %d, want %d", r.Version, recordVersion)
	}
	return r, nil
}

// update changes the record of a tenant. The error of change is returned unchanged.
func (t *Tenants) update(ctx context.Context, tenant string, change func(*record) error) error {
	var refused error
	err := t.store.Update(ctx, tenant, func(old []byte) ([]byte, error) {
		r, err := parseRecord(old)
		if err != nil {
			return nil, err
		}
		if refused = change(r); refused != nil {
			return nil, refused
		}
		r.forget(time.Now())
		return json.Marshal(r)
	})
	switch {
	case err == nil:
		return nil
	case refused != nil && errors.Is(err, refused):
		return refused
	default:
		return unavailable(err)
	}
}

// errOnlyRead makes an Update store nothing.
var errOnlyRead = errors.New("tenants: the record is only read")

// read returns the record of a tenant.
func (t *Tenants) read(ctx context.Context, tenant string) (r *record, err error) {
	err = t.update(ctx, tenant, func(current *record) error { r = current; return errOnlyRead })
	if err == errOnlyRead {
		return r, nil
	}
	return nil, err
}

// forget removes what no longer counts.
func (r *record) forget(now time.Time) {
	for id, end := range r.Leases {
		if now.After(end) {
			delete(r.Leases, id)
		}
	}
	deleted := 0
	for i := len(r.Clients) - 1; i >= 0; i-- { // the last deleted is near the end
		if !r.Clients[i].Deleted {
			continue
		}
		if deleted++; deleted > mostKeys || now.Sub(r.Clients[i].Since) > keptKeys {
			r.Clients = slices.Delete(r.Clients, i, i+1)
		}
	}
}

// count returns how many clients the tenant has, pending ones included.
func (r *record) count() (n int) {
	for _, c := range r.Clients {
		if !c.Deleted {
			n++
		}
	}
	return n
}

// find returns the registration that has the key, or nil.
func (r *record) find(key string) *registration {
	for i := range r.Clients {
		if key != "" && r.Clients[i].Key == key {
			return &r.Clients[i]
		}
	}
	return nil
}

// ids returns the IDs in the index, in the order of registration, and those among them
// that are too new for Stytch to be sure to know them everywhere.
func (r *record) ids(now time.Time) (ids []string, fresh map[string]bool) {
	fresh = make(map[string]bool)
	for _, c := range r.Clients {
		if isClientID(c.ID) && !c.Deleted {
			ids = append(ids, c.ID)
			fresh[c.ID] = now.Sub(c.Since) < abandoned
		}
	}
	return ids, fresh
}

// isAbandoned reports whether nobody works on a pending registration any more.
func (r *registration) isAbandoned(now time.Time) bool {
	return r.ID == "" && !r.Deleted && now.Sub(r.Since) > abandoned
}

// add puts a client into the index. It settles the pending registration of its key.
func (r *record) add(id string, m marker) {
	if slices.ContainsFunc(r.Clients, func(c registration) bool { return c.ID == id }) {
		return
	}
	if pending := r.find(m.Key); pending != nil {
		if pending.ID == "" {
			*pending = registration{ID: id, Key: pending.Key, Body: pending.Body, Since: time.Now()}
			return
		}
		m = marker{} // another client has the key already
	}
	r.Clients = append(r.Clients, registration{ID: id, Key: m.Key, Body: m.Body, Since: time.Now()})
}

// remove takes a client out of the index, and remembers its key.
func (r *record) remove(id string, now time.Time) {
	i := slices.IndexFunc(r.Clients, func(c registration) bool { return c.ID == id })
	if i < 0 || r.Clients[i].Deleted {
		return
	}
	gone := r.Clients[i]
	r.Clients = slices.Delete(r.Clients, i, i+1)
	if gone.Key != "" {
		r.Clients = append(r.Clients, registration{ID: id, Key: gone.Key, Body: gone.Body, Since: now, Deleted: true})
	}
}

// exclusively calls act while no other call of the package, at any replica, rotates the
// secret of the client. act's context ends before the reservation does.
func (c *Clients) exclusively(ctx context.Context, id string, act func(context.Context) error) error {
	ctx, cancel := acting(ctx)
	defer cancel()
	end := time.Now().Add(abandoned)
	err := c.t.update(ctx, c.caller.Tenant, func(r *record) error {
		if wait := time.Until(r.Leases[id]); wait > 0 {
			return &Error{Reason: Busy, RetryAfter: wait}
		}
		if r.Leases == nil {
			r.Leases = make(map[string]time.Time)
		}
		r.Leases[id] = end
		return nil
	})
	if err != nil {
		return err
	}
	// A panic leaves the reservation, which ends by itself.
	if err = act(ctx); errors.Is(err, Uncertain) {
		return err // the request may still be on its way to Stytch: no other one must meet it there
	}
	c.release(ctx, id, end)
	return err
}

// release ends a reservation, unless it has become another call's. If that fails, it ends
// by itself.
func (c *Clients) release(ctx context.Context, id string, end time.Time) {
	ctx, cancel := acting(ctx)
	defer cancel()
	_ = c.t.update(ctx, c.caller.Tenant, func(r *record) error {
		if r.Leases[id].Equal(end) {
			delete(r.Leases, id)
		}
		return nil
	})
}

// acting returns a context for a change, which does not end with the caller's.
func acting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), actTimeout)
}
