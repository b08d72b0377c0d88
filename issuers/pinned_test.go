package issuers_test

import (
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

const (
	uuidA = "0184990a-477b-4fa8-9968-496074483cee"
	uuidB = "0184990a-4782-42b5-afc1-16715b10b8ff"
	uuidC = "55555555-5555-4555-8555-555555555555"
)

// pinned returns the fixture of a platform. job is a token of the owner that is pinned
// by claim. narrow is a claim that the first pin requires, too. id is that of the client.
func pinned(name, issuer, claim, id, other, narrow string, job object) fixture {
	k := testKeys()
	job = with(object{"iss": issuer, "aud": api, claim: id}, job)
	client := func(changes object) string {
		for _, c := range []string{"pipeline_id", "oidc.circleci.com/project-id", "terraform_workspace_id", "project_id"} {
			if id, ok := with(job, changes)[c].(string); ok {
				return id
			}
		}
		return ""
	}
	narrowed, _ := job[narrow].(string)
	return fixture{
		name:   name,
		header: object{"typ": "JWT"},
		keys:   []object{jwk(k.sign, []string{"use", "alg"}, nil)},
		key:    k.sign,
		tokens: []token{
			{name: "a job", claims: job, id: client(nil), scopes: "deploy"},
			{name: "another " + narrow, claims: with(job, object{narrow: narrowed + "x"}), id: client(nil), scopes: "read"},
			{name: "no " + narrow, claims: with(job, object{narrow: m2mtest.Absent}), id: client(nil), scopes: "read"},
			{name: "a list as " + narrow, claims: with(job, object{narrow: []string{narrowed}}), id: client(nil), scopes: "read"},
			{name: "somebody else's", claims: with(job, object{claim: other}), want: verifier.NotAccepted},
			{name: "somebody else's with the owner's subject", claims: with(job, object{claim: other, "sub": id}), want: verifier.NotAccepted},
			{name: "more than the ID", claims: with(job, object{claim: id + "0"}), want: verifier.NotAccepted},
			{name: "another audience", claims: with(job, object{"aud": "https://other.example.com"}), want: verifier.Audience},
			{name: "another issuer", claims: with(job, object{"iss": issuer + "x"}), want: verifier.UnknownIssuer},
		},
	}.of(issuers.Pinned(issuer, api,
		issuers.Pin{Claim: claim, ID: id, And: map[string]string{narrow: narrowed}, Scopes: scopes.Of("deploy")},
		issuers.Pin{Claim: claim, ID: id, Scopes: scopes.Of("read")}))
}

func TestPinned(t *testing.T) {
	for _, f := range []fixture{
		pinned("GitLab", "https://gitlab.com", "namespace_id", "72", "73", "ref_protected", object{
			"namespace_path": "my-group", "project_id": "20", "project_path": "my-group/my-project", "user_id": "1", "user_login": "ada", "user_email": "ada@example.com",
			"ref": "main", "ref_type": "branch", "ref_protected": "true", "runner_id": 1, "runner_environment": "gitlab-hosted",
			"sub": "project_path:my-group/my-project:ref_type:branch:ref:main", "jti": "fed22df5",
		}),
		pinned("Buildkite", "https://agent.buildkite.com", "organization_id", uuidA, uuidC, "build_branch", object{
			"pipeline_id": uuidB, "organization_slug": "acme-inc", "pipeline_slug": "super-duper-app", "build_number": 1, "build_branch": "main", "job_id": uuidC,
			"sub": "organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/main:commit:9f3182061f1e:step:build",
		}),
		pinned("CircleCI", "https://oidc.circleci.com/org/"+uuidA, "oidc.circleci.com/project-id", uuidB, uuidC, "oidc.circleci.com/vcs-ref", object{
			"oidc.circleci.com/org-id": uuidA, "oidc.circleci.com/context-ids": []string{uuidC}, "oidc.circleci.com/vcs-ref": "refs/heads/main",
			"oidc.circleci.com/vcs-origin": "github.com/acme/app", "oidc.circleci.com/ssh-rerun": false, "sub": "org/" + uuidA + "/project/" + uuidB + "/user/" + uuidC,
		}),
		pinned("HCP Terraform", "https://app.terraform.io", "terraform_organization_id", "org-GRNbCjYNpBB6NEH9", "org-AAAAAAAAAAAAAAAA", "terraform_run_phase", object{
			"terraform_organization_name": "my-org", "terraform_workspace_id": "ws-mbsd5E3Ktt5Rg2Xm", "terraform_workspace_name": "my-ws",
			"terraform_run_id": "run-X3n1AUXNGWbfECsJ", "terraform_run_phase": "apply", "sub": "organization:my-org:project:p:workspace:my-ws:run_phase:apply",
		}),
		pinned("Vercel", "https://oidc.vercel.com/acme", "owner_id", "team_7Gw5ZMzpQA8h90F832KGp7nw", "team_AAAA5ZMzpQA8h90F832KGp7n", "environment", object{
			"project_id": "prj_7Gw5ZMBpQA8h9GF832KGp7nw", "owner": "acme", "project": "app", "environment": "production",
			"sub": "owner:acme:project:app:environment:production", "scope": "owner:acme:project:app:environment:production",
		}),
	} {
		t.Run(f.name, f.run)
	}
}

// TestPinnedMistakes: a pin that selects more than one owner is an error.
func TestPinnedMistakes(t *testing.T) {
	type and = map[string]string
	pin := func(claim, id string, and and) issuers.Pin { return issuers.Pin{Claim: claim, ID: id, And: and} }
	good := pin("project_id", "20", nil)
	const gitlab, noIssuer, noOwner, noID, noPattern = "https://gitlab.com", "no issuer of a known platform", "does not pin the owner", "is no ID for", "not patterns"
	for _, tt := range []struct {
		name, issuer, audience string
		pin                    issuers.Pin
		want                   string // in the error
	}{
		{"good", gitlab, api, pin("project_id", "20", and{"ref_protected": "true"}), ""},
		{"a slash", gitlab + "/", api, good, noIssuer},
		{"a longer host", gitlab + ".evil.example", api, good, noIssuer},
		{"plain http", "http://gitlab.com", api, good, noIssuer},
		{"GitHub", "https://token.actions.githubusercontent.com", api, good, noIssuer},
		{"CircleCI of nobody", "https://oidc.circleci.com/org/", api, pin("oidc.circleci.com/project-id", uuidA, nil), noIssuer},
		{"CircleCI of a name", "https://oidc.circleci.com/org/acme", api, pin("oidc.circleci.com/project-id", uuidA, nil), noIssuer},
		{"Vercel of everyone", "https://oidc.vercel.com", api, pin("owner_id", "team_a", nil), noIssuer},
		{"no audience", gitlab, "", good, "the audience"},
		{"nothing", gitlab, api, issuers.Pin{}, noOwner},
		{"a name", gitlab, api, pin("project_path", "my-group/my-project", nil), noOwner},
		{"the subject", gitlab, api, pin("sub", "project_path:my-group/my-project:ref_type:branch:ref:main", nil), noOwner},
		{"a narrow claim alone", gitlab, api, pin("ref_protected", "true", nil), noOwner},
		{"another platform's claim", gitlab, api, pin("organization_id", uuidA, nil), noOwner},
		{"no ID", gitlab, api, pin("project_id", "", nil), noID},
		{"a wildcard", gitlab, api, pin("project_id", "*", nil), noID},
		{"a pattern", gitlab, api, pin("project_id", "2*", nil), noID},
		{"a name as ID", gitlab, api, pin("namespace_id", "my-group", nil), noID},
		{"a slug as ID", "https://agent.buildkite.com", api, pin("organization_id", "acme-inc", nil), noID},
		{"a prefix alone", "https://app.terraform.io", api, pin("terraform_organization_id", "org-", nil), noID},
		{"a team's name", "https://oidc.vercel.com/acme", api, pin("owner_id", "acme", nil), noID},
		{"an empty value", gitlab, api, pin("project_id", "20", and{"ref": ""}), noPattern},
		{"a value that is a wildcard", gitlab, api, pin("project_id", "20", and{"ref": "*"}), noPattern},
		{"a value that is a pattern", gitlab, api, pin("project_id", "20", and{"ref": "release-*"}), noPattern},
		{"no name", gitlab, api, pin("project_id", "20", and{"": "x"}), noPattern},
	} {
		_, err := issuers.Pinned(tt.issuer, tt.audience, tt.pin)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Pinned(%s) = %v, want %q", tt.name, err, tt.want)
		}
	}
	and1 := and{"ref_protected": "true"}
	iss, err := issuers.Pinned(gitlab, api, pin("project_id", "20", and1))
	if err != nil {
		t.Fatal(err)
	}
	delete(and1, "ref_protected") // has no effect
	fixture{name: "copied", issuer: iss, header: object{"typ": "JWT"}, keys: []object{jwk(testKeys().sign, nil, nil)}, key: testKeys().sign, tokens: []token{
		{name: "unprotected", claims: object{"iss": gitlab, "aud": api, "project_id": "20", "ref_protected": "false"}, want: verifier.NotAccepted},
	}}.run(t)
}
