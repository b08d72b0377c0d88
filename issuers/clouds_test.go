package issuers_test

import (
	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

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
