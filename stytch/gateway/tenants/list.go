package tenants

import (
	"context"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/stytch"
)

const (
	batchSize = 100 // values in one filter of a search

	// mostMissing bounds the clients of the index that a List asks for one by one,
	// because a search did not return them.
	mostMissing = 20
)

// List returns the tenant's clients as Stytch describes them now, in the order of their
// registration. It asks for those in the index alone, and not for other tenants'. Each
// takes part only if Stytch says that it is the tenant's.
func (c *Clients) List(ctx context.Context) ([]Client, error) {
	event := &Event{Act: ActList}
	clients, err := c.list(ctx)
	return clients, c.report(ctx, event, err)
}

func (c *Clients) list(ctx context.Context) ([]Client, error) {
	if err := c.ready(); err != nil {
		return nil, err
	}
	rec, err := c.settled(ctx)
	if err != nil {
		return nil, err
	}
	ids, fresh := rec.ids(time.Now())
	found, err := c.search(ctx, ids)
	if err != nil {
		return nil, err
	}
	if err := c.lookForMissing(ctx, ids, fresh, found); err != nil {
		return nil, err
	}
	var clients []Client
	for _, id := range ids {
		if client, ok := found[id]; ok && client.ID != "" {
			clients = append(clients, client)
		}
	}
	return clients, nil
}

// search returns the tenant's clients among ids. For those that Stytch returned and that
// are not the tenant's, it has a zero Client.
func (c *Clients) search(ctx context.Context, ids []string) (map[string]Client, error) {
	found := make(map[string]Client)
	for batch := range slices.Chunk(ids, batchSize) {
		for machine, err := range c.t.api.SearchClients(ctx, stytch.SearchParams{IDs: batch}) {
			if err != nil {
				return nil, unavailable(err)
			}
			found[machine.ID], _ = c.view(machine)
		}
	}
	return found, nil
}

// lookForMissing asks for clients that a search did not return: they may be too new for
// it. Those that Stytch does not know were deleted elsewhere, and leave the index unless
// they are fresh.
func (c *Clients) lookForMissing(ctx context.Context, ids []string, fresh map[string]bool, found map[string]Client) error {
	var gone []string
	asked := 0
	for _, id := range ids {
		if _, ok := found[id]; ok || asked == mostMissing {
			continue
		}
		asked++
		machine, err := c.t.api.GetClient(ctx, id)
		switch {
		case isUnknown(err) && fresh[id]:
		case isUnknown(err):
			gone = append(gone, id)
		case err != nil:
			return unavailable(err)
		default:
			found[id], _ = c.view(machine)
		}
	}
	if gone == nil {
		return nil
	}
	return c.t.update(ctx, c.caller.Tenant, func(r *record) error {
		for _, id := range gone {
			r.remove(id, time.Now())
		}
		return nil
	})
}
