package tenants_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
)

func Example() {
	authority := m2mtest.NewAuthority(nil) // plays Stytch
	defer authority.Close()
	api, err := stytch.New(authority.ProjectID(), stytch.NewSecret(authority.Secret()), &stytch.Options{
		BaseURL: authority.URL(), // at Stytch: leave it out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	registry, err := tenants.New(tenants.Config{
		API:    api,
		Store:  new(tenants.MemoryStore), // a database, if there are several replicas
		Scopes: []string{"read:reports", "write:reports"},
		Observe: func(_ context.Context, e tenants.Event) {
			fmt.Printf("audit: %s %s, refused: %t\n", e.Actor, e.Act, e.Err != nil)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	// Both come from the session of the SaaS, and never from the request.
	acme := registry.For(tenants.Caller{Tenant: "acme", Actor: "ann@acme.example"})
	machine, secret, err := acme.Register(ctx, tenants.Registration{
		Key: "from the form", Name: "nightly export", Scopes: []string{"read:reports"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(machine.Name, machine.Scopes, secret) // Reveal returns the text

	globex := registry.For(tenants.Caller{Tenant: "globex", Actor: "bob@globex.example"})
	err = globex.Delete(ctx, machine.ID)
	fmt.Println(errors.Is(err, tenants.NotFound))
	// Output:
	// audit: ann@acme.example register, refused: false
	// nightly export [read:reports] [redacted]
	// audit: bob@globex.example delete, refused: true
	// true
}
