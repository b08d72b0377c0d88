package issuers_test

import (
	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

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
