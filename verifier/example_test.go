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
	fmt.Println(errors.Is(err, verifier.Expired), err)
	// Output:
	// m2m-client-test-1 read:users <nil>
	// true m2mauth: invalid_token: expired
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
	// false m2mauth: insufficient_scope: scope_missing
}

// Check is asked on every call, so a revoked client is out at once. Observe is
// the audit log.
func ExampleConfig_check() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	revoked := map[string]bool{"m2m-client-test-2": true}
	v, err := verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{authority.Issuer()},
		Check: func(ctx context.Context, c verifier.Client, r verifier.Request) error {
			if revoked[c.ID] {
				return verifier.Revoked
			}
			return nil
		},
		Observe: func(ctx context.Context, d verifier.Decision) {
			if d.Err != nil {
				fmt.Println("refused:", d.Client.ID, d.Err.Reason)
				return
			}
			fmt.Println("let in:", d.Client.ID)
		},
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()
	for _, id := range []string{"m2m-client-test-1", "m2m-client-test-2"} {
		v.Verify(context.Background(), authority.Token(m2mtest.TokenSpec{ClientID: id}))
	}
	// Output:
	// let in: m2m-client-test-1
	// refused: m2m-client-test-2 revoked
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
	// verifier: Issuers[0] ("https://auth.example.com"): Audiences is empty or holds an empty name: write the name by which tokens are meant for this service; without one, tokens for any other service would be let in
	// verifier: Issuers[0] ("https://auth.example.com"): Algorithms holds "none": with it, whoever can read the key set could make tokens; write what the authority signs with, such as RS256
	// verifier: Issuers[0] ("https://auth.example.com"): JWKSURL is "http" and not https: whoever is on the path could replace the keys (http is for loopback, or with JWKS.InsecureHTTP)
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
