package issuers

import (
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// GitHubCaller says which workflows may call, and what they may do. A workflow
// is one of them if it matches every field that is not "".
type GitHubCaller struct {
	// OwnerID and RepositoryID are numbers: "gh api repos/OWNER/REPO --jq
	// .owner.id,.id" prints them. At least one is required. Names won't do,
	// for they can be given up, and taken by somebody else.
	OwnerID, RepositoryID string

	// Ref is the exact git ref: "refs/heads/main". Without Ref and
	// Environment, whoever can push any branch, or start a workflow on one,
	// can call.
	Ref string

	// Environment is the deployment environment of the job, with its
	// protection rules: "production".
	Environment string

	// Workflow is the exact "job_workflow_ref":
	// "acme/ci/.github/workflows/deploy.yml@refs/heads/main".
	Workflow string

	Scopes scopes.Set
}

// GitHubActions trusts workflows of GitHub Actions by their OIDC tokens.
// audience is what workflows ask for, with core.getIDToken(audience).
//
// Everyone in the world can get such a token, for any audience: caller and
// more say who may call. The first that matches decides. The client ID is the
// repository's ID; what may be customized, "sub", decides nothing.
//
// GitHub's default audience, the URL of the owner, is refused: every service
// that the owner's workflows call would get tokens that are good here.
//
// GitHub Enterprise Server, enterprise issuers and ghe.com have other issuers:
// change Name and JWKSURL.
//
// From GitHub's "OpenID Connect reference"
// (docs.github.com/en/actions/reference/security/oidc) and "About security
// hardening with OpenID Connect", read on 2026-11-22 in stored copies. The
// address of the keys is as far as known.
func GitHubActions(audience string, caller GitHubCaller, more ...GitHubCaller) (verifier.Issuer, error) {
	m := mistakes{preset: "GitHubActions"}
	m.audience(audience, "the audience that workflows ask for, best this service's URL")
	if strings.HasPrefix(audience, "https://github.com/") || audience == "https://github.com" {
		m.add("the audience %.64q is GitHub's default, which other services get as well: have workflows ask for "+
			"one of your own with core.getIDToken(audience)", audience)
	}
	callers := append([]GitHubCaller{caller}, more...)
	for i, c := range callers {
		if c.OwnerID == "" && c.RepositoryID == "" {
			m.add("caller %d has neither OwnerID nor RepositoryID: everyone in the world can get a token for this audience", i)
		}
		for _, id := range []string{c.OwnerID, c.RepositoryID} {
			if id != "" && !isNumber(id) {
				m.add("caller %d: %.64q is no ID: write the number that `gh api repos/OWNER/REPO --jq .owner.id,.id` prints", i, id)
			}
		}
		if c.Ref != "" && !strings.HasPrefix(c.Ref, "refs/") {
			m.add("caller %d: %.64q is no full ref: write refs/heads/BRANCH or refs/tags/TAG", i, c.Ref)
		}
		if c.Workflow != "" && !strings.Contains(c.Workflow, "@refs/") {
			m.add("caller %d: %.128q is no job_workflow_ref: write OWNER/REPO/.github/workflows/FILE@refs/…", i, c.Workflow)
		}
	}
	const name = "https://token.actions.githubusercontent.com"
	iss := verifier.Issuer{
		Name:           name,
		Audiences:      []string{audience},
		JWKSURL:        name + "/.well-known/jwks",
		Algorithms:     []string{"RS256"},
		TokenTypes:     []string{"JWT"},
		ClientIDClaims: []string{"repository_id"},
	}
	matchGitHub(callers).apply(&iss)
	return m.result(iss)
}

func matchGitHub(callers []GitHubCaller) matcher {
	return func(c verifier.Client) (scopes.Set, error) {
		var token struct {
			Owner       string `json:"repository_owner_id"`
			Repository  string `json:"repository_id"`
			Ref         string `json:"ref"`
			Environment string `json:"environment"`
			Workflow    string `json:"job_workflow_ref"`
		}
		if err := c.Claims(&token); err != nil {
			return scopes.Set{}, err
		}
		fits := func(want, got string) bool { return want == "" || want == got }
		i := slices.IndexFunc(callers, func(may GitHubCaller) bool {
			return fits(may.OwnerID, token.Owner) && fits(may.RepositoryID, token.Repository) &&
				fits(may.Ref, token.Ref) && fits(may.Environment, token.Environment) && fits(may.Workflow, token.Workflow)
		})
		if i < 0 {
			return scopes.Set{}, unlisted("the workflow")
		}
		return callers[i].Scopes, nil
	}
}
