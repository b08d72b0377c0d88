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

// pinnedCase is a platform with the token of a job.
type pinnedCase struct {
	platform, issuer string
	claim, id, other string          // the pinned claim: the owner's, and somebody else's
	name             string          // of the owner, which is no ID
	narrow           string          // a claim that the first pin requires, too; "" if a job has none
	client           string          // the claim with the client ID; claim if ""
	absent           verifier.Reason // without claim; ClientIDMissing if "" and it names the client
	algorithm        string          // RS256 if ""
	job              object          // claims beside "iss", "aud" and claim
}

// fixture returns the tokens of a job and its near misses.
func (p pinnedCase) fixture() fixture {
	k := testKeys()
	key, keys := k.sign, []object{jwk(k.sign, []string{"use", "alg"}, nil)}
	if p.algorithm != "" {
		// AWS's set, whose RSA key names no algorithm.
		key = m2mtest.NewKey(p.algorithm)
		keys = []object{jwk(k.sign, []string{"use"}, nil), key.JWK()}
	}
	if p.client == "" {
		p.client = p.claim
	}
	job := with(object{"iss": p.issuer, "aud": api, p.claim: p.id}, p.job)
	id := job[p.client].(string)
	malformed := verifier.NotAccepted
	if p.client == p.claim {
		malformed = verifier.ClientIDMissing
	}
	if p.absent == "" {
		p.absent = malformed
	}
	owner := func(value any) object { return with(job, object{p.claim: value}) }
	f := fixture{
		name:   p.platform,
		header: object{"typ": "JWT"},
		keys:   keys,
		key:    key,
		tokens: []token{
			{name: "a job", claims: job, id: id, scopes: "deploy"},
			{name: "a job without typ", claims: job, header: object{"typ": m2mtest.Absent}, id: id, scopes: "deploy"},
			{name: "somebody else's", claims: owner(p.other), want: verifier.NotAccepted},
			{name: "somebody else's with the owner's name", claims: with(owner(p.other), object{"owner": p.id, "actor": p.id}), want: verifier.NotAccepted},
			{name: "the owner's name for its ID", claims: owner(p.name), want: verifier.NotAccepted},
			{name: "more than the ID", claims: owner(p.id + "0"), want: verifier.NotAccepted},
			{name: "a prefix of the ID", claims: owner(p.id[:len(p.id)-1]), want: verifier.NotAccepted},
			{name: "in other letters", claims: owner(" " + p.id), want: verifier.NotAccepted},
			{name: "no owner", claims: owner(m2mtest.Absent), want: p.absent},
			{name: "an owner that is null", claims: owner(nil), want: malformed},
			{name: "an empty owner", claims: owner(""), want: malformed},
			{name: "a list with the owner", claims: owner([]string{p.id}), want: malformed},
			{name: "an object with the owner", claims: owner(object{"id": p.id}), want: malformed},
			{name: "another audience", claims: with(job, object{"aud": "https://other.example.com"}), want: verifier.Audience},
			{name: "no audience", claims: with(job, object{"aud": m2mtest.Absent}), want: verifier.Audience},
			{name: "another issuer", claims: with(job, object{"iss": p.issuer + "x"}), want: verifier.UnknownIssuer},
		},
	}
	first := issuers.Pin{Claim: p.claim, ID: p.id, Scopes: scopes.Of("deploy")}
	if p.narrow != "" {
		value := job[p.narrow].(string)
		first.And = map[string]string{p.narrow: value}
		for name, other := range map[string]any{"another": value + "x", "no": m2mtest.Absent, "a list as": []string{value}} {
			f.tokens = append(f.tokens, token{name: name + " " + p.narrow, claims: with(job, object{p.narrow: other}), id: id, scopes: "read"})
		}
	}
	return f.of(issuers.Pinned(p.issuer, api, first, issuers.Pin{Claim: p.claim, ID: p.id, Scopes: scopes.Of("read")}))
}

const (
	azureOrganization = "https://vstoken.dev.azure.com/" + uuidA
	bitbucket         = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
	awsAccount        = "https://a103a2cc-b461-473d-84fe-6c4f6d45af88.tokens.sts.global.api.aws"
	awsRole           = "arn:aws:iam::123456789012:role/DataProcessingRole"
)

