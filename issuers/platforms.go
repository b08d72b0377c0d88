package issuers

import (
	"strings"
)

// platform is an authority from which everyone can get a token for any audience.
type platform struct {
	name       string
	issuer     string                  // or what it begins with, if each owner has an issuer
	each       func(owner string) bool // checks what follows; nil if there is one issuer
	suffix     string                  // what follows the owner
	keys       string                  // below the issuer, or a URL
	algorithms []string                // beside RS256
	owners     map[string]func(string) bool
	clientID   []string
}

var platforms = []platform{
	{
		name: "GitLab", issuer: "https://gitlab.com", keys: "/oauth/discovery/keys", clientID: []string{"project_id"},
		owners: map[string]func(string) bool{"project_id": isNumber, "namespace_id": isNumber},
	}, {
		// Jobs must ask for these claims.
		name: "Buildkite", issuer: "https://agent.buildkite.com", keys: "/.well-known/jwks", clientID: []string{"pipeline_id", "organization_id"},
		owners: map[string]func(string) bool{"organization_id": isGUID, "pipeline_id": isGUID},
	}, {
		name: "CircleCI", issuer: "https://oidc.circleci.com/org/", each: isGUID, keys: "/.well-known/jwks-pub.json", clientID: []string{"oidc.circleci.com/project-id"},
		owners: map[string]func(string) bool{"oidc.circleci.com/project-id": isGUID, "oidc.circleci.com/org-id": isGUID},
	}, {
		name: "HCP Terraform", issuer: "https://app.terraform.io", keys: "/.well-known/jwks", clientID: []string{"terraform_workspace_id"},
		owners: map[string]func(string) bool{"terraform_organization_id": hasPrefix("org-"), "terraform_workspace_id": hasPrefix("ws-")},
	}, {
		name: "Vercel", issuer: "https://oidc.vercel.com/", each: isLabel, keys: "https://oidc.vercel.com/.well-known/jwks", clientID: []string{"project_id"},
		owners: map[string]func(string) bool{"owner_id": hasPrefix("team_"), "project_id": hasPrefix("prj_")},
	}, {
		name: "Bitbucket", issuer: "https://api.bitbucket.org/2.0/workspaces/", each: isSlug, suffix: "/pipelines-config/identity/oidc", keys: "/keys.json",
		clientID: []string{"repositoryUuid"},
		owners:   map[string]func(string) bool{"repositoryUuid": isBracedGUID, "workspaceUuid": isBracedGUID},
	}, {
		// The key set is that of all organizations: only "iss" tells them apart. The
		// token of a service connection has no claim of its own but "sub".
		name: "Azure DevOps", issuer: "https://vstoken.dev.azure.com/", each: isGUID, keys: "https://vstoken.dev.azure.com/.well-known/jwks",
		clientID: []string{"prj_id", "sub"},
		owners:   map[string]func(string) bool{"prj_id": isGUID, "org_id": isGUID, "sub": isServiceConnection},
	}, {
		name: "Fly.io", issuer: "https://oidc.fly.io/", each: isLabel, keys: "/.well-known/jwks", clientID: []string{"app_id"},
		owners: map[string]func(string) bool{"app_id": isNumber, "org_id": isNumber},
	}, {
		// The caller chooses between RS256 and ES384.
		name: "AWS", issuer: "https://", each: isLabel, suffix: ".tokens.sts.global.api.aws", keys: "/.well-known/jwks.json",
		algorithms: []string{"ES384"}, clientID: []string{"sub"}, owners: map[string]func(string) bool{"sub": isRoleARN},
	},
}

// has reports whether issuer is one of the platform's.
func (p platform) has(issuer string) bool {
	owner, begins := strings.CutPrefix(issuer, p.issuer)
	owner, ends := strings.CutSuffix(owner, p.suffix)
	return begins && ends && (p.each == nil && owner == "" || p.each != nil && p.each(owner))
}

// hasPrefix returns a check for an ID of letters and digits after a prefix.
func hasPrefix(prefix string) func(string) bool {
	return func(id string) bool {
		rest, ok := strings.CutPrefix(id, prefix)
		return ok && only(rest, isAlphanumeric) && len(rest) <= 64
	}
}

// isSlug reports whether s is the name of a Bitbucket workspace in a URL, or its ID.
func isSlug(s string) bool {
	return isBracedGUID(s) || len(s) <= 64 && only(s, func(c byte) bool { return c == '-' || c == '_' || isLower(c) || isDigit(c) })
}

// isBracedGUID reports whether s is a GUID in braces, as Bitbucket writes them.
func isBracedGUID(s string) bool {
	id, begins := strings.CutPrefix(s, "{")
	id, ends := strings.CutSuffix(id, "}")
	return begins && ends && isGUID(id)
}

// isServiceConnection reports whether s is the subject of an Azure DevOps service
// connection: sc://ORGANIZATION/PROJECT/NAME. The issuer pins the organization, so
// that nobody else can take these names.
func isServiceConnection(s string) bool {
	rest, ok := strings.CutPrefix(s, "sc://")
	parts := strings.Split(rest, "/")
	return ok && len(parts) == 3 && parts[0] != "" && parts[1] != "" && parts[2] != "" && !strings.Contains(s, "*")
}

// isRoleARN reports whether s is the ARN of an IAM role. Roles of IAM Identity Center
// are those of people.
func isRoleARN(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || parts[3] != "" {
		return false
	}
	role, ok := strings.CutPrefix(parts[5], "role/")
	isName := func(c byte) bool { return isAlphanumeric(c) || strings.IndexByte("/_+=,.@-", c) >= 0 }
	return ok && (parts[1] == "aws" || parts[1] == "aws-cn" || parts[1] == "aws-us-gov") &&
		isNumber(parts[4]) && len(parts[4]) == 12 &&
		only(role, isName) && !strings.HasSuffix(role, "/") && !strings.HasPrefix(role, "aws-reserved/sso.amazonaws.com/")
}
