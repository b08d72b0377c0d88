package verifier_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// The tokens of machines as authorities document them, and of the people who
// get tokens signed with the same keys. Package issuers runs those of the
// authorities with a preset through that; here they meet the plain rules.

// realToken is a payload of some authority, without its iss and times.
type realToken struct {
	authority, kind string
	claims          map[string]any
	clientID        string // the claim that holds it
	audience        string
	accept          func(verifier.Client) error // the default if nil
	id, scopes      string                      // of the client that is accepted
	reason          verifier.Reason
}

func realTokens() []realToken {
	const api = "https://api.example.com"
	type claims = map[string]any
	with := func(base claims, more claims) claims {
		all := maps.Clone(base)
		maps.Copy(all, more)
		for name, value := range all {
			if value == m2mtest.Absent {
				delete(all, name)
			}
		}
		return all
	}
	duende := claims{"aud": api, "scope": []string{"api1", "api2"}, "client_id": "worker", "jti": "0C7A"}
	keycloak := claims{
		"jti": "trrtcc:19b5", "aud": []string{"reports", "account"}, "typ": "Bearer", "azp": "billing", "acr": "1", "scope": "email profile",
		"resource_access": keycloakRoles(130), "client_id": "billing", "clientHost": "10.0.0.1", "clientAddress": "10.0.0.1",
		"email_verified": false, "preferred_username": "service-account-billing",
	}
	cloudflare := claims{"type": "app", "aud": []string{"32eafc76"}, "common_name": "e367826f93b8d711.access", "sub": ""}
	auth0 := claims{"sub": "K1AU@clients", "aud": api, "azp": "K1AU", "scope": "read:patients", "gty": "client-credentials"}
	okta := claims{"ver": 1, "jti": "AT.0mP4", "aud": api, "sub": "0oa1gj", "cid": "0oa1gj", "scp": []string{"flights.read"}}
	cognito := claims{"sub": "1example", "token_use": "access", "scope": "reports/read", "auth_time": 1633781133, "version": 2, "jti": "39cd", "client_id": "1example"}
	entra2 := claims{"aud": api, "azp": "app-1", "azpacr": "1", "idtyp": "app", "oid": "oid-1", "sub": "oid-1", "roles": []string{"Reports.Read.All"}, "tid": "t", "uti": "u", "ver": "2.0"}
	entra1 := with(entra2, claims{"azp": m2mtest.Absent, "azpacr": m2mtest.Absent, "appid": "app-1", "appidacr": "1", "ver": "1.0"})
	zitadel := claims{"sub": "69234237810729019", "client_id": "worker", "aud": []string{"1", api}, "jti": "V1"}
	github := claims{"jti": "j", "sub": "repo:octo/app:ref:refs/heads/main", "aud": api, "repository": "octo/app", "repository_id": "74", "actor": "octocat", "run_attempt": "1"}
	app := verifier.ClaimEquals("idtyp", "app")
	return []realToken{
		{authority: "Duende", kind: "a machine", claims: duende, clientID: "client_id", audience: api, id: "worker", scopes: "api1 api2"},
		{authority: "Duende", kind: "a person", clientID: "client_id", audience: api, reason: verifier.NotMachine,
			claims: with(duende, claims{"sub": "88421113", "auth_time": 1, "idp": "local", "amr": []string{"pwd"}, "sid": "s"})},
		{authority: "Duende", kind: "a person whose subject was filtered out", clientID: "client_id", audience: api, reason: verifier.NotMachine,
			claims: with(duende, claims{"auth_time": 1, "idp": "local", "amr": []string{"pwd"}})},

		{authority: "Keycloak", kind: "a service account", clientID: "client_id", audience: "reports", id: "billing", scopes: "email profile",
			claims: with(keycloak, claims{"sub": "d952cf23"}), accept: verifier.ClaimEquals("preferred_username", "service-account-billing")},
		{authority: "Keycloak", kind: "a service account, by default", clientID: "client_id", audience: "reports", reason: verifier.NotMachine,
			claims: with(keycloak, claims{"sub": "d952cf23"})},
		{authority: "Keycloak 25", kind: "a service account without basic", claims: keycloak, clientID: "client_id", audience: "reports", id: "billing", scopes: "email profile",
			accept: verifier.AcceptAll(verifier.ClientIDIn("billing"), verifier.ClaimEquals("preferred_username", "service-account-billing"))},
		{authority: "Keycloak 25", kind: "a person without basic", clientID: "azp", audience: "reports", reason: verifier.NotMachine,
			claims: with(keycloak, claims{"client_id": m2mtest.Absent, "azp": "frontend", "preferred_username": "ada", "email": "ada@example.com", "sid": "s"})},
		{authority: "Keycloak 25", kind: "a person with the session alone", clientID: "azp", audience: "reports", reason: verifier.NotMachine,
			claims: claims{"aud": "reports", "azp": "frontend", "sid": "s", "scope": "openid"}},

		{authority: "Cloudflare Access", kind: "a service token", claims: cloudflare, clientID: "common_name", audience: "32eafc76", id: "e367826f93b8d711.access"},
		{authority: "Cloudflare Access", kind: "a person", clientID: "common_name", audience: "32eafc76", reason: verifier.ClientIDMissing,
			claims: claims{"type": "app", "aud": []string{"32eafc76"}, "email": "ada@example.com", "identity_nonce": "6ei6", "sub": "7335d417", "country": "US"}},

		{authority: "Auth0", kind: "a machine", claims: auth0, clientID: "azp", audience: api, accept: verifier.ClaimEquals("gty", "client-credentials"), id: "K1AU", scopes: "read:patients"},
		{authority: "Auth0", kind: "a machine, by default", claims: auth0, clientID: "azp", audience: api, reason: verifier.NotMachine},
		{authority: "Auth0", kind: "a person", clientID: "azp", audience: api, reason: verifier.NotMachine, accept: verifier.ClaimEquals("gty", "client-credentials"),
			claims: with(auth0, claims{"sub": "auth0|6553", "gty": m2mtest.Absent, "aud": []string{api, "https://acme.eu.auth0.com/userinfo"}})},

		{authority: "Okta", kind: "a machine", claims: okta, clientID: "cid", audience: api, id: "0oa1gj", scopes: "flights.read"},
		{authority: "Okta", kind: "a person", clientID: "cid", audience: api, reason: verifier.NotMachine,
			claims: with(okta, claims{"sub": "ada@example.com", "uid": "00uj", "auth_time": 1467142021})},

		{authority: "Cognito", kind: "a machine", claims: cognito, clientID: "client_id", audience: "1example", id: "1example", scopes: "reports/read"},
		{authority: "Cognito", kind: "a person", clientID: "client_id", audience: "1example", reason: verifier.NotMachine,
			claims: with(cognito, claims{"sub": "aaaa", "username": "ada"})},

		{authority: "Entra ID v2.0", kind: "an application", claims: entra2, clientID: "azp", audience: api, accept: app, id: "app-1"},
		{authority: "Entra ID v2.0", kind: "a person", clientID: "azp", audience: api, accept: app, reason: verifier.NotMachine,
			claims: with(entra2, claims{"idtyp": m2mtest.Absent, "sub": "JAwK", "scp": "Reports.Read", "name": "Ada", "preferred_username": "ada@example.com"})},
		{authority: "Entra ID v1.0", kind: "an application", claims: entra1, clientID: "appid", audience: api, accept: app, id: "app-1"},
		{authority: "Entra ID v1.0", kind: "an application with a role", claims: entra1, clientID: "appid", audience: api, accept: verifier.ClaimContains("roles", "Reports.Read.All"), id: "app-1"},
		{authority: "Entra ID v1.0", kind: "an application without it", clientID: "appid", audience: api, reason: verifier.NotMachine,
			claims: with(entra1, claims{"roles": []string{"Reports.Read"}}), accept: verifier.ClaimContains("roles", "Reports.Read.All")},

		{authority: "Zitadel", kind: "a service user", claims: zitadel, clientID: "client_id", audience: api, accept: verifier.ClientIDIn("worker"), id: "worker"},
		{authority: "Zitadel", kind: "another", claims: with(zitadel, claims{"client_id": "web"}), clientID: "client_id", audience: api, accept: verifier.ClientIDIn("worker"), reason: verifier.NotAccepted},

		{authority: "GitHub Actions", kind: "a workflow", claims: github, clientID: "sub", audience: api, id: "repo:octo/app:ref:refs/heads/main",
			accept: verifier.ClaimEquals("repository_id", "74")},
		{authority: "GitHub Actions", kind: "of another repository", clientID: "sub", audience: api, reason: verifier.NotMachine,
			claims: with(github, claims{"repository_id": "75"}), accept: verifier.ClaimEquals("repository_id", "74")},
	}
}

