package tenants

import (
	"context"
	"errors"
	"time"

	"github.com/m2mauth/m2mauth/stytch"
)

// Register registers a client and returns it with its secret, which can't be read again.
// Stytch chooses the ID.
//
// A repeat with the same Key and content returns the client with a zero Secret: a secret
// is shown once. It fails as [Busy] while the first call is in progress, and as
// [KeyUsed] if the content differs or the client has been deleted, as far as the Store
// remembers that: for a day.
//
// The place in the tenant's limit is reserved before the client is created. If the call
// fails as [Uncertain], the client may exist, and its secret is lost. A repeat with the
// same Key, a minute later, returns the client if it exists, and creates it otherwise.
// The list shows it then, too, and a rotation gives it a new secret.
func (c *Clients) Register(ctx context.Context, r Registration) (Client, stytch.Secret, error) {
	event := &Event{Act: ActRegister}
	client, secret, err := c.register(ctx, r, event)
	event.ClientID = client.ID
	return client, secret, c.report(ctx, event, err)
}

func (c *Clients) register(ctx context.Context, r Registration, event *Event) (Client, stytch.Secret, error) {
	if err := c.ready(); err != nil {
		return Client{}, stytch.Secret{}, err
	}
	if err := r.check(c.t.scopes); err != nil {
		return Client{}, stytch.Secret{}, err
	}
	event.Name, event.Scopes = r.Name, r.scopes()
	m := r.marker(c.caller.Tenant)
	acts, cancel := acting(ctx)
	defer cancel()
	id, err := c.reserve(acts, r.Name, m)
	if errors.Is(err, errAbandoned) {
		if _, err = c.settled(ctx); err == nil {
			acts, cancel = acting(ctx)
			defer cancel()
			id, err = c.reserve(acts, r.Name, m)
		}
	}
	if err != nil {
		return Client{}, stytch.Secret{}, err
	}
	if id != "" {
		event.Repeated = true
		client, err := c.repeated(ctx, id)
		return client, stytch.Secret{}, err
	}
	return c.create(acts, r, m, event)
}

// errAbandoned tells that a registration without outcome is in the way.
var errAbandoned = errors.New("tenants: an abandoned registration must be settled first")

// reserve makes a registration pending. It returns the ID of the client if the
// registration is a repeat.
func (c *Clients) reserve(ctx context.Context, name string, m marker) (id string, err error) {
	err = c.t.update(ctx, c.caller.Tenant, func(r *record) error {
		now := time.Now()
		id = "" // change may be called again
		known := r.find(m.Key)
		switch {
		case known == nil:
		case known.Body != m.Body:
			return &Error{Reason: KeyUsed, Detail: "for a client with another name, description, scopes or values"}
		case known.Deleted:
			return &Error{Reason: KeyUsed, Detail: "for a client that has been deleted"}
		case known.ID != "":
			id = known.ID
			return nil
		case known.isAbandoned(now):
			return errAbandoned
		default:
			return &Error{Reason: Busy, RetryAfter: abandoned - now.Sub(known.Since) + time.Second}
		}
		if r.count() >= c.t.max {
			for _, other := range r.Clients {
				if other.isAbandoned(now) {
					return errAbandoned // perhaps it does not exist
				}
			}
			return &Error{Reason: LimitFull}
		}
		r.Clients = append(r.Clients, registration{Key: m.Key, Body: m.Body, Name: name, Since: now})
		return nil
	})
	return id, err
}

// repeated returns the client of an earlier registration.
func (c *Clients) repeated(ctx context.Context, id string) (Client, error) {
	client, err := c.own(ctx, id, new(Event))
	if errors.Is(err, NotFound) { // deleted elsewhere
		return Client{}, &Error{Reason: KeyUsed, Detail: "for a client that has been deleted"}
	}
	return client, err
}

// create creates a client for which a place is reserved.
func (c *Clients) create(ctx context.Context, r Registration, m marker, event *Event) (Client, stytch.Secret, error) {
	machine, secret, err := c.t.api.CreateClient(ctx, stytch.CreateParams{
		Name: r.Name, Description: r.Description, Scopes: r.scopes(),
		TrustedMetadata: r.metadata(c.t, c.caller.Tenant),
	})
	switch {
	case isRefusal(err):
		event.Cause = errors.Join(err, causeOf(c.withdraw(ctx, m)))
		return Client{}, stytch.Secret{}, refusedTexts(err)
	case err != nil:
		return Client{}, stytch.Secret{}, uncertainRegistration(err)
	}
	client, ok := c.view(machine)
	if !ok {
		return Client{}, stytch.Secret{}, uncertainRegistration(
			errors.New("tenants: Stytch created a client with another ID or owner than expected"))
	}
	// The secret must not be lost because the index fails: the registration stays
	// pending then, and is settled later.
	event.Cause = causeOf(c.t.update(ctx, c.caller.Tenant, func(rec *record) error {
		rec.add(client.ID, m)
		return nil
	}))
	return client, secret, nil
}

// withdraw gives a reserved place back.
func (c *Clients) withdraw(ctx context.Context, m marker) error {
	return c.t.update(ctx, c.caller.Tenant, func(r *record) error {
		r.drop(func(known registration) bool { return known.ID == "" && known.Key == m.Key })
		return nil
	})
}

// Stytch's error types for texts that are too long for it.
const (
	invalidName        stytch.ErrorType = "m2m_client_invalid_client_name"
	invalidDescription stytch.ErrorType = "m2m_client_invalid_client_description"
)

// refusedTexts returns the error of a name or a description that Stytch does not accept.
func refusedTexts(err error) error {
	if errors.Is(err, invalidName) || errors.Is(err, invalidDescription) {
		return &Error{Reason: Invalid, Detail: "the name or the description is too long", cause: err}
	}
	return unavailable(err)
}

func uncertainRegistration(cause error) error {
	return &Error{Reason: Uncertain, Detail: "repeat it with the same key in a minute", RetryAfter: abandoned + time.Second, cause: cause}
}
