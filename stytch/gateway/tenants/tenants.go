// Package tenants lets the customers of a SaaS manage the M2M clients of their own
// machines at Stytch: list, register, rename, disable, rotate and delete them. It has no
// HTTP and no page, because a SaaS has its own sessions and its own look.
//
//	registry, err := tenants.New(tenants.Config{API: api, Store: store, Scopes: scopes})
//	…
//	mine := registry.For(tenants.Caller{Tenant: session.Customer, Actor: session.User})
//	machines, err := mine.List(ctx)
//
// All customers share one project at Stytch, and Stytch does not know which client is
// whose. The package writes the tenant into the client's trusted_metadata when it
// registers the client, and never afterwards. Every call compares it with what Stytch
// says at that moment. The client of another tenant does not exist: its ID gets the same
// error as an ID that nobody has.
//
// This is a package of its own, because it holds the project's secret. The handlers of
// package gateway do not need it.
package tenants

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
	"github.com/m2mauth/m2mauth/stytch"
)

// Config configures [New].
type Config struct {
	// API calls the project's API. Required.
	API *stytch.Client

	// Store keeps the index of the tenants' clients, for all replicas. Required.
	// [MemoryStore] serves a single process.
	Store Store

	// Scopes lists the scopes that customers may give to their clients. They are
	// compared literally: "read:*" is a name like any other, and permits
	// "read:orders" only if that is listed too. If empty, clients are registered
	// without scopes.
	Scopes []string

	// OwnerKey names the member of trusted_metadata that holds the tenant:
	// "tenant_id" if "". A custom claims template can copy it into the tokens, so that
	// the SaaS's API learns the tenant of each call.
	OwnerKey string

	// MaxClients limits the clients of a tenant: 100 if zero, at most 1000.
	MaxClients int

	// Observe, if set, is called with an Event after every call, for an audit log. It
	// must be safe for concurrent use. A panic in it is recovered.
	Observe func(context.Context, Event)
}

// Members of trusted_metadata besides Config.OwnerKey.
const (
	defaultOwnerKey = "tenant_id"
	valuesKey       = "customer"     // Registration.Values
	markerKey       = "registration" // marker
)

const (
	defaultMaxClients = 100
	mostClients       = 1000
)

// Tenants manages the clients of all tenants. Its methods are safe for concurrent use, in
// any number of replicas that share a Store. Make one with [New]: the zero value fails
// every call as Unavailable.
type Tenants struct {
	api      *stytch.Client
	store    Store
	scopes   []string
	ownerKey string
	max      int
	observe  func(context.Context, Event)
}

// New returns the Tenants of a project. It does no I/O. Its error reports every mistake
// in c.
func New(c Config) (*Tenants, error) {
	t := &Tenants{
		api: c.API, store: c.Store, scopes: slices.Clone(c.Scopes), ownerKey: c.OwnerKey,
		max: outbound.OrDefault(c.MaxClients, defaultMaxClients), observe: c.Observe,
	}
	if t.ownerKey == "" {
		t.ownerKey = defaultOwnerKey
	}
	var errs []error
	if c.API == nil {
		errs = append(errs, errors.New("Config.API is nil: make one with stytch.New"))
	}
	if c.Store == nil {
		errs = append(errs, errors.New("Config.Store is nil: write new(tenants.MemoryStore) for a single process"))
	}
	if t.ownerKey == valuesKey || t.ownerKey == markerKey {
		errs = append(errs, fmt.Errorf("Config.OwnerKey is %q, which holds something else: write another name", t.ownerKey))
	} else if problem := checkName(t.ownerKey, 64); problem != "" {
		errs = append(errs, errors.New("Config.OwnerKey "+problem))
	}
	if t.max < 0 || t.max > mostClients {
		errs = append(errs, fmt.Errorf("Config.MaxClients is %d: write 1 to %d, or 0 for %d", t.max, mostClients, defaultMaxClients))
	}
	errs = append(errs, stytchwire.CheckScopes(c.Scopes))
	if err := outbound.Mistakes("tenants", errs...); err != nil {
		return nil, err
	}
	return t, nil
}

// Caller names who calls. The SaaS takes both from its own session, and never from the
// request.
type Caller struct {
	// Tenant is the customer's ID at the SaaS: up to 128 printable ASCII characters
	// without spaces. IDs are compared byte for byte. Do not reuse the ID of a
	// customer that has left.
	Tenant string

	// Actor names the user or system that acts for the tenant, for the audit log: up
	// to 256 characters.
	Actor string
}

// For returns the clients of one tenant. With a malformed or empty Tenant or Actor, every
// call fails as [NoCaller].
func (t *Tenants) For(caller Caller) *Clients { return &Clients{t: t, caller: caller} }

// Clients manages the clients of one tenant, in the name of one actor. Its methods are
// safe for concurrent use. Each returns an [*Error] if it fails.
//
// A call that changes something is completed even if its context ends meanwhile, within
// at most 20 seconds: a change that stops halfway would lose a secret.
type Clients struct {
	t      *Tenants
	caller Caller
}

// ready reports whether calls can be made.
func (c *Clients) ready() error {
	switch {
	case c == nil || c.t == nil || c.t.api == nil:
		return &Error{Reason: Unavailable, cause: errors.New("tenants: the Tenants is a zero value: make it with New")}
	case !isTenant(c.caller.Tenant):
		return &Error{Reason: NoCaller, Detail: "the tenant is missing or malformed"}
	case checkName(c.caller.Actor, 256) != "":
		return &Error{Reason: NoCaller, Detail: "the actor is missing or malformed"}
	}
	return nil
}

// isTenant reports whether s can be a tenant. Other bytes than printable ASCII could be
// changed on their way through JSON, and two tenants become one.
func isTenant(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != "" && len(s) <= 128
}
