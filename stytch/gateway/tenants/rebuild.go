package tenants

import (
	"context"

	"github.com/m2mauth/m2mauth/stytch"
)

// Rebuilt says what [Tenants.Rebuild] found.
type Rebuilt struct {
	Clients int // with a tenant; all are in the index now
	Others  int // without one, or with an imported ID: nobody's
}

// Rebuild reads all clients of the project from Stytch, and adds those that have a tenant
// to the index. Call it when the Store has lost records, or when clients were created
// with Config.OwnerKey by another program. Other calls can run at the same time.
//
// It removes nothing: List does that. It also settles registrations whose outcome was
// unknown, and remembers their keys.
func (t *Tenants) Rebuild(ctx context.Context) (Rebuilt, error) {
	if t.api == nil {
		return Rebuilt{}, (&Clients{t: t}).ready()
	}
	var sum Rebuilt
	page := make(map[string][]stytch.M2MClient) // by tenant
	size := 0
	flush := func() error {
		for tenant, machines := range page {
			err := t.update(ctx, tenant, func(r *record) error {
				for _, m := range machines {
					r.add(m.ID, markerOf(m.TrustedMetadata))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		clear(page)
		size = 0
		return nil
	}
	for machine, err := range t.api.SearchClients(ctx, stytch.SearchParams{PageSize: 1000}) {
		if err != nil {
			return sum, unavailable(err)
		}
		tenant := t.owner(machine)
		if tenant == "" || !isClientID(machine.ID) {
			sum.Others++
			continue
		}
		sum.Clients++
		page[tenant] = append(page[tenant], machine)
		if size++; size == 1000 {
			if err := flush(); err != nil {
				return sum, err
			}
		}
	}
	return sum, flush()
}
