package issuers_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Machines of partners authenticate at Auth0, and the company's own pipelines with
// tokens of GitHub Actions. Both may call, with different rights.
func Example_severalIssuers() {
	const api = "https://api.example.com"
	partners, partnersErr := issuers.Auth0("acme.eu.auth0.com", api)
	pipelines, pipelinesErr := issuers.GitHubActions(api, issuers.GitHubCaller{
		OwnerID: "65", RepositoryID: "74", Ref: "refs/heads/main",
		Scopes: scopes.Of("deploy"), // GitHub's tokens hold no scopes
	})
	if err := errors.Join(partnersErr, pipelinesErr); err != nil {
		fmt.Println(err)
		return
	}

	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true}) // plays both: leave this out
	defer authority.Close()
	partners.JWKSURL, partners.FetchJWKS = "", authority.FetchJWKS
	pipelines.JWKSURL, pipelines.FetchJWKS = "", authority.FetchJWKS

	v, err := verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{partners, pipelines},
		// Auth0 grants its scopes by itself: a partner may hold "deploy", too.
		Check: func(_ context.Context, c verifier.Client, r verifier.Request) error {
			if r.Operation == "POST /deployments" && c.Issuer != pipelines.Name {
				return verifier.Forbid(errors.New("only pipelines deploy"))
			}
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	ctx := context.Background()
	if err := v.Ready(ctx); err != nil {
		fmt.Println(err)
		return
	}

	partner := authority.Token(m2mtest.TokenSpec{
		Issuer: partners.Name, Audience: []string{api}, ClientID: "K1AUPhZq8mRi0Q0p@clients",
		Claims: map[string]any{"azp": "K1AUPhZq8mRi0Q0p", "gty": "client-credentials"},
		Scopes: []string{"read:reports", "deploy"},
	})
	pipeline := authority.Token(m2mtest.TokenSpec{
		Issuer: pipelines.Name, Audience: []string{api}, ClientID: "repo:acme/app:ref:refs/heads/main",
		Claims: map[string]any{"repository_owner_id": "65", "repository_id": "74", "ref": "refs/heads/main"},
	})
	call := func(name, token, operation string, need scopes.Requirement) {
		// Package httpmw makes this call for each request.
		ctx, err := v.Authorize(ctx, verifier.Request{
			Operation: operation, Authorization: []string{"Bearer " + token},
		}, need)
		if err != nil {
			fmt.Println(name, operation, verifier.AsError(err).Code)
			return
		}
		client, _ := verifier.ClientFromContext(ctx)
		fmt.Println(name, operation, "by", client.ID)
	}
	call("partner", partner, "GET /reports", scopes.All("read:reports"))
	call("partner", partner, "POST /deployments", scopes.All("deploy"))
	call("pipeline", pipeline, "GET /reports", scopes.All("read:reports"))
	call("pipeline", pipeline, "POST /deployments", scopes.All("deploy"))
	// Output:
	// partner GET /reports by K1AUPhZq8mRi0Q0p
	// partner POST /deployments insufficient_scope
	// pipeline GET /reports insufficient_scope
	// pipeline POST /deployments by 74
}
