package verifier_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// authorize makes a call with a token of spec, and returns the context that its
// handler gets.
func authorize(a *m2mtest.Authority, v *verifier.Verifier, operation string, spec m2mtest.TokenSpec) context.Context {
	ctx, err := v.Authorize(context.Background(), verifier.Request{
		Operation:     operation,
		Authorization: []string{"Bearer " + a.Token(spec)},
	}, scopes.Authenticated())
	if err != nil {
		panic(err)
	}
	return ctx
}

// A stream ends when its token is no longer valid: here, because the authority
// removes the key after a compromise.
func ExampleVerifier_WhileValid() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	stream := func(ctx context.Context) error {
		ctx, cancel := v.WhileValid(ctx)
		defer cancel()
		for {
			select {
			case <-time.After(time.Hour): // the next event
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}

	ended := make(chan error)
	ctx := authorize(authority, v, "GET /events", m2mtest.TokenSpec{})
	go func() { ended <- stream(ctx) }()

	compromised := authority.Keys()[0]
	authority.RotateKeys()
	authority.RemoveKey(compromised)
	if err := v.Refresh(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println(errors.Is(<-ended, verifier.KeyRemoved))
	// Output:
	// true
}

// Work that lasts asks again before each step. Recheck calls Check, too.
func ExampleVerifier_Recheck() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	revoked := false
	v, err := verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{authority.Issuer()},
		Check: func(context.Context, verifier.Client, verifier.Request) error {
			if revoked {
				return verifier.Revoked
			}
			return nil
		},
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	ctx := authorize(authority, v, "POST /imports", m2mtest.TokenSpec{})
	for step := range 3 {
		if err := v.Recheck(ctx); err != nil {
			fmt.Println(step, err)
			break
		}
		fmt.Println(step, "done")
		revoked = step == 1 // an operator revokes the client meanwhile
	}
	// Output:
	// 0 done
	// 1 done
	// 2 m2mauth: invalid_token: revoked
}

// One call can contain several operations: tools of MCP, fields of GraphQL,
// messages of a stream. Each has a requirement of its own.
func ExampleVerifier_Reauthorize() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	tools := map[string]scopes.Requirement{"search": scopes.All("orders:read"), "refund": scopes.All("orders:write")}
	ctx := authorize(authority, v, "POST /mcp", m2mtest.TokenSpec{Scopes: []string{"orders:read"}})
	for _, name := range []string{"search", "refund", "unknown"} {
		fmt.Println(name, v.Reauthorize(ctx, "tool/"+name, tools[name])) // without a requirement: refused
	}
	// Output:
	// search <nil>
	// refund m2mauth: insufficient_scope: scope_missing: granted "orders:read", want all("orders:write")
	// unknown m2mauth: insufficient_scope: operation_undeclared
}

// Only the handler knows who owns an object. Its refusal is observed and counted,
// and the caller gets the same response as for a missing scope.
func ExampleVerifier_Deny() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	v, err := verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{authority.Issuer()},
		Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) {
			fmt.Println("audit:", d.Operation, d.Client.ID, d.Err)
		}},
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	owners := map[string]string{"7": "m2m-client-test-2"}
	order := func(ctx context.Context, id string) error {
		client, _ := verifier.ClientFromContext(ctx)
		if owner := owners[id]; owner != client.ID {
			return v.Deny(ctx, fmt.Errorf("order %s belongs to %s", id, owner))
		}
		return nil
	}

	ctx := authorize(authority, v, "GET /orders/{id}", m2mtest.TokenSpec{ClientID: "m2m-client-test-1"})
	refused := verifier.AsError(order(ctx, "7"))
	fmt.Println("caller:", refused.Code.HTTPStatus(), refused.Code.Message())
	// Output:
	// audit: GET /orders/{id} m2m-client-test-1 <nil>
	// audit: GET /orders/{id} m2m-client-test-1 m2mauth: insufficient_scope: operation_not_allowed: order 7 belongs to m2m-client-test-2
	// caller: 403 The access token does not permit this operation.
}

// Several authorities may have different rights. A partner's clients can only
// read, whatever their authority grants. The own authority's tokens must be
// short-lived.
func ExampleIssuer_scopeLimit() {
	own, partner := m2mtest.NewAuthority(nil), m2mtest.NewAuthority(nil)
	defer own.Close()
	defer partner.Close()

	ours, theirs := own.Issuer(), partner.Issuer()
	ours.MaxTokenLife = 2 * time.Hour
	readOnly := scopes.Of("orders:read")
	theirs.ScopeLimit = &readOnly
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{ours, theirs}})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	spec := m2mtest.TokenSpec{Scopes: []string{"orders:read", "orders:write"}}
	for _, authority := range []*m2mtest.Authority{own, partner} {
		client, err := v.Verify(context.Background(), authority.Token(spec))
		fmt.Println(client.Scopes, err)
	}
	spec.TTL = 24 * time.Hour
	_, err = v.Verify(context.Background(), own.Token(spec))
	fmt.Println(err)
	// Output:
	// orders:read orders:write <nil>
	// orders:read <nil>
	// m2mauth: invalid_token: too_long_lived: "exp" is 24h0m0s after "iat", want at most the MaxTokenLife, 2h0m0s
}

// Explain shows what would be decided, without effects.
func ExampleVerifier_Explain() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	issuer := authority.Issuer()
	issuer.Name = "https://auth.example.com"
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		panic(err)
	}
	defer v.Close()
	if err := v.Ready(context.Background()); err != nil {
		panic(err)
	}

	token := authority.Token(m2mtest.TokenSpec{Issuer: issuer.Name, ClientID: "m2m-client-test-1", Scopes: []string{"orders:read"}})
	fmt.Println(v.Explain(context.Background(), verifier.Request{
		Operation:     "DELETE /orders/{id}",
		Authorization: []string{"Bearer " + token},
	}, scopes.All("orders:write"), nil))
	// Output:
	// DELETE /orders/{id}: refused: m2mauth: insufficient_scope: scope_missing: granted "orders:read", want all("orders:write"); requires all("orders:write"); client "m2m-client-test-1" of "https://auth.example.com" is granted "orders:read"
}
