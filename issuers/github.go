package issuers

import (
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// GitHubCaller selects the workflows that may call, and their scopes. A workflow
// matches if it matches every field that is not empty.
type GitHubCaller struct {
	// OwnerID and RepositoryID are numbers: "gh api repos/OWNER/REPO --jq
	// .owner.id,.id" prints them. At least one is required. Names are not
	// accepted, because somebody else can take a name that was given up.
	OwnerID, RepositoryID string

	// Ref is the exact git ref: "refs/heads/main". Without Ref and Environment,
	// everyone who can push a branch or start a workflow on one can call.
	Ref string

	// Environment is the deployment environment of the job, with its
	// protection rules: "production".
	Environment string

	// Workflow is the exact "job_workflow_ref":
	// "acme/ci/.github/workflows/deploy.yml@refs/heads/main".
	Workflow string

	// Scopes are the scopes of a matching workflow.
	Scopes scopes.Set
}

// GitHubActions returns the issuer for workflows of GitHub Actions, by their OIDC
// tokens. audience is the one that workflows request with
// core.getIDToken(audience).
//
// Everyone in the world can get such a token, for any audience. caller and more
// select the workflows that may call; the first match determines the scopes. The
// client ID is the repository's ID. "sub" is ignored, because it can be
// customized.
//
// GitHub's default audience, the URL of the owner, is refused: every service that
// the owner's workflows call would receive tokens that are valid here.
//
// GitHub Enterprise Server, enterprise issuers and ghe.com have other issuers:
// change Name and JWKSURL.
func GitHubActions(audience string, caller GitHubCaller, more ...GitHubCaller) (verifier.Issuer, error) {
	m := mistakes{preset: "GitHubActions"}
	m.audience(audience, "the audience that workflows ask for, best this service's URL")
	if strings.HasPrefix(audience, "https://github.com/") || audience == "https://github.com" {
		m.add("the audience is GitHub's default, which other services get as well: have workflows ask for " +
			"one of your own with core.getIDToken(audience)")
	}
	callers := append([]GitHubCaller{caller}, more...)
	for i, c := range callers {
		if c.OwnerID == "" && c.RepositoryID == "" {
			m.add("caller %d has neither OwnerID nor RepositoryID: everyone in the world can get a token for this audience", i)
		}
		for _, id := range []string{c.OwnerID, c.RepositoryID} {
			if id != "" && !isNumber(id) {
				m.add("caller %d: %s is no ID: write the number that `gh api repos/OWNER/REPO --jq .owner.id,.id` prints", i, redact.Quote(id))
			}
		}
		if c.Ref != "" && !strings.HasPrefix(c.Ref, "refs/") {
			m.add("caller %d: %s is no full ref: write refs/heads/BRANCH or refs/tags/TAG", i, redact.Quote(c.Ref))
		}
		if c.Workflow != "" && !strings.Contains(c.Workflow, "@refs/") {
			m.add("caller %d: %s is no job_workflow_ref: write OWNER/REPO/.github/workflows/FILE@refs/…", i, redact.Quote(c.Workflow))
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
			return scopes.Set{}, unlisted(c, "the workflow", "repository_owner_id", "repository_id", "ref", "environment", "job_workflow_ref")
		}
		return callers[i].Scopes, nil
	}
}
