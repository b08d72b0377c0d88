package tenants

import (
	"context"
	"time"

	"github.com/m2mauth/m2mauth/stytch"
)

// Rename gives a client another name: 1 to 128 characters. Names need not be unique.
func (c *Clients) Rename(ctx context.Context, id, name string) (Client, error) {
	event := &Event{Act: ActRename}
	client, err := func() (Client, error) {
		if problem := checkName(name, 128); problem != "" {
			return Client{}, invalid("the name " + problem)
		}
		event.Name = name
		return c.change(ctx, id, event, stytch.UpdateParams{Name: &name})
	}()
	return client, c.report(ctx, event, err)
}

// Disable ends the issue of tokens to a client. Tokens that were issued before stay valid
// until they expire.
func (c *Clients) Disable(ctx context.Context, id string) (Client, error) {
	event := &Event{Act: ActDisable}
	client, err := c.change(ctx, id, event, stytch.UpdateParams{Status: new(stytch.Inactive)})
	return client, c.report(ctx, event, err)
}

// Enable reverses [Clients.Disable].
func (c *Clients) Enable(ctx context.Context, id string) (Client, error) {
	event := &Event{Act: ActEnable}
	client, err := c.change(ctx, id, event, stytch.UpdateParams{Status: new(stytch.Active)})
	return client, c.report(ctx, event, err)
}

// change changes a client of the tenant. The parameters never hold TrustedMetadata, so
// that its owner stays as it was registered.
func (c *Clients) change(ctx context.Context, id string, event *Event, p stytch.UpdateParams) (Client, error) {
	if err := c.ready(); err != nil {
		return Client{}, err
	}
	if _, err := c.own(ctx, id, event); err != nil {
		return Client{}, err
	}
	ctx, cancel := acting(ctx)
	defer cancel()
	machine, err := c.t.api.UpdateClient(ctx, id, p)
	if isRefusal(err) && !isUnknown(err) {
		return Client{}, refusedTexts(err)
	}
	return c.changed(machine, err)
}

// Delete removes a client permanently. Tokens that were issued to it stay valid until
// they expire.
func (c *Clients) Delete(ctx context.Context, id string) error {
	event := &Event{Act: ActDelete}
	return c.report(ctx, event, c.delete(ctx, id, event))
}

func (c *Clients) delete(ctx context.Context, id string, event *Event) error {
	if err := c.ready(); err != nil {
		return err
	}
	if _, err := c.own(ctx, id, event); err != nil {
		return err
	}
	ctx, cancel := acting(ctx)
	defer cancel()
	if err := c.t.api.DeleteClient(ctx, id); isUnknown(err) {
		return &Error{Reason: NotFound}
	} else if err != nil {
		return failed(err)
	}
	// If the index fails, the client takes up a place in the limit until List misses it.
	event.Cause = causeOf(c.t.update(ctx, c.caller.Tenant, func(r *record) error {
		r.remove(id, time.Now())
		return nil
	}))
	return nil
}
