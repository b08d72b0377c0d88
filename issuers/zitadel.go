package issuers

import (
	"errors"
	"maps"
	"slices"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// ZitadelOptions are the optional parts of a [Zitadel] issuer. The zero value
// is every default.
type ZitadelOptions struct {
	// ServiceUsers are the user IDs, which are numbers, of service users that
	// get their tokens by client ID and secret. Those that use a private key
	// need not be named.
	ServiceUsers []string
}

// Zitadel trusts the service users of a Zitadel instance. domain is the
// instance's, and projectID the Resource ID of the project that this service
// belongs to: callers ask for it with the scope
// "urn:zitadel:iam:org:project:id:PROJECT:aud". Service users must be set to
// the access token type JWT. opts may be nil.
//
// Nothing in a token says that it is a machine's. That of a service user with
// a private key (JWT profile) has its user ID for client ID too. That of one
// with a client secret has its login name there, which looks like the client
// ID of an application: those have to be named in ServiceUsers. The client ID
// is the user ID. Tokens got by impersonation are refused.
//
// Scopes are the keys of the roles in the project, which callers ask for with
// the scope "urn:zitadel:iam:org:projects:roles"; in which organization a role
// was granted makes no difference.
//
// From "Claims in ZITADEL" and "Scopes in ZITADEL" (zitadel.com/docs), a token
// at questions.zitadel.com, and Zitadel's source (internal/api/oidc), read on
// 2026-11-22 in stored copies. The path of the keys is as far as known.
func Zitadel(domain, projectID string, opts *ZitadelOptions) (verifier.Issuer, error) {
	if opts == nil {
		opts = &ZitadelOptions{}
	}
	m := mistakes{preset: "Zitadel"}
	m.host(domain, "the instance's domain, as the console's address has it (acme-ab12cd.zitadel.cloud)")
	if !isNumber(projectID) {
		m.add("%.64q is no project ID: write the Resource ID, a number, that the console shows on the project's page", projectID)
	}
	for _, id := range opts.ServiceUsers {
		if !isNumber(id) {
			m.add("%.64q is no user ID: write the number that the console shows on the service user's page, not its name", id)
		}
	}
	return m.result(verifier.Issuer{
		Name:           "https://" + domain,
		Audiences:      []string{projectID},
		JWKSURL:        "https://" + domain + "/oauth/v2/keys",
		ClientIDClaims: []string{"sub"},
		ScopesFrom:     zitadelRoles("urn:zitadel:iam:org:project:" + projectID + ":roles"),
		Accept:         acceptZitadel(slices.Clone(opts.ServiceUsers)),
	})
}

func acceptZitadel(serviceUsers []string) func(verifier.Client) error {
	return func(c verifier.Client) error {
		// ID tokens name the project as their audience too.
		for _, name := range []string{"act", "at_hash", "nonce", "amr", "acr", "auth_time"} {
			if verifier.ClaimAbsent(name)(c) != nil {
				return notMachine(`it holds "` + name + `", so it is an ID token or got by impersonation`)
			}
		}
		if slices.Contains(serviceUsers, c.Subject) || verifier.ClaimEquals("client_id", c.Subject)(c) == nil {
			return nil
		}
		return notMachine(`"sub" is neither "client_id" nor among ServiceUsers`)
	}
}

// zitadelRoles makes the scopes of the names in a claim such as
// {"reader": {"<organization>": "<domain>"}}.
func zitadelRoles(name string) func(verifier.Client) (scopes.Set, error) {
	return func(c verifier.Client) (scopes.Set, error) {
		var claims map[string]any
		if err := c.Claims(&claims); err != nil {
			return scopes.Set{}, err
		}
		roles, present := claims[name]
		object, isObject := roles.(map[string]any)
		if present && !isObject {
			return scopes.Set{}, errors.New("the roles are no object")
		}
		return scopes.ParseList(slices.Collect(maps.Keys(object)))
	}
}
