package issuers_test

import "github.com/m2mauth/m2mauth/verifier"

func pingOne() row {
	const issuer, app = "https://auth.pingone.eu/" + tenant + "/as", appID
	m := object{"iss": issuer, "aud": []string{api}, "client_id": app, "scope": "reports:read", "jti": "1"}
	iss := verifier.Issuer{Name: issuer, Audiences: []string{api}, TokenTypes: []string{"", "JWT", "at+jwt"}}
	person := object{"sub": userOID, "auth_time": 1, "acr": "Single_Factor", "sid": "s"}
	return newRow("PingOne", "", iss, object{"typ": absent},
		good(m, app, "reports:read"),
		token{name: "with the type that PingOne is to write", claims: m, header: object{"typ": "at+jwt"}, id: app, scopes: "reports:read"},
		near("a person", verifier.NotMachine, m, person),
		near("a person without subject", verifier.NotMachine, m, both(person, object{"sub": absent})),
		near("an ID token", verifier.ClientIDMissing, m, both(person, object{"client_id": absent, "nonce": "n"})),
		near("the platform's API", verifier.Audience, m, object{"aud": []string{"https://api.pingone.eu"}}),
		near("a prefix of the audience", verifier.Audience, m, object{"aud": api[:len(api)-1]}),
	)
}

func oracle() row {
	const issuer, client = "https://identity.oraclecloud.com/", "1bf4d3e599ec4406a9f33044a49c4d4c"
	m := object{"iss": issuer, "aud": []string{"https://reports.example.com/"}, "sub": client, "client_id": client, "tok_type": "AT", "sub_type": "client",
		"sub_mappingattr": "userName", "user.tenant.name": "idcs-ba02", "client_name": "APIClient", "tenant": "idcs-ba02", "scope": "Read"}
	iss := verifier.Issuer{
		Name: issuer, Audiences: []string{"https://reports.example.com/"}, TokenTypes: []string{"", "JWT"},
		Accept: verifier.AcceptAll(verifier.SubjectIsClient, verifier.ClaimEquals("sub_type", "client"), verifier.ClaimEquals("tok_type", "AT")),
	}
	return newRow("Oracle identity domains, IDCS", `AcceptAll(SubjectIsClient, ClaimEquals("sub_type", "client"), ClaimEquals("tok_type", "AT"))`, iss, object{"typ": absent},
		good(m, client, "Read"),
		token{name: "one audience", claims: with(m, object{"aud": "https://reports.example.com/"}), id: client, scopes: "Read"},
		near("a person", verifier.NotMachine, m, object{"sub": "ada", "sub_type": "user"}),
		near("a person named like the client", verifier.NotMachine, m, object{"sub_type": "user"}),
		near("no subject type", verifier.NotMachine, m, object{"sub_type": absent}),
		near("subject types in a list", verifier.NotMachine, m, object{"sub_type": []string{"client"}}),
		near("an ID token", verifier.NotMachine, m, object{"tok_type": "IT"}),
		near("another client's subject", verifier.NotMachine, m, object{"sub": client + "0"}),
		near("no client", verifier.ClientIDMissing, m, object{"client_id": absent}),
		near("without the slash", verifier.Audience, m, object{"aud": "https://reports.example.com"}),
	)
}

func pingAM() row {
	const issuer = "https://am.example.com/am/oauth2/alpha"
	m := object{"iss": issuer, "aud": api, "sub": "(age!billing)", "subname": "billing", "cts": "OAUTH2_STATELESS_GRANT", "tokenName": "access_token",
		"token_type": "Bearer", "client_id": "billing", "grant_type": "client_credentials", "scope": []string{"reports:read"}, "realm": "/alpha", "expires_in": 3600}
	iss := verifier.Issuer{
		Name: issuer, Audiences: []string{api},
		Accept: verifier.AcceptAll(verifier.ClaimEquals("grant_type", "client_credentials"), verifier.ClaimEquals("tokenName", "access_token")),
	}
	return newRow("ForgeRock, PingAM", `AcceptAll(ClaimEquals("grant_type", "client_credentials"), ClaimEquals("tokenName", "access_token"))`, iss, object{"typ": "JWT"},
		good(m, "billing", "reports:read"),
		token{name: "of an older release", claims: with(m, object{"sub": "billing"}), id: "billing", scopes: "reports:read"},
		near("a person", verifier.NotMachine, m, object{"sub": "(usr!ada)", "grant_type": "authorization_code"}),
		near("no grant", verifier.NotMachine, m, object{"grant_type": absent}),
		near("an empty grant", verifier.NotMachine, m, object{"grant_type": ""}),
		near("grants in a list", verifier.NotMachine, m, object{"grant_type": []string{"client_credentials"}}),
		near("a refresh token", verifier.NotMachine, m, object{"tokenName": "refresh_token"}),
		near("an ID token", verifier.NotMachine, m, object{"tokenName": "id_token"}),
		near("no client", verifier.ClientIDMissing, m, object{"client_id": absent}),
		near("the default audience, the client", verifier.Audience, m, object{"aud": "billing"}),
	)
}

