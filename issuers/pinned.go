package issuers

import (
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Pin selects machines by their owner, and holds their scopes. A machine matches if
// it matches ID and every claim of And.
type Pin struct {
	// Claim and ID pin the owner, and are required. Claim is one of those that
	// [Pinned] lists for the authority, and ID its exact value. Claims that hold a
	// name are refused: somebody else can take a name that was given up.
	Claim, ID string

	// And narrows the owner's machines by further claims, by their exact string:
	// {"ref_protected": "true"}. Names are accepted here.
	And map[string]string

	// Scopes are the scopes of a matching machine.
	Scopes scopes.Set
}

// Pinned returns the issuer for jobs of a CI or hosting platform, by their OIDC tokens.
// Everyone in the world can get such a token, for any audience. pin and more select the
// machines that may call, by an ID of their owner; the first match determines the
// scopes. A pin that selects everyone is an error.
//
//	platform       issuer                                      Pin.Claim                                                 client ID
//	GitLab         https://gitlab.com                          project_id, namespace_id                                  project_id
//	Buildkite      https://agent.buildkite.com                 organization_id, pipeline_id, which jobs must ask for     the same
//	CircleCI       https://oidc.circleci.com/org/ID            oidc.circleci.com/project-id, oidc.circleci.com/org-id    oidc.circleci.com/project-id
//	HCP Terraform  https://app.terraform.io                    terraform_organization_id, terraform_workspace_id         terraform_workspace_id
//	Vercel         https://oidc.vercel.com/TEAM                owner_id, project_id                                      project_id
//	Bitbucket      the workspace's Identity provider URL       repositoryUuid, workspaceUuid, in braces                  repositoryUuid
//	Azure DevOps   https://vstoken.dev.azure.com/ID            prj_id, org_id; sub of a service connection               prj_id, else sub
//	Fly.io         https://oidc.fly.io/ORGANIZATION            app_id, org_id                                            app_id
//	AWS            https://ID.tokens.sts.global.api.aws        sub, the ARN of a role                                    sub
//
// "sub" is ignored but where the table names it: some platforms let jobs or owners
// change it. For an instance of your own, change Name and JWKSURL of the result. For
// GitHub, use [GitHubActions].
//
// Experimental: SOURCES.md says which claims were found in one place only. Compare the
// preset with a token of your own.
func Pinned(issuer, audience string, pin Pin, more ...Pin) (verifier.Issuer, error) {
	m := mistakes{preset: "Pinned"}
	m.audience(audience, "the audience that jobs ask for, best this service's URL")
	i := slices.IndexFunc(platforms, func(p platform) bool { return p.has(issuer) })
	if i < 0 {
		m.add("%s is no issuer of a known platform: write one of the documentation of Pinned, without a slash at the end; for an instance of your own, change Name and JWKSURL of the result", redact.Quote(issuer))
		return m.result(verifier.Issuer{})
	}
	p := platforms[i]
	pins := slices.Clone(append([]Pin{pin}, more...))
	for i := range pins {
		m.pin(i, pins[i], p)
		pins[i].And = maps.Clone(pins[i].And)
	}
	keys := p.keys
	if strings.HasPrefix(keys, "/") {
		keys = issuer + keys
	}
	iss := verifier.Issuer{
		Name:           issuer,
		Audiences:      []string{audience},
		JWKSURL:        keys,
		Algorithms:     append([]string{"RS256"}, p.algorithms...),
		TokenTypes:     []string{"", "JWT"},
		ClientIDClaims: p.clientID,
	}
	matchPins(pins).apply(&iss)
	return m.result(iss)
}

// pin checks that a Pin selects one owner.
func (m *mistakes) pin(i int, pin Pin, p platform) {
	isID, known := p.owners[pin.Claim]
	switch owners := strings.Join(slices.Sorted(maps.Keys(p.owners)), " or "); {
	case !known:
		m.add("pin %d: the claim %s does not pin the owner of a job of %s, and everyone in the world can get a token: write %s",
			i, redact.Quote(pin.Claim), p.name, owners)
	case !isID(pin.ID):
		m.add("pin %d: %s is no ID for %s of %s: write the ID, as a token holds it, not a name or a pattern", i, redact.Quote(pin.ID), pin.Claim, p.name)
	}
	for _, name := range slices.Sorted(maps.Keys(pin.And)) {
		if value := pin.And[name]; name == "" || value == "" || strings.Contains(value, "*") {
			m.add("pin %d: And[%s] is %s: write an exact value; values are not patterns", i, redact.Quote(name), redact.Quote(value))
		}
	}
}

func matchPins(pins []Pin) matcher {
	var named []string // the claims that decide
	for _, pin := range pins {
		named = slices.AppendSeq(append(named, pin.Claim), maps.Keys(pin.And))
	}
	slices.Sort(named)
	named = slices.Compact(named)
	return func(c verifier.Client) (scopes.Set, error) {
		for _, pin := range pins {
			rules := []func(verifier.Client) error{verifier.ClaimEquals(pin.Claim, pin.ID)}
			for name, value := range pin.And {
				rules = append(rules, verifier.ClaimEquals(name, value))
			}
			if verifier.AcceptAll(rules...)(c) == nil {
				return pin.Scopes, nil
			}
		}
		return scopes.Set{}, unlisted(c, "the job", named...)
	}
}