// keycloakRoles are the roles that a service account has with n clients.
func keycloakRoles(n int) map[string]any {
	roles := make(map[string]any)
	for i := range n {
		roles[fmt.Sprintf("client-%d", i)] = map[string]any{"roles": []string{"r"}}
	}
	return roles
}

// TestRealTokens: a machine's token is accepted by the rule that fits its
// authority, and a person's is not.
func TestRealTokens(t *testing.T) {
	for _, tt := range realTokens() {
		t.Run(tt.authority+"/"+tt.kind, func(t *testing.T) {
			a, v := local(t, func(c *verifier.Config) {
				i := &c.Issuers[0]
				i.Audiences, i.ClientIDClaims, i.Accept = []string{tt.audience}, []string{tt.clientID}, tt.accept
				if tt.authority == "Cognito" { // names no audience
					i.AudienceClaims = []string{"client_id"}
				}
			})
			// Of m2mtest's own claims only those that every authority writes.
			claims := map[string]any{"sub": m2mtest.Absent, "aud": m2mtest.Absent, "scope": m2mtest.Absent, "nbf": m2mtest.Absent, "jti": m2mtest.Absent}
			maps.Copy(claims, tt.claims)
			client, err := v.Verify(t.Context(), a.Token(spec{Claims: claims}))
			if reasonOf(err) != tt.reason {
				t.Fatalf("Verify = %v, want %q", err, tt.reason)
			}
			if tt.reason == "" && (client.ID != tt.id || client.Scopes.String() != tt.scopes) {
				t.Errorf("client %q with %q, want %q with %q", client.ID, client.Scopes, tt.id, tt.scopes)
			}
		})
	}
}
