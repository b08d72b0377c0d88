package tenants

import (
	"context"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/stytch"
)

// settled returns the tenant's record after it has found out what became of abandoned
// registrations.
func (c *Clients) settled(ctx context.Context) (*record, error) {
	rec, err := c.t.read(ctx, c.caller.Tenant)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	names := make(map[string]string) // by key
	for _, r := range rec.Clients {
		if r.isAbandoned(now) {
			names[r.Key] = r.Name
		}
	}
	if len(names) == 0 {
		return rec, nil
	}
	created, err := c.created(ctx, names)
	if err != nil {
		return nil, err
	}
	err = c.t.update(ctx, c.caller.Tenant, func(r *record) error {
		for id, m := range created {
			r.add(id, m)
		}
		r.drop(func(known registration) bool { return known.isAbandoned(now) && names[known.Key] != "" })
		rec = r
		return nil
	})
	return rec, err
}

// created returns the markers of those registrations that Stytch knows, by client ID. It
// searches for the names, and the markers tell which clients are meant.
func (c *Clients) created(ctx context.Context, names map[string]string) (map[string]marker, error) {
	found := make(map[string]marker)
	for batch := range slices.Chunk(unique(names), batchSize) {
		for machine, err := range c.t.api.SearchClients(ctx, stytch.SearchParams{Names: batch}) {
			if err != nil {
				return nil, unavailable(err)
			}
			m := markerOf(machine.TrustedMetadata)
			if _, wanted := names[m.Key]; !wanted {
				continue
			}
			if _, ok := c.view(machine); ok {
				found[machine.ID] = m
			}
		}
	}
	return found, nil
}

// unique returns the values of m, each once.
func unique(m map[string]string) []string {
	var all []string
	for _, v := range m {
		all = append(all, v)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// drop removes registrations without a trace.
func (r *record) drop(these func(registration) bool) { r.Clients = slices.DeleteFunc(r.Clients, these) }
