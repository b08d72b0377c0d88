package tenants

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/m2mauth/m2mauth/stytch"
)

// Client describes a client of the tenant. Its JSON may be sent to the customer.
type Client struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Active      bool     `json:"active"` // gets tokens
	Scopes      []string `json:"scopes"`

	// SecretLastFour holds the last four characters of the secret, and
	// NextSecretLastFour those of the next secret during a rotation, or else "".
	SecretLastFour     string `json:"secret_last_four"`
	NextSecretLastFour string `json:"next_secret_last_four"`

	// Values are the customer's own, as registered. They are the customer's word:
	// nobody has checked them.
	Values map[string]string `json:"values"`
}

const idPrefix = "m2m-client-"

// isClientID reports whether id has the form of the IDs that Stytch generates. All
// others are refused before any call is made.
func isClientID(id string) bool {
	rest, ok := strings.CutPrefix(id, idPrefix)
	if !ok || rest == "" || len(id) > 128 {
		return false
	}
	for i := range len(rest) {
		c := rest[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// owner returns the tenant that Stytch says the client belongs to; "" for none.
func (t *Tenants) owner(machine stytch.M2MClient) string {
	var tenant string
	// A missing member, null and every value that is not a string belong to nobody.
	if json.Unmarshal(machine.TrustedMetadata[t.ownerKey], &tenant) != nil || !isTenant(tenant) {
		return ""
	}
	return tenant
}

// view is the only way from Stytch's description of a client to a Client. It reports
// false if the client is not the tenant's.
func (c *Clients) view(machine stytch.M2MClient) (Client, bool) {
	if !isClientID(machine.ID) || !isTenant(c.caller.Tenant) || c.t.owner(machine) != c.caller.Tenant {
		return Client{}, false
	}
	var values map[string]string
	_ = json.Unmarshal(machine.TrustedMetadata[valuesKey], &values) // others than strings are not the customer's
	return Client{
		ID: machine.ID, Name: machine.Name, Description: machine.Description,
		Active: machine.Status == stytch.Active, Scopes: machine.Scopes,
		SecretLastFour: machine.SecretLastFour, NextSecretLastFour: machine.NextSecretLastFour,
		Values: values,
	}, true
}

// own asks Stytch for a client of the tenant. It fails as NotFound for a malformed ID,
// without a call, for an unknown ID, and for a client of another tenant.
func (c *Clients) own(ctx context.Context, id string, event *Event) (Client, error) {
	if !isClientID(id) {
		return Client{}, &Error{Reason: NotFound}
	}
	event.ClientID = id
	machine, err := c.t.api.GetClient(ctx, id)
	if isUnknown(err) {
		return Client{}, &Error{Reason: NotFound}
	} else if err != nil {
		return Client{}, unavailable(err)
	}
	client, ok := c.view(machine)
	if !ok {
		event.Foreign = true
		return Client{}, &Error{Reason: NotFound}
	}
	return client, nil
}

// isUnknown reports whether Stytch knows no client with the ID.
func isUnknown(err error) bool {
	return errors.Is(err, stytch.ClientNotFound) || errors.Is(err, stytch.InvalidClientID)
}

// changed returns the client as Stytch described it after a change. The client was the
// tenant's before.
func (c *Clients) changed(machine stytch.M2MClient, err error) (Client, error) {
	switch {
	case isUnknown(err): // deleted meanwhile
		return Client{}, &Error{Reason: NotFound}
	case err != nil:
		return Client{}, failed(err)
	}
	client, ok := c.view(machine)
	if !ok {
		return Client{}, failed(errors.New("tenants: after the change, the client is not the tenant's"))
	}
	return client, nil
}