func authentik() row {
	const issuer, provider = "https://sso.example.com/application/o/reports/", "aBcDprovider"
	const worker = "5d41402abc4b2a76b9719d911017c592ae0a8b2d8e3a3f7c1d6e4f2b9c8a7e6f"
	m := object{"iss": issuer, "aud": provider, "azp": provider, "sub": worker, "uid": "u1", "acr": "goauthentik.io/providers/oauth2/default",
		"scope": "reports:read", "preferred_username": "ak-reports-client_credentials"}
	iss := verifier.Issuer{Name: issuer, Audiences: []string{provider}, ClientIDClaims: []string{"sub"}, Accept: verifier.ClientIDIn(worker)}
	return newRow("authentik", `ClientIDIn(…)`, iss, object{"typ": "JWT"},
		good(m, worker, "reports:read"),
		near("a person", verifier.NotAccepted, m, object{"sub": "0cc175b9c0f1b6a831c399e269772661", "preferred_username": "ada"}),
		near("a person with a service account's name", verifier.NotAccepted, m, object{"sub": "0cc175b9c0f1b6a831c399e269772661"}),
		near("a prefix of the account", verifier.NotAccepted, m, object{"sub": worker[:63]}),
		near("accounts in a list", verifier.ClientIDMissing, m, object{"sub": []string{worker}}),
		near("no account", verifier.ClientIDMissing, m, object{"sub": absent}),
		near("an empty account", verifier.ClientIDMissing, m, object{"sub": ""}),
		near("another provider", verifier.Audience, m, object{"aud": "other", "azp": "other"}),
	)
}

func fusionAuth() row {
	const issuer, entity, target = "auth.example.com", "092dbded-30af-4149-9c61-b578f2c72f59", "e9fc6a3b-0000-4e1c-9b1a-7d1c9e0f1a2b"
	m := object{"iss": issuer, "aud": target, "sub": entity, "permissions": []string{"read", "write"}, "scope": "target-entity:" + target + ":read,write",
		"jti": "1", "tid": tenant}
	iss := verifier.Issuer{
		Name: issuer, Audiences: []string{target}, ClientIDClaims: []string{"sub"}, ScopeClaims: []string{"permissions"},
		Accept: verifier.AcceptAll(verifier.ClaimAbsent("authenticationType"), verifier.ClaimAbsent("applicationId")),
	}
	person := object{"sub": userOID, "authenticationType": "PASSWORD", "applicationId": apiID, "email": "ada@example.com", "roles": []string{"admin"}}
	return newRow("FusionAuth, entities", `AcceptAll(ClaimAbsent("authenticationType"), ClaimAbsent("applicationId"))`, iss,
		object{"typ": "JWT", "gty": []string{"client_credentials"}},
		good(m, entity, "read write"),
		token{name: "an entity without permissions", claims: with(m, object{"permissions": absent}), id: entity},
		near("a person", verifier.Audience, m, both(person, object{"aud": apiID})),
		near("a person for the same audience", verifier.NotMachine, m, person),
		near("a person without registration", verifier.NotMachine, m, both(person, object{"applicationId": absent})),
		near("a type that is null", verifier.NotMachine, m, object{"authenticationType": nil}),
		near("no entity", verifier.ClientIDMissing, m, object{"sub": absent}),
		near("entities in a list", verifier.ClientIDMissing, m, object{"sub": []string{entity}}),
		near("permissions in an object", verifier.ClaimMalformed, m, object{"permissions": object{target: []string{"read"}}}),
		near("another entity", verifier.Audience, m, object{"aud": entity}),
	)
}

