package m2mtest_test

import (
	"context"
	"fmt"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// A test of a guarded operation: an authority, a verifier that trusts it, and
// tokens as they are needed.
func Example() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()

	for _, scope := range []string{"reports:read", "reports:write"} {
		token := authority.Token(m2mtest.TokenSpec{Scopes: []string{scope}})
		request := verifier.Request{Operation: "GET /reports", Authorization: []string{"Bearer " + token}}
		_, err := v.Authorize(context.Background(), request, scopes.All("reports:read"))
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// m2mauth: insufficient_scope: scope_missing: granted "reports:write", want all("reports:read")
}

// A handler alone is tested with a client in its context.
func ExampleClient() {
	client := m2mtest.Client(m2mtest.TokenSpec{
		ClientID: "billing",
		Scopes:   []string{"reports:read"},
		Claims:   map[string]any{"tenant": "acme"},
	})
	ctx := verifier.ContextWithClient(context.Background(), client)

	// The handler does:
	c, _ := verifier.ClientFromContext(ctx)
	var claims struct {
		Tenant string `json:"tenant"`
	}
	err := c.Claims(&claims)
	fmt.Println(c.ID, c.Scopes, claims.Tenant, err)
	// Output: billing reports:read acme <nil>
}

// An outage is scripted, and calls with known keys go on undisturbed.
func ExampleAuthority_Fail() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	fmt.Println(v.Ready(context.Background()))

	authority.Fail(m2mtest.Outage{Endpoints: m2mtest.KeysEndpoint})
	fmt.Println(v.Refresh(context.Background()) != nil)
	_, err = v.Verify(context.Background(), authority.Token(m2mtest.TokenSpec{}))
	fmt.Println(err)
	// Output:
	// <nil>
	// true
	// <nil>
}