var pinnedCases = []pinnedCase{
	{
		platform: "GitLab", issuer: "https://gitlab.com", claim: "namespace_id", id: "72", other: "73", name: "my-group", narrow: "ref_protected", client: "project_id",
		job: object{
			"namespace_path": "my-group", "project_id": "20", "project_path": "my-group/my-project", "user_id": "1", "user_login": "ada", "user_email": "ada@example.com",
			"ref": "main", "ref_type": "branch", "ref_protected": "true", "runner_id": 1, "runner_environment": "gitlab-hosted",
			"sub": "project_path:my-group/my-project:ref_type:branch:ref:main", "jti": "fed22df5",
		},
	}, {
		platform: "Buildkite", issuer: "https://agent.buildkite.com", claim: "organization_id", id: uuidA, other: uuidC, name: "acme-inc", narrow: "build_branch", client: "pipeline_id",
		job: object{
			"pipeline_id": uuidB, "organization_slug": "acme-inc", "pipeline_slug": "super-duper-app", "build_number": 1, "build_branch": "main", "job_id": uuidC,
			"sub": "organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/main:commit:9f3182061f1e:step:build",
		},
	}, {
		platform: "CircleCI", issuer: "https://oidc.circleci.com/org/" + uuidA, claim: "oidc.circleci.com/project-id", id: uuidB, other: uuidC, name: "acme/app",
		narrow: "oidc.circleci.com/vcs-ref",
		job: object{
			"oidc.circleci.com/org-id": uuidA, "oidc.circleci.com/context-ids": []string{uuidC}, "oidc.circleci.com/vcs-ref": "refs/heads/main",
			"oidc.circleci.com/vcs-origin": "github.com/acme/app", "oidc.circleci.com/ssh-rerun": false, "sub": "org/" + uuidA + "/project/" + uuidB + "/user/" + uuidC,
		},
	}, {
		platform: "HCP Terraform", issuer: "https://app.terraform.io", claim: "terraform_organization_id", id: "org-GRNbCjYNpBB6NEH9", other: "org-AAAAAAAAAAAAAAAA",
		name: "my-org", narrow: "terraform_run_phase", client: "terraform_workspace_id",
		job: object{
			"terraform_organization_name": "my-org", "terraform_workspace_id": "ws-mbsd5E3Ktt5Rg2Xm", "terraform_workspace_name": "my-ws",
			"terraform_run_id": "run-X3n1AUXNGWbfECsJ", "terraform_run_phase": "apply", "sub": "organization:my-org:project:p:workspace:my-ws:run_phase:apply",
		},
	}, {
		platform: "Vercel", issuer: "https://oidc.vercel.com/acme", claim: "owner_id", id: "team_7Gw5ZMzpQA8h90F832KGp7nw", other: "team_AAAA5ZMzpQA8h90F832KGp7n",
		name: "acme", narrow: "environment", client: "project_id",
		job: object{
			"project_id": "prj_7Gw5ZMBpQA8h9GF832KGp7nw", "owner": "acme", "project": "app", "environment": "production",
			"sub": "owner:acme:project:app:environment:production", "scope": "owner:acme:project:app:environment:production",
		},
	}, {
		platform: "Bitbucket", issuer: bitbucket, claim: "repositoryUuid", id: "{" + uuidA + "}", other: "{" + uuidC + "}", name: "acme/app", narrow: "branchName",
		job: object{
			"workspaceUuid": "{" + uuidB + "}", "pipelineUuid": "{" + uuidC + "}", "stepUuid": "{" + uuidC + "}", "branchName": "main",
			"sub": "{" + uuidA + "}:{" + uuidC + "}",
		},
	}, {
		platform: "Azure DevOps", issuer: azureOrganization, claim: "prj_id", id: uuidB, other: uuidC, name: "app", narrow: "rpo_ref", absent: verifier.NotAccepted, // "sub" names the client then
		job: object{
			"org_id": uuidA, "def_id": "1", "rpo_id": "acme/app", "rpo_uri": "https://github.com/acme/app.git", "rpo_ver": "c291ea713801eb300054d353d279e7b02331f671",
			"rpo_ref": "refs/heads/main", "run_id": "5", "sub": "p://acme/app/acme.app", "jti": uuidC,
		},
	}, {
		platform: "an Azure DevOps service connection", issuer: azureOrganization, claim: "sub", id: "sc://acme/app/Production service", other: "sc://acme/other/Production service",
		name: "Production service", job: object{"jti": uuidC},
	}, {
		platform: "Fly.io", issuer: "https://oidc.fly.io/acme", claim: "app_id", id: "11111111", other: "22222222", name: "app", narrow: "app_name",
		job: object{
			"app_name": "app", "org_id": "33333333", "org_name": "acme", "machine_id": "148e21ea7e46e8", "machine_name": "worker", "region": "sea",
			"image": "registry.fly.io/app:latest", "machine_version": "01HTGGC1TZ2JHK83J4AC0R3VET", "jti": uuidC, "sub": "acme:app:worker",
		},
	}, {
		platform: "AWS", issuer: awsAccount, claim: "sub", id: awsRole, other: "arn:aws:iam::210987654321:role/DataProcessingRole", name: "DataProcessingRole",
		job: object{"jti": uuidC, "https://sts.amazonaws.com/": object{
			"aws_account": "123456789012", "source_region": "us-east-1", "org_id": "o-abc1234567",
			"principal_tags": object{"kubernetes-namespace": "payments", "kubernetes-service-account": "worker"},
		}},
	},
}

