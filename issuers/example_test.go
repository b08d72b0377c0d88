package issuers_test

import (
	"fmt"
	"log"

	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

func ExampleAuth0() {
	issuer, err := issuers.Auth0("acme.eu.auth0.com", "https://api.example.com")
	show(issuer, err)
	// Output:
	// https://acme.eu.auth0.com/
	// https://acme.eu.auth0.com/.well-known/jwks.json
}

func ExampleOkta() {
	issuer, err := issuers.Okta("https://acme.okta.com/oauth2/default", "api://default")
	show(issuer, err)
	// Output:
	// https://acme.okta.com/oauth2/default
	// https://acme.okta.com/oauth2/default/v1/keys
}

func ExampleEntraV2() {
	issuer, err := issuers.EntraV2("aaaabbbb-0000-cccc-1111-dddd2222eeee", "00001111-aaaa-2222-bbbb-3333cccc4444")
	show(issuer, err)
	// Output:
	// https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0
	// https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/discovery/v2.0/keys
}

func ExampleEntraV1() {
	issuer, err := issuers.EntraV1("aaaabbbb-0000-cccc-1111-dddd2222eeee", "api://reports", "00001111-aaaa-2222-bbbb-3333cccc4444")
	show(issuer, err)
	// Output:
	// https://sts.windows.net/aaaabbbb-0000-cccc-1111-dddd2222eeee/
	// https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/discovery/keys
}

func ExampleKeycloak() {
	issuer, err := issuers.Keycloak("https://sso.example.com/realms/prod", "reports", nil)
	show(issuer, err)
	// Output:
	// https://sso.example.com/realms/prod
	// https://sso.example.com/realms/prod/protocol/openid-connect/certs
}

func ExampleCognito() {
	issuer, err := issuers.Cognito("eu-west-1_Ab12Cd34E", "1example23456789")
	show(issuer, err)
	// Output:
	// https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E
	// https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E/.well-known/jwks.json
}

func ExampleGoogle() {
	issuer, err := issuers.Google("https://api.example.com", issuers.Callers{
		"billing@acme.iam.gserviceaccount.com": scopes.Of("reports:read"),
	})
	show(issuer, err)
	// Output:
	// https://accounts.google.com
	// https://www.googleapis.com/oauth2/v3/certs
}

func ExampleGitHubActions() {
	issuer, err := issuers.GitHubActions("https://api.example.com", issuers.GitHubCaller{
		OwnerID: "65", RepositoryID: "74", Ref: "refs/heads/main", Scopes: scopes.Of("deploy"),
	})
	show(issuer, err)
	// Output:
	// https://token.actions.githubusercontent.com
	// https://token.actions.githubusercontent.com/.well-known/jwks
}

func ExampleZitadel() {
	issuer, err := issuers.Zitadel("acme-ab12cd.zitadel.cloud", "344374183645413380", nil)
	show(issuer, err)
	// Output:
	// https://acme-ab12cd.zitadel.cloud
	// https://acme-ab12cd.zitadel.cloud/oauth/v2/keys
}

func ExampleKubernetes() {
	issuer, err := issuers.Kubernetes("https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE", "https://api.example.com",
		issuers.Callers{"payments/worker": scopes.Of("reports:read")}, nil)
	show(issuer, err)
	// Output:
	// https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE
	// https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE/keys
}

// A preset refuses arguments that cannot work, and its error says what to write.
func Example_refused() {
	_, err := issuers.Okta("https://acme.okta.com", "api://default")
	fmt.Println(err)
	// Output:
	// issuers: Okta: "https://acme.okta.com" is the org authorization server, whose tokens are for Okta alone: use a custom one and write its Issuer URI, as the admin console shows it under Security > API > Authorization Servers (https://acme.okta.com/oauth2/default)
}

// show prints the issuer. A service passes it to verifier.New.
func show(issuer verifier.Issuer, err error) {
	if err != nil {
		log.Fatal(err)
	}
	// verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	fmt.Println(issuer.Name)
	fmt.Println(issuer.JWKSURL)
}
