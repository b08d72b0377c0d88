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

// A server makes one Verifier when it starts, and closes it when it ends.
func Example() {
	authority := m2mtest.NewAuthority(nil) // in production: your authority
	defer authority.Close()

	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{{
		Name:           "stytch.com/" + authority.ProjectID(),
		Audiences:      []string{authority.ProjectID()},
		JWKSURL:        authority.Issuer().JWKSURL,
		ClientIDClaims: []string{"sub"},
		Accept:         verifier.SubjectHasPrefix("m2m-client-"),
	}}})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	ctx := context.Background()
	token := authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-1", Scopes: []string{"read:users"}})
	client, err := v.Verify(ctx, token)
	fmt.Println(client.ID, client.Scopes, err)

	_, err = v.Verify(ctx, authority.Token(m2mtest.TokenSpec{TTL: -time.Hour}))
	fmt.Println(errors.Is(err, verifier.Expired), verifier.AsError(err).Code)
	// Output:
	// m2m-client-test-1 read:users <nil>
	// true invalid_token
}

// An adapter for another transport fills a Request and calls Authorize.
func ExampleVerifier_Authorize() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	message := map[string][]string{ // from a queue, say
		"authorization": {"Bearer " + authority.Token(m2mtest.TokenSpec{Scopes: []string{"jobs:run"}})},
	}
	for _, need := range []scopes.Requirement{scopes.All("jobs:run"), scopes.All("jobs:delete")} {
		ctx, err := v.Authorize(context.Background(), verifier.Request{
			Operation:     "jobs",
			Authorization: message["authorization"],
		}, need)
		_, known := verifier.ClientFromContext(ctx)
		fmt.Println(known, err)
	}
	// Output:
	// true <nil>
	// false m2mauth: insufficient_scope: scope_missing: granted "jobs:run", want all("jobs:delete")
}

// Check runs on every call, so a revoked client is refused at once. It may also
// forbid one operation to a good client. Observe is the audit log. For tenants
// in the paths of requests, see the example of httpmw's Middleware.Require.
func ExampleConfig_check() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	revoked := map[string]bool{"m2m-client-test-2": true}
	v, err := verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{authority.Issuer()},
		Check: func(ctx context.Context, c verifier.Client, r verifier.Request) error {
			var claims struct {
				Tenant string `json:"tenant"`
			}
			switch err := c.Claims(&claims); {
			case err != nil:
				return verifier.Forbid(err)
			case revoked[c.ID]:
				return verifier.Revoked // 401: the token is no longer good
			case r.Operation == "export" && claims.Tenant != "acme":
				return verifier.Forbid(fmt.Errorf("the client is of tenant %q", claims.Tenant)) // 403
			}
			return nil
		},
		Observe: []func(context.Context, verifier.Decision){func(ctx context.Context, d verifier.Decision) {
			fmt.Println(d.Client.ID, d.Err)
		}},
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()
	for _, token := range []m2mtest.TokenSpec{
		{ClientID: "m2m-client-test-1", Claims: map[string]any{"tenant": "acme"}},
		{ClientID: "m2m-client-test-2", Claims: map[string]any{"tenant": "acme"}},
		{ClientID: "m2m-client-test-3", Claims: map[string]any{"tenant": "globex"}},
	} {
		_, _ = v.Authorize(context.Background(), verifier.Request{
			Operation:     "export",
			Authorization: []string{"Bearer " + authority.Token(token)},
		}, scopes.Authenticated())
	}
	// Output:
	// m2m-client-test-1 <nil>
	// m2m-client-test-2 m2mauth: invalid_token: revoked
	// m2m-client-test-3 m2mauth: insufficient_scope: operation_not_allowed: the client is of tenant "globex"
}

// New reports every mistake at once, and says what to write instead.
func ExampleNew_mistakes() {
	_, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{{
		Name:       "https://auth.example.com",
		JWKSURL:    "http://auth.example.com/jwks.json",
		Algorithms: []string{"none"},
	}}})
	fmt.Println(err)
	// Output:
	// verifier: Issuers[0] ("https://auth.example.com"): Audiences is empty or holds an empty name: write the name by which tokens are meant for this service; without one, tokens for any other service would be accepted
	// verifier: Issuers[0] ("https://auth.example.com"): Algorithms holds "none": with it, anyone who can read the key set could forge tokens; write what the authority signs with, such as RS256
	// verifier: Issuers[0] ("https://auth.example.com"): JWKSURL is "http" and not https: an attacker on the network path could replace the keys (http is for loopback, or with JWKS.InsecureHTTP)
}

// ObserveKeys tells of every change of an issuer's keys, and of failures.
func ExampleConfig_observeKeys() {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true})
	defer authority.Close()
	v, err := verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{authority.Issuer()},
		ObserveKeys: func(s verifier.IssuerStatus) {
			fmt.Println(s.State, len(s.Keys), s.LastError)
		},
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()
	ctx := context.Background()
	_ = v.Ready(ctx)
	authority.RotateKeys()
	_ = v.Refresh(ctx)
	authority.Fail(m2mtest.Outage{})
	_ = v.Refresh(ctx)
	v.Close()
	// Output:
	// fresh 1 <nil>
	// fresh 2 <nil>
	// stale 2 m2mtest: key set: HTTP status 503
	// closed 0 m2mtest: key set: HTTP status 503
}