func TestPinned(t *testing.T) {
	for _, p := range pinnedCases {
		t.Run(p.platform, p.fixture().run)
	}
	aws := pinnedCases[len(pinnedCases)-1]
	aws.algorithm = "ES384"
	t.Run("AWS by ES384", aws.fixture().run)
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
		{"Bitbucket", bitbucket, api, pin("workspaceUuid", "{"+uuidA+"}", nil), ""},
		{"Bitbucket by the workspace's ID", strings.Replace(bitbucket, "acme", "{"+uuidA+"}", 1), api, pin("repositoryUuid", "{"+uuidA+"}", nil), ""},
		{"Bitbucket of everyone", strings.Replace(bitbucket, "acme", "", 1), api, pin("repositoryUuid", "{"+uuidA+"}", nil), noIssuer},
		{"Bitbucket of a path", strings.Replace(bitbucket, "acme", "a/b", 1), api, pin("repositoryUuid", "{"+uuidA+"}", nil), noIssuer},
		{"Bitbucket's host alone", "https://api.bitbucket.org", api, pin("repositoryUuid", "{"+uuidA+"}", nil), noIssuer},
		{"Bitbucket without braces", bitbucket, api, pin("repositoryUuid", uuidA, nil), noID},
		{"a Bitbucket name", bitbucket, api, pin("repositoryUuid", "acme/app", nil), noID},
		{"a Bitbucket step", bitbucket, api, pin("stepUuid", "{"+uuidA+"}", nil), noOwner},
		{"an Azure DevOps organization", azureOrganization, api, pin("org_id", uuidA, nil), ""},
		{"Azure DevOps of a name", "https://vstoken.dev.azure.com/acme", api, pin("prj_id", uuidA, nil), noIssuer},
		{"an Azure DevOps project's name", azureOrganization, api, pin("prj_id", "app", nil), noID},
		{"an Azure DevOps pipeline's name", azureOrganization, api, pin("sub", "p://acme/app/ci", nil), noID},
		{"every connection of a project", azureOrganization, api, pin("sub", "sc://acme/app/*", nil), noID},
		{"a project for a connection", azureOrganization, api, pin("sub", "sc://acme/app/", nil), noID},
		{"a pipeline alone", azureOrganization, api, pin("def_id", "1", nil), noOwner},
		{"a Fly.io organization", "https://oidc.fly.io/acme", api, pin("org_id", "1", nil), ""},
		{"Fly.io of everyone", "https://oidc.fly.io/", api, pin("org_id", "1", nil), noIssuer},
		{"a Fly.io name", "https://oidc.fly.io/acme", api, pin("app_name", "app", nil), noOwner},
		{"a Fly.io name as ID", "https://oidc.fly.io/acme", api, pin("app_id", "app", nil), noID},
		{"AWS in China", awsAccount, api, pin("sub", "arn:aws-cn:iam::123456789012:role/path/Role", nil), ""},
		{"AWS of everyone", "https://tokens.sts.global.api.aws", api, pin("sub", awsRole, nil), noIssuer},
		{"AWS's other issuer", "https://sts.amazonaws.com", api, pin("sub", awsRole, nil), noIssuer},
		{"an AWS host below another", "https://evil.example.tokens.sts.global.api.aws", api, pin("sub", awsRole, nil), noIssuer},
		{"an AWS role's name", awsAccount, api, pin("sub", "DataProcessingRole", nil), noID},
		{"every AWS role", awsAccount, api, pin("sub", "arn:aws:iam::123456789012:role/*", nil), noID},
		{"no AWS role", awsAccount, api, pin("sub", "arn:aws:iam::123456789012:role/", nil), noID},
		{"an AWS user", awsAccount, api, pin("sub", "arn:aws:iam::123456789012:user/ada", nil), noID},
		{"an AWS session", awsAccount, api, pin("sub", "arn:aws:sts::123456789012:assumed-role/Role/session", nil), noID},
		{"people's AWS role", awsAccount, api, pin("sub", "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-2/AWSReservedSSO_Admin_c95738f708c1c268", nil), noID},
		{"an AWS account alone", awsAccount, api, pin("aws_account", "123456789012", nil), noOwner},
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
