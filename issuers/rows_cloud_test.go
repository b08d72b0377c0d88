package issuers_test

import (
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// rows returns the authorities of docs/issuers.md, "OAuth authorities".
func rows() []row {
	return []row{
		workOS(), duende(), kinde(), clerk(), descope(), pingOne(), oracle(), pingAM(), authentik(), fusionAuth(), dex(), hydra(), zitadelOP(), salesforce(), cloudflare(),
	}
}

func workOS() row {
	const env, app = "client_01ENVIRONMENT", "client_01APPLICATION"
	m := object{"iss": "https://acme.authkit.app", "aud": env, "sub": app, "client_id": app, "org_id": "org_01ACME", "scope": "reports:read", "jti": "01J"}
	person := object{"sub": "user_01ADA", "sid": "app_consent_01", "scope": "openid profile"}
	return newRow("WorkOS, M2M applications", "", verifier.Issuer{Name: "https://acme.authkit.app", Audiences: []string{env}}, object{"typ": "JWT"},
		good(m, app, "reports:read"),
		near("a person", verifier.NotMachine, m, person),
		near("a person without subject", verifier.NotMachine, m, both(person, object{"sub": absent})),
		near("a person with an empty subject", verifier.NotMachine, m, both(person, object{"sub": ""})),
		near("another application's subject", verifier.NotMachine, m, object{"sub": app + "x"}),
		near("a prefix of the subject", verifier.NotMachine, m, object{"sub": app[:len(app)-1]}),
		near("subjects in a list", verifier.ClaimMalformed, m, object{"sub": []string{app}}),
		near("no client", verifier.ClientIDMissing, m, object{"client_id": absent}),
		near("an empty client", verifier.ClientIDMissing, m, object{"client_id": "", "sub": ""}),
		near("another environment", verifier.Audience, m, object{"aud": app}),
	)
}

func duende() row {
	m := object{"iss": "https://id.example.com", "aud": "reports", "client_id": "billing", "scope": []string{"reports.read", "reports.write"}, "jti": "39A5", "nbf": 1}
	person := object{"sub": "818727", "auth_time": 1, "idp": "local", "amr": []string{"pwd"}}
	return newRow("Duende IdentityServer", "", verifier.Issuer{Name: "https://id.example.com", Audiences: []string{"reports"}}, object{"typ": "at+jwt"},
		good(m, "billing", "reports.read reports.write"),
		near("a person", verifier.NotMachine, m, person),
		near("a person without subject", verifier.NotMachine, m, both(person, object{"sub": absent})),
		near("a person with a subject that is null", verifier.NotMachine, m, both(person, object{"sub": nil})),
		near("an ID token", verifier.ClientIDMissing, m, both(person, object{"client_id": absent, "nonce": "n"})),
		near("clients in a list", verifier.ClientIDMissing, m, object{"client_id": []string{"billing"}}),
		near("the server's own audience", verifier.Audience, m, object{"aud": "https://id.example.com/resources"}),
	)
}

func kinde() row {
	const app = "d4d3c5b74e064badb9625a4aa6241bcc"
	m := object{"iss": "https://acme.kinde.com", "aud": []string{api}, "azp": app, "gty": []string{"client_credentials"}, "scope": "read:users write:flags",
		"scp": []string{"read:users", "write:flags"}, "jti": "f95e", "v": "2"}
	iss := verifier.Issuer{
		Name: "https://acme.kinde.com", Audiences: []string{api}, ClientIDClaims: []string{"azp"},
		Accept: verifier.ClaimContains("gty", "client_credentials"),
	}
	return newRow("Kinde", `ClaimContains("gty", "client_credentials")`, iss, object{"typ": "JWT"},
		good(m, app, "read:users write:flags"),
		near("a person", verifier.NotMachine, m, object{"sub": "kp_ada", "gty": []string{"authorization_code"}}),
		near("a person without gty", verifier.NotMachine, m, object{"sub": "kp_ada", "gty": absent}),
		near("a grant that is a string", verifier.NotMachine, m, object{"gty": "client_credentials"}),
		near("no grants", verifier.NotMachine, m, object{"gty": []string{}}),
		near("more than the grant", verifier.NotMachine, m, object{"gty": []string{"client_credentials_x", "client-credentials"}}),
		near("a list in a list", verifier.NotMachine, m, object{"gty": []any{[]string{"client_credentials"}}}),
		near("no client", verifier.ClientIDMissing, m, object{"azp": absent}),
		near("another API", verifier.Audience, m, object{"aud": []string{other}}),
		near("no API", verifier.Audience, m, object{"aud": []string{}}),
	)
}

func clerk() row {
	const caller, service = "mch_2vYVtestTESTtestTESTtestTESTtest", "mch_2xhFjEI5X2qWRvtV13BzSj8H6Dk"
	m := object{"iss": "https://clerk.example.com", "aud": []string{service}, "sub": caller, "scopes": service, "jti": "mt_1", "permissions": "admin", "scope": "admin"}
	iss := verifier.Issuer{
		Name: "https://clerk.example.com", Audiences: []string{service}, ClientIDClaims: []string{"sub"}, Accept: verifier.SubjectHasPrefix("mch_"),
		// The caller writes every other claim itself.
		ScopesFrom: func(c verifier.Client) (scopes.Set, error) {
			return map[string]scopes.Set{caller: scopes.Of("reports:read")}[c.ID], nil
		},
	}
	return newRow("Clerk, M2M tokens", `SubjectHasPrefix("mch_")`, iss, object{"typ": "JWT", "cat": "cl_B7d4PD333AAA"},
		good(m, caller, "reports:read"),
		token{name: "a machine without rights that claims some", claims: with(m, object{"sub": "mch_other"}), id: "mch_other"},
		near("a person's session", verifier.NotMachine, m, object{"sub": "user_2ada", "sid": "sess_1"}),
		near("a prefix of the prefix", verifier.NotMachine, m, object{"sub": "mch"}),
		near("the prefix in other letters", verifier.NotMachine, m, object{"sub": "MCH_x"}),
		near("the prefix further on", verifier.NotMachine, m, object{"sub": "user_mch_x"}),
		near("machines in a list", verifier.ClientIDMissing, m, object{"sub": []string{caller}}),
		near("no machine", verifier.ClientIDMissing, m, object{"sub": absent}),
		near("an empty one", verifier.ClientIDMissing, m, object{"sub": ""}),
		near("for another machine", verifier.Audience, m, object{"aud": []string{"mch_other"}}),
		near("for nobody", verifier.Audience, m, object{"aud": absent}),
	)
}

func descope() row {
	const project, key = "P2YuRTmSv8PdoasfasfWiLoBrZP9", "K2abcTESTabcTESTabcTESTabcT"
	m := object{"iss": project, "sub": key, "drn": "DS", "permissions": []string{"reports:read"}, "roles": []string{"Tenant Admin"}, "tenants": object{}}
	iss := verifier.Issuer{
		Name: project, Aliases: []string{"https://api.descope.com/" + project}, Audiences: []string{project, "https://api.descope.com/" + project},
		AudienceClaims: []string{"iss"}, ClientIDClaims: []string{"sub"}, ScopeClaims: []string{"permissions"}, Accept: verifier.ClientIDIn(key),
	}
	r := newRow("Descope, access keys", `ClientIDIn(…)`, iss, object{"typ": "JWT"},
		good(m, key, "reports:read"),
		token{name: "with the other issuer", claims: with(m, object{"iss": "https://api.descope.com/" + project}), id: key, scopes: "reports:read"},
		near("a person", verifier.NotAccepted, m, object{"sub": "U2YualoWDiRkFAEpoyOwAEyT07jk"}),
		near("a key that is not listed", verifier.NotAccepted, m, object{"sub": key + "x"}),
		near("a prefix of a key", verifier.NotAccepted, m, object{"sub": key[:len(key)-1]}),
		near("keys in a list", verifier.ClientIDMissing, m, object{"sub": []string{key}}),
		near("no key", verifier.ClientIDMissing, m, object{"sub": absent}),
		near("permissions in an object", verifier.ClaimMalformed, m, object{"permissions": object{"reports:read": true}}),
		near("another project", verifier.UnknownIssuer, m, object{"iss": "P2other"}),
	)
	return r
}

func cloudflare() row {
	const team, aud, id = "https://acme.cloudflareaccess.com", "32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228", "e367826f93b8d71185e03fe518aff3b4.access"
	m := object{"type": "app", "aud": []string{aud}, "iss": team, "common_name": id, "sub": ""}
	iss := verifier.Issuer{
		Name: team, Audiences: []string{aud}, ClientIDClaims: []string{"common_name"},
		Accept: verifier.AcceptAll(verifier.ClaimEquals("type", "app"), verifier.ClaimEquals("sub", "")),
	}
	person := object{"email": "ada@example.com", "sub": "7335d417-61da-459d-899c-0a01c76a2f94", "identity_nonce": "6ei69kawdKzMIAPF", "country": "US"}
	return newRow("Cloudflare Access, service tokens", `AcceptAll(ClaimEquals("type", "app"), ClaimEquals("sub", ""))`, iss, object{"typ": "JWT"},
		good(m, id, ""),
		near("a person", verifier.ClientIDMissing, m, both(person, object{"common_name": absent})),
		near("a person with an empty name", verifier.ClientIDMissing, m, both(person, object{"common_name": ""})),
		near("a person with a client certificate", verifier.NotMachine, m, both(person, object{"common_name": "ada"})),
		near("no subject", verifier.NotMachine, m, object{"sub": absent}),
		near("a subject that is null", verifier.NotMachine, m, object{"sub": nil}),
		near("a session of the whole organization", verifier.NotMachine, m, object{"type": "org"}),
		near("names in a list", verifier.ClientIDMissing, m, object{"common_name": []string{id}}),
		near("another application", verifier.Audience, m, object{"aud": []string{aud[1:]}}),
		near("no application", verifier.Audience, m, object{"aud": []string{}}),
	)
}