func dex() row {
	const issuer, worker = "https://dex.example.com", "CgZ3b3JrZXISBGt1YmU"
	m := object{"iss": issuer, "aud": "reports", "sub": worker, "at_hash": "x"}
	iss := verifier.Issuer{Name: issuer, Audiences: []string{"reports"}, ClientIDClaims: []string{"sub"}, TokenTypes: []string{"", "JWT"}, Accept: verifier.ClientIDIn(worker)}
	return newRow("Dex", `ClientIDIn(…)`, iss, object{"typ": absent},
		good(m, worker, ""),
		near("a person", verifier.NotAccepted, m, object{"sub": "CgNhZGESBGxkYXA", "email": "ada@example.com", "name": "Ada"}),
		near("a prefix of the subject", verifier.NotAccepted, m, object{"sub": worker[:len(worker)-1]}),
		near("subjects in a list", verifier.ClientIDMissing, m, object{"sub": []string{worker}}),
		near("no subject", verifier.ClientIDMissing, m, object{"sub": absent}),
		near("another client", verifier.Audience, m, object{"aud": "other"}),
	)
}

func hydra() row {
	const issuer, client = "https://hydra.example.com", "6c5a3c1e-0000-4f6a-8d7b-1f2e3d4c5b6a"
	m := object{"iss": issuer, "aud": []string{api}, "client_id": client, "sub": client, "scp": []string{"reports:read"}, "ext": object{"sub": "admin"}, "jti": "1"}
	return newRow("Hydra, oidc-provider", "", verifier.Issuer{Name: issuer, Audiences: []string{api}}, object{"typ": "JWT"},
		good(m, client, "reports:read"),
		near("a person", verifier.NotMachine, m, object{"sub": "ada"}),
		near("a person named by ext", verifier.NotMachine, m, object{"sub": "", "ext": object{"sub": client}, "sid": "s"}),
		near("an ID token", verifier.ClientIDMissing, m, object{"client_id": absent, "nonce": "n"}),
		near("no audience was requested", verifier.Audience, m, object{"aud": []string{}}),
	)
}

// zitadelOP has the claims of a token that release 3.52.0 issued.
func zitadelOP() row {
	const issuer = "https://op.example.com/"
	m := object{"iss": issuer, "sub": "sid1", "aud": []string{"reports"}, "client_id": "sid1", "nbf": 1, "jti": "918695e4-312b-4335-b3d6-83d8e1cc521a"}
	return newRow("Zitadel's OP library", "", verifier.Issuer{Name: issuer, Audiences: []string{"reports"}}, object{"typ": "JWT"},
		good(m, "sid1", ""),
		token{name: "with a private claim", claims: with(m, object{"scope": "reports:read"}), id: "sid1", scopes: "reports:read"},
		near("a person", verifier.NotMachine, m, object{"sub": "ada"}),
		near("a person without subject", verifier.NotMachine, m, object{"sub": absent, "auth_time": 1}),
		near("an ID token", verifier.ClientIDMissing, m, object{"client_id": absent, "nonce": "n"}),
		near("another audience", verifier.Audience, m, object{"aud": []string{"sid1"}}),
		near("without the slash", verifier.UnknownIssuer, m, object{"iss": issuer[:len(issuer)-1]}),
	)
}

func salesforce() row {
	const issuer, user = "https://acme.my.salesforce.com", "uid:005SG000008eiAbYAI"
	m := object{"iss": issuer, "aud": []string{issuer, api}, "sub": user, "client_id": "3MVG9.AgwtoIvERSd8i8lePrqfs7", "scp": "api reports"}
	iss := verifier.Issuer{Name: issuer, Audiences: []string{api}, ClientIDClaims: []string{"sub"}, Accept: verifier.ClientIDIn(user)}
	return newRow("Salesforce", `ClientIDIn(…)`, iss, object{"typ": "JWT", "tnk": "core/prod/00D", "ver": "1.0"},
		good(m, user, "api reports"),
		near("a person of the same app", verifier.NotAccepted, m, object{"sub": "uid:005SG000008other"}),
		near("a user's ID without the prefix", verifier.NotAccepted, m, object{"sub": user[4:]}),
		near("users in a list", verifier.ClientIDMissing, m, object{"sub": []string{user}}),
		near("no user", verifier.ClientIDMissing, m, object{"sub": absent}),
		near("the org alone", verifier.Audience, m, object{"aud": []string{issuer}}),
		near("another org", verifier.UnknownIssuer, m, object{"iss": "https://evil.my.salesforce.com"}),
	)
}
