package issuers_test

import (
	"testing"

	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

const (
	api      = "https://api.example.com"
	tenant   = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	stranger = "11112222-bbbb-3333-cccc-4444dddd5555" // another tenant
	apiID    = "00001111-aaaa-2222-bbbb-3333cccc4444"
	appID    = "55556666-ffff-7777-aaaa-8888bbbb9999"
	appOID   = "66667777-aaaa-8888-bbbb-9999cccc0000"
	userOID  = "77778888-bbbb-9999-cccc-0000dddd1111"
)

// TestFixtures runs the vendors' tokens, minted with keys of ours, through
// their presets: a machine's, a person's, and those that come near.
func TestFixtures(t *testing.T) {
	for _, f := range []fixture{
		auth0(), auth0RFC9068(), okta(), entraV2(), entraV1(), keycloak(), keycloakRealmRoles(), keycloakScopes(),
		cognito(), google(), github(), zitadel(), kubernetes(),
	} {
		t.Run(f.name, f.run)
	}
}

func auth0() fixture {
	k := testKeys()
	keep := []string{"use", "alg", "x5c"}
	machine := object{
		"iss": "https://acme.eu.auth0.com/", "sub": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja@clients", "aud": api,
		"azp": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja", "scope": "read:patients read:admin", "gty": "client-credentials",
		"permissions": []string{"read:patients", "read:admin", "write:everything"},
	}
	person := with(machine, object{
		"sub": "auth0|6553da60a54af58e29493993", "gty": m2mtest.Absent,
		"aud": []string{api, "https://acme.eu.auth0.com/userinfo"}, "scope": "openid profile read:patients",
	})
	return fixture{
		name:   "Auth0",
		header: object{"typ": "JWT"},
		keys:   []object{jwk(k.sign, keep, object{"x5t": "NjVBRjY5MDlCMUIwNzU4RTA2"}), jwk(k.other, keep, nil)},
		key:    k.sign,
		tokens: []token{
			{name: "a machine", claims: machine, id: "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja", scopes: "read:admin read:patients"},
			{name: "without scopes", claims: with(machine, object{"scope": m2mtest.Absent}), id: "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja"},
			{name: "a person", claims: person, want: verifier.NotMachine},
			{name: "a person by password", claims: with(person, object{"gty": "password"}), want: verifier.NotMachine},
			{name: "a machine's subject with a person's grant", claims: with(machine, object{"gty": "password"}), want: verifier.NotMachine},
			{name: "grants in a list", claims: with(machine, object{"gty": []string{"client-credentials"}}), want: verifier.NotMachine},
			{name: "another client's subject", claims: with(machine, object{"azp": "other"}), want: verifier.NotMachine},
			{name: "without subject", claims: with(machine, object{"sub": m2mtest.Absent}), want: verifier.NotMachine},
			{name: "an ID token for the same audience", claims: with(person, object{"aud": api, "azp": m2mtest.Absent, "nonce": "n"}), want: verifier.ClientIDMissing},
			{name: "an ID token with azp", claims: with(person, object{"aud": api, "nonce": "n"}), want: verifier.NotMachine},
			{name: "another tenant", claims: with(machine, object{"iss": "https://evil.eu.auth0.com/"}), want: verifier.UnknownIssuer},
			{name: "without the slash", claims: with(machine, object{"iss": "https://acme.eu.auth0.com"}), want: verifier.UnknownIssuer},
			{name: "another API", claims: with(machine, object{"aud": "https://other.example.com"}), want: verifier.Audience},
			{name: "a stranger's key", claims: machine, key: &m2mtest.Key{ID: k.sign.ID, Algorithm: "RS256", Private: k.stranger.Private}, want: verifier.BadSignature},
		},
	}.of(issuers.Auth0("acme.eu.auth0.com", api))
}

func auth0RFC9068() fixture {
	k := testKeys()
	machine := object{
		"iss": "https://acme.eu.auth0.com/", "sub": "K1AUPhZq@clients", "aud": api, "client_id": "K1AUPhZq",
		"jti": "73WakrfVbNJBaAmhQtEeDv", "scope": "read:patients",
	}
	return fixture{
		name:   "Auth0 with RFC 9068 profile",
		header: object{"typ": "at+jwt"},
		keys:   []object{jwk(k.sign, []string{"use", "alg", "x5c"}, nil)},
		key:    k.sign,
		tokens: []token{
			{name: "a machine", claims: machine, id: "K1AUPhZq", scopes: "read:patients"},
			{name: "a person", claims: with(machine, object{"sub": "auth0|123456"}), want: verifier.NotMachine},
			{name: "a person named like a machine", claims: with(machine, object{"sub": "google-oauth2|K1AUPhZq@clients"}), want: verifier.NotMachine},
		},
	}.of(issuers.Auth0("acme.eu.auth0.com", api))
}

func okta() fixture {
	k := testKeys()
	machine := object{
		"ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "iss": "https://acme.okta.com/oauth2/default",
		"aud": "api://default", "sub": "0oa1gjh63g214q0Hq0g4", "cid": "0oa1gjh63g214q0Hq0g4", "scp": []string{"flights.read", "flights.write"},
	}
	person := with(machine, object{
		"sub": "ada@example.com", "uid": "00ujmkLgagxeRrAg20g3", "scp": []string{"openid", "flights.read"}, "auth_time": 1467142021,
	})
	return fixture{
		name:   "Okta",
		header: object{"typ": m2mtest.Absent},
		keys:   []object{jwk(k.sign, []string{"use", "alg"}, nil)},
		key:    k.sign,
		tokens: []token{
			{name: "a machine", claims: machine, id: "0oa1gjh63g214q0Hq0g4", scopes: "flights.read flights.write"},
			{name: "a person", claims: person, want: verifier.NotMachine},
			{name: "a person whose sub was mapped to the client", claims: with(person, object{"sub": "0oa1gjh63g214q0Hq0g4"}), want: verifier.NotMachine},
			{name: "a uid that is null", claims: with(machine, object{"uid": nil}), want: verifier.NotMachine},
			{name: "a sub that was mapped", claims: with(machine, object{"sub": "billing"}), want: verifier.NotMachine},
			{name: "an ID token for the same audience", claims: with(person, object{"cid": m2mtest.Absent, "scp": m2mtest.Absent, "nonce": "n"}), want: verifier.ClientIDMissing},
			{name: "another server", claims: with(machine, object{"iss": "https://acme.okta.com/oauth2/aus9"}), want: verifier.UnknownIssuer},
			{name: "the org server", claims: with(machine, object{"iss": "https://acme.okta.com"}), want: verifier.UnknownIssuer},
			{name: "the org server's type", claims: machine, header: object{"typ": "application/okta-internal-at+jwt"}, want: verifier.TokenType},
			{name: "another API", claims: with(machine, object{"aud": "api://other"}), want: verifier.Audience},
		},
	}.of(issuers.Okta("https://acme.okta.com/oauth2/default", "api://default"))
}

// entraKeys name no algorithm, and have the same value for kid and x5t.
func entraKeys() []object {
	k := testKeys()
	var keys []object
	for _, key := range []*m2mtest.Key{k.sign, k.other} {
		keys = append(keys, jwk(key, []string{"use", "x5c"}, object{
			"x5t": key.ID, "issuer": "https://login.microsoftonline.com/" + tenant + "/v2.0", "cloud_instance_name": "microsoftonline.com",
		}))
	}
	return keys
}

func entraV2() fixture {
	machine := object{
		"aud": apiID, "iss": "https://login.microsoftonline.com/" + tenant + "/v2.0", "azp": appID, "azpacr": "1", "idtyp": "app",
		"oid": appOID, "sub": appOID, "roles": []string{"Reports.Read.All", "Reports.Write.All"}, "tid": tenant, "ver": "2.0", "aio": "E2Zg",
	}
	person := with(machine, object{
		"idtyp": m2mtest.Absent, "oid": userOID, "sub": "JAwKpKk", "scp": "Reports.Read", "roles": []string{"Admin"},
		"name": "Ada", "preferred_username": "ada@example.com",
	})
	return fixture{
		name:   "Entra ID v2.0",
		header: object{"typ": "JWT"},
		keys:   entraKeys(),
		key:    testKeys().sign,
		tokens: []token{
			{name: "an application", claims: machine, id: appID, scopes: "Reports.Read.All Reports.Write.All"},
			{name: "an application, by the other key", claims: machine, key: testKeys().other, id: appID, scopes: "Reports.Read.All Reports.Write.All"},
			{name: "an application without roles", claims: with(machine, object{"roles": m2mtest.Absent}), id: appID},
			{name: "a person", claims: person, want: verifier.NotMachine},
			{name: "a person, idtyp asked for", claims: with(person, object{"idtyp": "user"}), want: verifier.NotMachine},
			{name: "a person without scp", claims: with(person, object{"scp": m2mtest.Absent}), want: verifier.NotMachine},
			{name: "an application with scp", claims: with(machine, object{"scp": "Reports.Read"}), want: verifier.NotMachine},
			{name: "a device", claims: with(machine, object{"idtyp": "device"}), want: verifier.NotMachine},
			{name: "idtyp not asked for", claims: with(machine, object{"idtyp": m2mtest.Absent}), want: verifier.NotMachine},
			{name: "an ID token for the same audience", claims: with(person, object{"azp": m2mtest.Absent, "nonce": "n"}), want: verifier.ClientIDMissing},
			{name: "another tenant", claims: with(machine, object{"iss": "https://login.microsoftonline.com/" + stranger + "/v2.0", "tid": stranger}), want: verifier.UnknownIssuer},
			{name: "version 1.0", claims: with(machine, object{"iss": "https://sts.windows.net/" + tenant + "/"}), want: verifier.UnknownIssuer},
			{name: "another API", claims: with(machine, object{"aud": appID}), want: verifier.Audience},
		},
	}.of(issuers.EntraV2(tenant, apiID))
}

func entraV1() fixture {
	machine := object{
		"aud": "api://reports", "iss": "https://sts.windows.net/" + tenant + "/", "appid": appID, "appidacr": "1", "idtyp": "app",
		"idp": "https://sts.windows.net/" + tenant + "/", "oid": appOID, "sub": appOID, "roles": []string{"Reports.Read.All"}, "tid": tenant, "ver": "1.0",
	}
	person := with(machine, object{
		"idtyp": m2mtest.Absent, "oid": userOID, "sub": "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA", "scp": "user_impersonation",
		"roles": m2mtest.Absent, "upn": "ada@example.com", "unique_name": "ada@example.com", "amr": []string{"pwd"}, "acr": "1",
	})
	return fixture{
		name:   "Entra ID v1.0",
		header: object{"typ": "JWT", "x5t": "i6lGk3FZzxRcUb2C3nEQ7syHJlY"},
		keys:   entraKeys(),
		key:    testKeys().sign,
		tokens: []token{
			{name: "an application", claims: machine, id: appID, scopes: "Reports.Read.All"},
			{name: "for the client ID", claims: with(machine, object{"aud": apiID}), id: appID, scopes: "Reports.Read.All"},
			{name: "a person", claims: person, want: verifier.NotMachine},
			{name: "an ID token for the same audience", claims: with(person, object{"aud": apiID, "appid": m2mtest.Absent}), want: verifier.ClientIDMissing},
			{name: "another tenant", claims: with(machine, object{"iss": "https://sts.windows.net/" + stranger + "/", "tid": stranger}), want: verifier.UnknownIssuer},
			{name: "version 2.0", claims: with(machine, object{"iss": "https://login.microsoftonline.com/" + tenant + "/v2.0"}), want: verifier.UnknownIssuer},
			{name: "Microsoft Graph", claims: with(machine, object{"aud": "https://graph.microsoft.com"}), want: verifier.Audience},
		},
	}.of(issuers.EntraV1(tenant, "api://reports", apiID))
}

func keycloak() fixture {
	k := testKeys()
	keep := []string{"use", "alg", "x5c"}
	machine := keycloakMachine()
	person := with(machine, object{
		"sub": "f0e1d2c3-0000-4000-8000-000000000001", "azp": "frontend", "preferred_username": "ada", "email": "ada@example.com",
		"sid": "b6a9", "client_id": m2mtest.Absent, "clientHost": m2mtest.Absent, "clientAddress": m2mtest.Absent, "session_state": "b6a9",
	})
	return fixture{
		name:   "Keycloak",
		header: object{"typ": "JWT"},
		keys: []object{
			jwk(k.enc, keep, object{"use": "enc", "alg": "RSA-OAEP", "x5t": "Zm9v"}),
			jwk(k.sign, keep, object{"x5t": "YmFy", "x5t#S256": "YmF6"}),
		},
		key: k.sign,
		tokens: []token{
			{name: "a service account", claims: machine, id: "Billing", scopes: "reader writer"},
			{name: "of an old Keycloak", claims: with(machine, object{"client_id": m2mtest.Absent, "clientId": "Billing"}), id: "Billing", scopes: "reader writer"},
			{name: "without profile", claims: with(machine, object{"preferred_username": m2mtest.Absent}), id: "Billing", scopes: "reader writer"},
			{name: "at+jwt", claims: machine, header: object{"typ": "at+jwt"}, id: "Billing", scopes: "reader writer"},
			{name: "without roles", claims: with(machine, object{"resource_access": m2mtest.Absent}), id: "Billing"},
			{name: "a person", claims: person, want: verifier.NotMachine},
			{name: "a person through the service account's client", claims: with(person, object{"azp": "Billing"}), want: verifier.NotMachine},
			{name: "a person who chose the name", claims: with(person, object{"azp": "Billing", "preferred_username": "service-account-billing"}), want: verifier.NotMachine},
			{name: "a person with a client_id mapped in", claims: with(person, object{"client_id": "frontend"}), want: verifier.NotMachine},
			{name: "a person with another user name", claims: with(machine, object{"preferred_username": "ada"}), want: verifier.NotMachine},
			{name: "exchanged by another client", claims: with(machine, object{"azp": "gateway"}), want: verifier.NotMachine},
			{name: "an ID token for the same audience", claims: with(machine, object{"typ": "ID"}), want: verifier.NotMachine},
			{name: "a logout token", claims: with(machine, object{"typ": "Logout"}), want: verifier.NotMachine},
			{name: "lightweight", claims: with(machine, object{"azp": m2mtest.Absent}), want: verifier.ClientIDMissing},
			{name: "roles of a wrong type", claims: with(machine, object{"resource_access": object{"reports": object{"roles": "reader"}}}), want: verifier.ClaimMalformed},
			{name: "another realm", claims: with(machine, object{"iss": "https://sso.example.com/realms/test"}), want: verifier.UnknownIssuer},
			{name: "no audience mapper", claims: with(machine, object{"aud": "account"}), want: verifier.Audience},
			{name: "no audience", claims: with(machine, object{"aud": m2mtest.Absent}), want: verifier.Audience},
			{name: "by the encryption key", claims: machine, key: k.enc, want: verifier.KeyUnusable},
		},
	}.of(issuers.Keycloak("https://sso.example.com/realms/prod", "reports", nil))
}

func keycloakMachine() object {
	return object{
		"jti": "trrtcc:19b582b8", "iss": "https://sso.example.com/realms/prod", "aud": []string{"reports", "account"},
		"sub": "d952cf23-bf92-4c8f-a3ff-4972b4f2bc5b", "typ": "Bearer", "azp": "Billing", "acr": "1", "scope": "profile email reports:read",
		"realm_access":    object{"roles": []string{"offline_access", "operator"}},
		"resource_access": object{"reports": object{"roles": []string{"reader", "writer"}}, "account": object{"roles": []string{"manage-account"}}},
		"client_id":       "Billing", "clientHost": "10.0.0.1", "clientAddress": "10.0.0.1", "preferred_username": "service-account-billing",
	}
}

func keycloakRealmRoles() fixture {
	return keycloakWith("Keycloak with realm roles", issuers.KeycloakRealmRoles, "offline_access operator")
}

func keycloakScopes() fixture {
	return keycloakWith("Keycloak with client scopes", issuers.KeycloakClientScopes, "email profile reports:read")
}

func keycloakWith(name string, from issuers.KeycloakScopes, want string) fixture {
	k := testKeys()
	return fixture{
		name:   name,
		header: object{"typ": "JWT"},
		keys:   []object{jwk(k.sign, []string{"use", "alg", "x5c"}, nil)},
		key:    k.sign,
		tokens: []token{
			{name: "a service account", claims: keycloakMachine(), id: "Billing", scopes: want},
			{name: "a person", claims: with(keycloakMachine(), object{"client_id": m2mtest.Absent}), want: verifier.NotMachine},
		},
	}.of(issuers.Keycloak("https://sso.example.com/realms/prod", "reports", &issuers.KeycloakOptions{Scopes: from}))
}

func cognito() fixture {
	k := testKeys()
	machine := object{
		"sub": "1example23456789", "token_use": "access", "scope": "reports/read reports/write", "auth_time": 1633781133,
		"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E", "version": 2, "jti": "39cdbc77", "client_id": "1example23456789",
	}
	person := with(machine, object{
		"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "username": "ada", "cognito:groups": []string{"admin"},
		"scope": "aws.cognito.signin.user.admin openid", "origin_jti": "aaaa", "event_id": "64f5",
	})
	return fixture{
		name:   "Cognito",
		header: object{"typ": m2mtest.Absent},
		// One key signs access tokens and the other ID tokens.
		keys: []object{jwk(k.other, []string{"use", "alg"}, nil), jwk(k.sign, []string{"use", "alg"}, nil)},
		key:  k.sign,
		tokens: []token{
			{name: "a machine", claims: machine, id: "1example23456789", scopes: "reports/read reports/write"},
			{name: "another machine that may call", claims: with(machine, object{"sub": "2second", "client_id": "2second"}), id: "2second", scopes: "reports/read reports/write"},
			{name: "a person", claims: person, want: verifier.NotMachine},
			{name: "a person without user name", claims: with(person, object{"username": m2mtest.Absent}), want: verifier.NotMachine},
			{name: "a user name", claims: with(machine, object{"username": "ada"}), want: verifier.NotMachine},
			{name: "no subject", claims: with(machine, object{"sub": m2mtest.Absent}), want: verifier.NotMachine},
			{name: "an ID token for the same client", key: k.other, want: verifier.Audience, claims: with(person, object{
				"token_use": "id", "aud": "1example23456789", "client_id": m2mtest.Absent, "cognito:username": "ada", "username": m2mtest.Absent,
			})},
			{name: "an ID token's use", claims: with(machine, object{"token_use": "id"}), want: verifier.NotMachine},
			{name: "a machine that may not call", claims: with(machine, object{"sub": "3third", "client_id": "3third"}), want: verifier.Audience},
			{name: "another pool", claims: with(machine, object{"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other"}), want: verifier.UnknownIssuer},
		},
	}.of(issuers.Cognito("eu-west-1_Ab12Cd34E", "1example23456789", "2second"))
}

func google() fixture {
	k := testKeys()
	const id, email = "107517467455664443766", "billing@acme.iam.gserviceaccount.com"
	machine := object{
		"iss": "https://accounts.google.com", "aud": api, "azp": id, "sub": id, "email": email, "email_verified": true,
		"google": object{"compute_engine": object{"project_id": "acme", "instance_name": "vm-1"}},
	}
	person := with(machine, object{
		"azp": "32555940559.apps.googleusercontent.com", "sub": "110169484474386276334", "email": "ada@example.com", "hd": "example.com",
		"at_hash": "HK6E", "google": m2mtest.Absent,
	})
	return fixture{
		name:   "Google",
		header: object{"typ": "JWT"},
		keys:   []object{jwk(k.other, []string{"use", "alg"}, nil), jwk(k.sign, []string{"use", "alg"}, nil)},
		key:    k.sign,
		tokens: []token{
			{name: "a service account by address", claims: machine, id: id, scopes: "reports:read"},
			{name: "a service account by unique ID", claims: with(machine, object{"sub": "200", "azp": "200", "email": m2mtest.Absent, "email_verified": m2mtest.Absent}), id: "200", scopes: "reports:write"},
			{name: "both: the unique ID decides", claims: with(machine, object{"sub": "200"}), id: "200", scopes: "reports:write"},
			{name: "a person", claims: person, want: verifier.NotMachine},
			{name: "a person by a caller's number", claims: with(person, object{"sub": "200"}), want: verifier.NotMachine},
			{name: "somebody else's service account", claims: with(machine, object{"sub": "300", "email": "billing@evil.iam.gserviceaccount.com"}), want: verifier.NotAccepted},
			{name: "an address that begins like it", claims: with(machine, object{"email": email + ".evil.gserviceaccount.com"}), want: verifier.NotAccepted},
			{name: "in other letters", claims: with(machine, object{"email": "Billing@acme.iam.gserviceaccount.com"}), want: verifier.NotAccepted},
			{name: "an address that is not verified", claims: with(machine, object{"email_verified": false}), want: verifier.NotAccepted},
			{name: "no address", claims: with(machine, object{"email": m2mtest.Absent}), want: verifier.NotAccepted},
			{name: "an address in a list", claims: with(machine, object{"email": []string{email}}), want: verifier.NotAccepted},
			{name: "another audience", claims: with(machine, object{"aud": "https://other.example.com"}), want: verifier.Audience},
			{name: "self-signed by the service account", claims: with(machine, object{"iss": email}), want: verifier.UnknownIssuer},
		},
	}.of(issuers.Google(api, issuers.Callers{email: scopes.Of("reports:read"), "200": scopes.Of("reports:write")}))
}

func github() fixture {
	k := testKeys()
	keep := []string{"use", "alg", "x5c"}
	machine := object{
		"jti": "example-id", "sub": "repo:octo-org/octo-repo:environment:prod", "environment": "prod", "aud": api, "ref": "refs/heads/main",
		"sha": "example-sha", "repository": "octo-org/octo-repo", "repository_owner": "octo-org", "actor_id": "12", "repository_visibility": "private",
		"repository_id": "74", "repository_owner_id": "65", "run_id": "example-run-id", "actor": "octocat", "workflow": "example-workflow",
		"event_name": "workflow_dispatch", "ref_type": "branch", "runner_environment": "github-hosted",
		"job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
		"iss":              "https://token.actions.githubusercontent.com",
	}
	return fixture{
		name:   "GitHub Actions",
		header: object{"typ": "JWT", "x5t": "example-thumbprint"},
		keys:   []object{jwk(k.other, keep, object{"x5t": "a"}), jwk(k.sign, keep, object{"x5t": "b"}), jwk(k.enc, keep, nil)},
		key:    k.sign,
		tokens: []token{
			{name: "a workflow", claims: machine, id: "74", scopes: "deploy"},
			{name: "another repository of the owner", claims: with(machine, object{"repository_id": "75"}), id: "75", scopes: "reports:read"},
			{name: "another branch", claims: with(machine, object{"ref": "refs/heads/evil"}), id: "74", scopes: "reports:read"},
			{name: "another environment", claims: with(machine, object{"environment": "test"}), id: "74", scopes: "reports:read"},
			{name: "no environment", claims: with(machine, object{"environment": m2mtest.Absent}), id: "74", scopes: "reports:read"},
			{name: "another workflow", claims: with(machine, object{"job_workflow_ref": "octo-org/octo-repo/.github/workflows/x.yml@refs/heads/main"}), id: "74", scopes: "reports:read"},
			{name: "somebody else's", claims: with(machine, object{"repository_owner_id": "66", "repository_id": "99", "repository_owner": "evil"}), want: verifier.NotAccepted},
			{name: "somebody who took the owner's name", claims: with(machine, object{"repository_owner_id": "66", "repository_id": "99"}), want: verifier.NotAccepted},
			{name: "a subject that was customized", claims: with(machine, object{"repository_owner_id": "66", "repository_id": "99", "sub": "repository_owner_id:65"}), want: verifier.NotAccepted},
			{name: "no owner", claims: with(machine, object{"repository_owner_id": m2mtest.Absent}), want: verifier.NotAccepted},
			{name: "an owner that is a number", claims: with(machine, object{"repository_owner_id": 65}), want: verifier.NotAccepted},
			{name: "no repository", claims: with(machine, object{"repository_id": m2mtest.Absent}), want: verifier.ClientIDMissing},
			{name: "the default audience", claims: with(machine, object{"aud": "https://github.com/octo-org"}), want: verifier.Audience},
			{name: "an enterprise's own issuer", claims: with(machine, object{"iss": "https://token.actions.githubusercontent.com/evil"}), want: verifier.UnknownIssuer},
		},
	}.of(issuers.GitHubActions(api,
		issuers.GitHubCaller{
			OwnerID: "65", RepositoryID: "74", Ref: "refs/heads/main", Environment: "prod",
			Workflow: "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main", Scopes: scopes.Of("deploy"),
		},
		issuers.GitHubCaller{OwnerID: "65", Scopes: scopes.Of("reports:read")}))
}

func zitadel() fixture {
	k := testKeys()
	const project, keyUser, secretUser = "344374183645413380", "345377791925026818", "345377791925026820"
	const roles = "urn:zitadel:iam:org:project:" + project + ":roles"
	machine := object{
		"iss": "https://acme-ab12cd.zitadel.cloud", "sub": keyUser, "aud": []string{project}, "client_id": keyUser, "jti": "V2_345-at_346", "nbf": 1762357352,
		roles:                                   object{"reader": object{"344373908297744388": "acme.example.com"}, "writer": object{}},
		"urn:zitadel:iam:org:project:999:roles": object{"admin": object{}}, "urn:zitadel:iam:org:project:roles": object{"admin": object{}},
	}
	bySecret := with(machine, object{"sub": secretUser, "client_id": "service_test-user"})
	person := with(machine, object{"sub": "345377791925026999", "client_id": "345000000000000001"})
	return fixture{
		name:   "Zitadel",
		header: object{"typ": "JWT"},
		keys:   []object{jwk(k.other, []string{"use", "alg"}, nil), jwk(k.sign, []string{"use", "alg"}, nil)},
		key:    k.sign,
		tokens: []token{
			{name: "a service user with a key", claims: machine, id: keyUser, scopes: "reader writer"},
			{name: "a service user with a secret", claims: bySecret, id: secretUser, scopes: "reader writer"},
			{name: "without roles", claims: with(machine, object{roles: m2mtest.Absent}), id: keyUser},
			{name: "roles of a wrong type", claims: with(machine, object{roles: []string{"reader"}}), want: verifier.ClaimMalformed},
			{name: "a person", claims: person, want: verifier.NotMachine},
			{name: "a service user that is not named", claims: with(bySecret, object{"sub": "345377791925026821"}), want: verifier.NotMachine},
			{name: "a person through an app named like a service user", claims: with(person, object{"client_id": secretUser}), want: verifier.NotMachine},
			{name: "no client_id", claims: with(person, object{"client_id": m2mtest.Absent}), want: verifier.NotMachine},
			{name: "an ID token for the same audience", claims: with(person, object{"azp": "345000000000000001", "at_hash": "x", "amr": []string{"pwd"}, "auth_time": 1762357352}), want: verifier.NotMachine},
			{name: "an ID token of a service user", claims: with(bySecret, object{"at_hash": "x"}), want: verifier.NotMachine},
			{name: "impersonated", claims: with(bySecret, object{"act": object{"sub": "345377791925026999"}}), want: verifier.NotMachine},
			{name: "another instance", claims: with(machine, object{"iss": "https://evil-ab12cd.zitadel.cloud"}), want: verifier.UnknownIssuer},
			{name: "another project", claims: with(machine, object{"aud": []string{"999"}}), want: verifier.Audience},
		},
	}.of(issuers.Zitadel("acme-ab12cd.zitadel.cloud", project, &issuers.ZitadelOptions{ServiceUsers: []string{secretUser}}))
}

func kubernetes() fixture {
	k := testKeys()
	machine := object{
		"aud": []string{api}, "iss": "https://kubernetes.default.svc.cluster.local", "jti": "aed34954-b33a-4142-b1ec-389d6bbb4936",
		"kubernetes.io": object{
			"namespace": "payments", "node": object{"name": "node-1", "uid": "646e7c5e"}, "pod": object{"name": "worker-0", "uid": "5e0bd49b"},
			"serviceaccount": object{"name": "worker", "uid": "14ee3fa4"}, "warnafter": 1729605247,
		},
		"nbf": 1729601640, "sub": "system:serviceaccount:payments:worker",
	}
	return fixture{
		name:   "Kubernetes",
		header: object{"typ": m2mtest.Absent},
		keys:   []object{jwk(k.sign, []string{"use", "alg"}, nil), jwk(k.other, []string{"use", "alg"}, nil)},
		key:    k.sign,
		tokens: []token{
			{name: "a service account", claims: machine, id: "system:serviceaccount:payments:worker", scopes: "reports:read"},
			{name: "by an external signer", claims: machine, header: object{"typ": "JWT"}, id: "system:serviceaccount:payments:worker", scopes: "reports:read"},
			{name: "a dotted name", claims: with(machine, object{"sub": "system:serviceaccount:payments:job.v2"}), id: "system:serviceaccount:payments:job.v2"},
			{name: "a person", claims: with(machine, object{"sub": "ada@example.com"}), want: verifier.NotMachine},
			{name: "a node", claims: with(machine, object{"sub": "system:node:node-1"}), want: verifier.NotMachine},
			{name: "another account", claims: with(machine, object{"sub": "system:serviceaccount:payments:default"}), want: verifier.NotAccepted},
			{name: "another namespace", claims: with(machine, object{"sub": "system:serviceaccount:evil:worker"}), want: verifier.NotAccepted},
			{name: "an account that goes on", claims: with(machine, object{"sub": "system:serviceaccount:payments:worker:x"}), want: verifier.NotAccepted},
			{name: "no subject", claims: with(machine, object{"sub": m2mtest.Absent}), want: verifier.ClientIDMissing},
			{name: "another cluster", claims: with(machine, object{"iss": "https://kubernetes.default.svc"}), want: verifier.UnknownIssuer},
			{name: "from a Secret", claims: with(machine, object{"iss": "kubernetes/serviceaccount", "exp": m2mtest.Absent}), want: verifier.UnknownIssuer},
			{name: "the API server's", claims: with(machine, object{"aud": []string{"https://kubernetes.default.svc.cluster.local"}}), want: verifier.Audience},
		},
	}.of(issuers.Kubernetes("https://kubernetes.default.svc.cluster.local", api, issuers.Callers{
		"payments/worker": scopes.Of("reports:read"), "payments/job.v2": {},
	}, nil))
}
