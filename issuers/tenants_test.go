package issuers_test

import (
	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

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
