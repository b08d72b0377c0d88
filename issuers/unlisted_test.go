package issuers_test

import (
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/shapes"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestUnlisted: an operator learns from the audit log who was refused, and by which claim.
// Without that, nobody can complete a list of callers before it is enforced.
func TestUnlisted(t *testing.T) {
	const audience = "https://api.example.com"
	must := func(issuer verifier.Issuer, err error) verifier.Issuer {
		if err != nil {
			t.Fatal(err)
		}
		return issuer
	}
	gitlab := must(issuers.Pinned("https://gitlab.com", audience,
		issuers.Pin{Claim: "project_id", ID: "20", And: map[string]string{"ref_protected": "true"}},
		issuers.Pin{Claim: "namespace_id", ID: "7"}))
	github := must(issuers.GitHubActions(audience,
		issuers.GitHubCaller{OwnerID: "65", Environment: "production"}, issuers.GitHubCaller{RepositoryID: "74"}))
	google := must(issuers.Google(audience, issuers.Callers{"billing@acme.iam.gserviceaccount.com": {}}))
	kubernetes := must(issuers.Kubernetes("https://k8s.example.com", audience, issuers.Callers{"payments/worker": {}}, nil))
	spiffe := must(issuers.SPIFFE("example.org", audience, &issuers.SPIFFEOptions{
		Callers: issuers.Callers{"spiffe://example.org/ns/prod/*": scopes.Of("read")}, BundleURL: "https://example.org/bundle"}))
	for _, tt := range []struct {
		name   string
		issuer verifier.Issuer
		shape  m2mtest.Shape
		claims object
		want   string
	}{
		{"a branch that is not protected", gitlab, nil, object{"project_id": "20", "ref_protected": "false", "namespace_id": "8"},
			`the job is none of the callers: "namespace_id" is "8", "project_id" is "20", "ref_protected" is "false"`},
		{"a claim is missing", gitlab, nil, object{"project_id": "21", "namespace_id": "8"},
			`the job is none of the callers: "namespace_id" is "8", "project_id" is "21", "ref_protected" is missing`},
		{"a claim is no text", gitlab, nil, object{"project_id": "20", "ref_protected": true, "namespace_id": []int{7}},
			`the job is none of the callers: "namespace_id" is no text, "project_id" is "20", "ref_protected" is no text`},
		{"a claim forges a line and is long", gitlab, nil, object{"project_id": "20", "namespace_id": "8", "ref_protected": "\n" + strings.Repeat("x", 99)},
			`the job is none of the callers: "namespace_id" is "8", "project_id" is "20", "ref_protected" is "\n` + strings.Repeat("x", 63) + `"...`},
		{"GitHub, another environment", github, shapes.GitHubActions, object{"repository_id": "75", "repository_owner_id": "65",
			"ref": "refs/heads/main", "environment": "staging", "job_workflow_ref": m2mtest.Absent},
			`the workflow is none of the callers: "repository_owner_id" is "65", "repository_id" is "75", ` +
				`"ref" is "refs/heads/main", "environment" is "staging", "job_workflow_ref" is missing`},
		{"Google, another account", google, shapes.Google, object{"sub": "300", "email": "x@acme.iam.gserviceaccount.com"},
			`the service account is none of the callers: "sub" is "300", "email" is "x@acme.iam.gserviceaccount.com"`},
		{"Google, an address that is not verified", google, shapes.Google,
			object{"sub": "300", "email": "billing@acme.iam.gserviceaccount.com", "email_verified": false},
			`"email" is "billing@acme.iam.gserviceaccount.com", and "email_verified" is not true`},
		{"Google, no address", google, shapes.Google, object{"sub": "300", "email": m2mtest.Absent},
			`the service account is none of the callers: "sub" is "300", "email" is missing, and has to ask for the full format, ` +
				`or for the address to be included`},
		{"Kubernetes", kubernetes, shapes.Kubernetes, object{"sub": "system:serviceaccount:payments:default"},
			`the service account is none of the callers: "sub" is "system:serviceaccount:payments:default"`},
		{"SPIFFE", spiffe, nil, object{"sub": "spiffe://example.org/ns/production/api"},
			`the workload is none of the callers: "sub" is "spiffe://example.org/ns/production/api"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			authority, v := m2mtest.TrustAs(t, tt.issuer, tt.shape, nil)
			_, err := v.Verify(t.Context(), authority.Token(m2mtest.TokenSpec{Claims: tt.claims}))
			refused := verifier.AsError(err)
			if refused.Reason != verifier.NotAccepted || refused.Err == nil || refused.Err.Error() != tt.want {
				t.Errorf("Verify = %v, want not_accepted: %s", err, tt.want)
			}
		})
	}
}
