package shapes_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/shapes"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

type claims = map[string]any

const (
	api    = "https://api.example.com"
	tenant = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	apiID  = "00001111-aaaa-2222-bbbb-3333cccc4444"
)

// preset is a preset with the form of its tokens.
type preset struct {
	name   string
	issuer func() (verifier.Issuer, error)
	shape  m2mtest.Shape
	client string // TokenSpec.ClientID
	id     string // Client.ID, if it is not client
	scopes string // of an accepted token, asked for where the token holds them
	claims claims // of an accepted token, beside those of the form
	misses []miss // beside those of every preset
}

// miss is a token that the preset refuses.
type miss struct {
	name   string
	claims claims
	want   verifier.Reason
}

func (p preset) trust(t *testing.T) (*m2mtest.Authority, *verifier.Verifier, m2mtest.TokenSpec) {
	t.Helper()
	issuer, err := p.issuer()
	if err != nil {
		t.Fatal(err)
	}
	a, v := m2mtest.TrustAs(t, issuer, p.shape, nil)
	return a, v, p.spec()
}

func (p preset) spec() m2mtest.TokenSpec {
	return m2mtest.TokenSpec{ClientID: p.client, Scopes: strings.Fields(p.scopes), Claims: p.claims}
}

var presets = []preset{
	{
		name: "Auth0", issuer: func() (verifier.Issuer, error) { return issuers.Auth0("acme.eu.auth0.com", api) }, shape: shapes.Auth0,
		client: "K1AUPhZq", scopes: "reports:read reports:write",
		misses: []miss{
			{"a person", claims{"sub": "auth0|6553da60"}, verifier.NotMachine},
			{"a person by password", claims{"gty": "password"}, verifier.NotMachine},
			{"no client", claims{"azp": m2mtest.Absent}, verifier.ClientIDMissing},
		},
	}, {
		name: "Okta", issuer: func() (verifier.Issuer, error) {
			return issuers.Okta("https://acme.okta.com/oauth2/default", "api://default")
		},
		shape: shapes.Okta, client: "0oa1gjh63g214q0Hq0g4", scopes: "reports:read",
		misses: []miss{
			{"a person", claims{"uid": "00ujmk", "sub": "ada@example.com"}, verifier.NotMachine},
			{"no client", claims{"cid": m2mtest.Absent}, verifier.ClientIDMissing},
		},
	}, {
		name: "Entra ID v2.0", issuer: func() (verifier.Issuer, error) { return issuers.EntraV2(tenant, apiID) }, shape: shapes.Entra,
		client: "55556666-ffff-7777-aaaa-8888bbbb9999", scopes: "Reports.Read.All",
		misses: []miss{
			{"a person", claims{"idtyp": "user", "scp": "Reports.Read"}, verifier.NotMachine},
			{"idtyp not configured", claims{"idtyp": m2mtest.Absent}, verifier.NotMachine},
			{"no client", claims{"azp": m2mtest.Absent}, verifier.ClientIDMissing},
		},
	}, {
		name: "Entra ID v1.0", issuer: func() (verifier.Issuer, error) { return issuers.EntraV1(tenant, apiID) }, shape: shapes.Entra,
		client: "55556666-ffff-7777-aaaa-8888bbbb9999", scopes: "Reports.Read.All Reports.Write.All",
		misses: []miss{
			{"a person", claims{"idtyp": m2mtest.Absent, "scp": "user_impersonation"}, verifier.NotMachine},
			{"no client", claims{"appid": m2mtest.Absent}, verifier.ClientIDMissing},
		},
	}, {
		name: "Keycloak", issuer: keycloak(issuers.KeycloakClientRoles), shape: shapes.Keycloak, client: "Billing", scopes: "read write",
		misses: []miss{
			{"an ID token", claims{"typ": "ID"}, verifier.NotMachine},
			{"a person", claims{"client_id": m2mtest.Absent, "preferred_username": "ada"}, verifier.NotMachine},
			{"a lightweight token", claims{"azp": m2mtest.Absent}, verifier.ClientIDMissing},
		},
	}, {
		name: "Keycloak with realm roles", issuer: keycloak(issuers.KeycloakRealmRoles), shape: shapes.Keycloak, client: "billing", scopes: "read",
	}, {
		name: "Keycloak with client scopes", issuer: keycloak(issuers.KeycloakClientScopes), shape: shapes.Keycloak, client: "billing", scopes: "read",
	}, {
		name: "Cognito", issuer: func() (verifier.Issuer, error) { return issuers.Cognito("eu-west-1_Ab12Cd34E", "1example23456789") },
		shape: shapes.Cognito, client: "1example23456789", scopes: "reports/read",
		misses: []miss{
			{"an ID token", claims{"token_use": "id"}, verifier.NotMachine},
			{"a person", claims{"username": "ada", "sub": "a1b2"}, verifier.NotMachine},
		},
	}, {
		name: "Google", issuer: google, shape: shapes.Google, client: "billing@acme.iam.gserviceaccount.com", id: "100000000000000000001",
		scopes: "reports:read",
		misses: []miss{
			{"a person", claims{"email": "ada@example.com"}, verifier.NotMachine},
			{"another account", claims{"email": "evil@acme.iam.gserviceaccount.com"}, verifier.NotAccepted},
			{"an address that is not verified", claims{"email_verified": false}, verifier.NotAccepted},
		},
	}, {
		name: "Google by unique ID", issuer: google, shape: shapes.Google, client: "200000000000000000002",
		misses: []miss{{"another account", claims{"sub": "200000000000000000003"}, verifier.NotAccepted}},
	}, {
		name: "GitHub Actions", issuer: func() (verifier.Issuer, error) {
			return issuers.GitHubActions(api, issuers.GitHubCaller{OwnerID: "65", RepositoryID: "74", Environment: "production", Scopes: scopes.Of("deploy")})
		}, shape: shapes.GitHubActions, client: "74", scopes: "deploy", claims: claims{"environment": "production"},
		misses: []miss{
			{"another owner", claims{"repository_owner_id": "66"}, verifier.NotAccepted},
			{"another repository", claims{"repository_id": "75"}, verifier.NotAccepted},
			{"another environment", claims{"environment": "staging"}, verifier.NotAccepted},
			{"no repository", claims{"repository_id": m2mtest.Absent}, verifier.ClientIDMissing},
		},
	}, {
		name: "Zitadel", issuer: func() (verifier.Issuer, error) { return issuers.Zitadel("acme.zitadel.cloud", "300", nil) }, shape: shapes.Zitadel,
		client: "400", scopes: "reader writer",
		misses: []miss{
			{"a person", claims{"client_id": "500"}, verifier.NotMachine},
			{"an ID token", claims{"nonce": "n"}, verifier.NotMachine},
		},
	}, {
		name: "Kubernetes", issuer: func() (verifier.Issuer, error) {
			return issuers.Kubernetes("https://k8s.example.com", api, issuers.Callers{"payments/worker": scopes.Of("reports:read")}, nil)
		}, shape: shapes.Kubernetes, client: "payments/worker", id: "system:serviceaccount:payments:worker", scopes: "reports:read",
		misses: []miss{
			{"another account", claims{"sub": "system:serviceaccount:payments:default"}, verifier.NotAccepted},
			{"a person", claims{"sub": "ada"}, verifier.NotMachine},
		},
	}, {
		name: "GitLab", issuer: func() (verifier.Issuer, error) {
			return issuers.Pinned("https://gitlab.com", api, issuers.Pin{Claim: "namespace_id", ID: "72", And: map[string]string{"ref_protected": "true"}, Scopes: scopes.Of("deploy")})
		}, client: "20", scopes: "deploy", claims: claims{"namespace_id": "72", "ref_protected": "true"},
		misses: []miss{
			{"somebody else's", claims{"namespace_id": "73"}, verifier.NotAccepted},
			{"an open branch", claims{"ref_protected": "false"}, verifier.NotAccepted},
		},
	}, {
		name: "AWS", issuer: func() (verifier.Issuer, error) {
			return issuers.Pinned("https://a1.tokens.sts.global.api.aws", api, issuers.Pin{Claim: "sub", ID: "arn:aws:iam::123456789012:role/r"})
		}, client: "arn:aws:iam::123456789012:role/r",
		misses: []miss{{"another role", claims{"sub": "arn:aws:iam::123456789012:role/s"}, verifier.NotAccepted}},
	}, {
		name: "SPIFFE", issuer: func() (verifier.Issuer, error) {
			return issuers.SPIFFE("example.org", api, &issuers.SPIFFEOptions{
				Callers: issuers.Callers{"spiffe://example.org/ns/prod/*": scopes.Of("reports:read")}, BundleURL: "https://spire.example.org/",
			})
		}, client: "spiffe://example.org/ns/prod/sa/api", scopes: "reports:read",
		misses: []miss{{"another namespace", claims{"sub": "spiffe://example.org/ns/test/sa/api"}, verifier.NotAccepted}},
	}, {
		name: "an authority without a preset", issuer: func() (verifier.Issuer, error) {
			return verifier.Issuer{Name: "https://auth.example.com", Audiences: []string{api}, JWKSURL: "https://auth.example.com/keys"}, nil
		}, client: "worker", scopes: "reports:read",
		misses: []miss{{"a person", claims{"sub": "ada"}, verifier.NotMachine}},
	},
}

func named(name string) preset {
	return presets[slices.IndexFunc(presets, func(p preset) bool { return p.name == name })]
}

func keycloak(which issuers.KeycloakScopes) func() (verifier.Issuer, error) {
	return func() (verifier.Issuer, error) {
		return issuers.Keycloak("https://sso.example.com/realms/prod", "reports", &issuers.KeycloakOptions{Scopes: which})
	}
}

func google() (verifier.Issuer, error) {
	return issuers.Google(api, issuers.Callers{"billing@acme.iam.gserviceaccount.com": scopes.Of("reports:read"), "200000000000000000002": {}})
}
