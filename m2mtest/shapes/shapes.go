// Package shapes has the form of machines' tokens of other authorities than Stytch, one
// function for each preset of package issuers. Each is an [m2mtest.Shape]: a service on
// Auth0 is tested as one on Stytch is.
//
//	issuer, err := issuers.Auth0("acme.eu.auth0.com", "https://api.example.com")
//	// …
//	authority, v := m2mtest.TrustAs(t, issuer, shapes.Auth0, nil)
//	token := authority.Token(m2mtest.TokenSpec{ClientID: "billing", Scopes: []string{"reports:read"}})
//
// issuers.Pinned, issuers.SPIFFE and discovery need none: their tokens have the form of
// a nil Shape. For Pinned, add the claims of the Pin in TokenSpec.Claims.
//
// Presets with a list of callers accept only those: write one as TokenSpec.ClientID. Its
// scopes are those of the list.
package shapes

import (
	"strings"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

type claims = map[string]any

// Auth0 is the form of issuers.Auth0, with Auth0's own access token profile.
func Auth0(_ verifier.Issuer, clientID string, _ []string) map[string]any {
	return claims{"azp": clientID, "sub": clientID + "@clients", "gty": "client-credentials"}
}

// Cognito is the form of issuers.Cognito. A client ID must be among its arguments; the
// first one is the default.
func Cognito(_ verifier.Issuer, _ string, _ []string) map[string]any {
	return claims{"token_use": "access", "version": 2}
}

// Entra is the form of issuers.EntraV1 and issuers.EntraV2. Scopes are roles.
func Entra(issuer verifier.Issuer, _ string, scopes []string) map[string]any {
	const object = "66667777-aaaa-8888-bbbb-9999cccc0000" // of the service principal
	c := claims{"idtyp": "app", "oid": object, "sub": object, "roles": m2mtest.Absent, "ver": "1.0"}
	if strings.HasSuffix(issuer.Name, "/v2.0") {
		c["ver"] = "2.0"
	}
	if parts := strings.Split(issuer.Name, "/"); len(parts) > 3 {
		c["tid"] = parts[3]
	}
	if len(scopes) > 0 {
		c["roles"] = scopes
	}
	return c
}

// GitHubActions is the form of issuers.GitHubActions. The client ID is the repository's
// ID. The workflow is one of octo-org/octo-repo on the branch main, without environment:
// write others in TokenSpec.Claims, "repository_owner_id" and "environment" for example.
func GitHubActions(_ verifier.Issuer, clientID string, _ []string) map[string]any {
	return claims{
		"repository_id": clientID, "repository": "octo-org/octo-repo", "repository_owner": "octo-org", "repository_owner_id": "65",
		"ref": "refs/heads/main", "ref_type": "branch", "event_name": "push", "sub": "repo:octo-org/octo-repo:ref:refs/heads/main",
		"job_workflow_ref": "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main", "runner_environment": "github-hosted",
	}
}

// Google is the form of issuers.Google. The client ID is a caller: the address of a
// service account, or its unique ID.
func Google(_ verifier.Issuer, clientID string, _ []string) map[string]any {
	if !strings.Contains(clientID, "@") {
		return claims{"azp": clientID}
	}
	const uniqueID = "100000000000000000001"
	return claims{"sub": uniqueID, "azp": uniqueID, "email": clientID, "email_verified": true}
}

// Keycloak is the form of issuers.Keycloak. Scopes are roles of the realm and of the
// audience's client, or in "scope" with issuers.KeycloakClientScopes.
func Keycloak(issuer verifier.Issuer, clientID string, scopes []string) map[string]any {
	c := claims{
		"typ": "Bearer", "azp": clientID, "client_id": clientID, "preferred_username": "service-account-" + strings.ToLower(clientID),
		"sub": "0184990a-477b-4fa8-9968-496074483cee", "acr": "1",
	}
	if issuer.ScopesFrom != nil {
		c["realm_access"] = claims{"roles": scopes}
		c["resource_access"] = claims{issuer.Audiences[0]: claims{"roles": scopes}}
	}
	return c
}

// Kubernetes is the form of issuers.Kubernetes. The client ID is a caller,
// "namespace/name".
func Kubernetes(_ verifier.Issuer, clientID string, _ []string) map[string]any {
	namespace, name, _ := strings.Cut(clientID, "/")
	return claims{
		"sub":           "system:serviceaccount:" + namespace + ":" + name,
		"kubernetes.io": claims{"namespace": namespace, "serviceaccount": claims{"name": name}},
	}
}

// Okta is the form of issuers.Okta.
func Okta(_ verifier.Issuer, _ string, scopes []string) map[string]any {
	c := claims{"ver": 1}
	if len(scopes) > 0 {
		c["scp"] = scopes
	}
	return c
}

// Zitadel is the form of issuers.Zitadel, of a service user with a private key. The
// client ID is a number, and scopes are roles of the project.
func Zitadel(issuer verifier.Issuer, clientID string, scopes []string) map[string]any {
	roles := claims{}
	for _, role := range scopes {
		roles[role] = claims{"200000000000000001": "acme.example.com"} // the organization that granted it
	}
	return claims{"client_id": clientID, "urn:zitadel:iam:org:project:" + issuer.Audiences[0] + ":roles": roles}
}
