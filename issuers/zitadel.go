package issuers

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// ZitadelOptions are the optional parts of a [Zitadel] issuer. The zero value is
// the default.
type ZitadelOptions struct {
	// ServiceUsers are the user IDs (numbers) of service users that get their
	// tokens with a client secret. Service users with a private key need not be
	// listed.
	ServiceUsers []string

	// JWKS becomes Issuer.JWKS. With InsecureHTTP, domain may be a plain http URL
	// of any host.
	JWKS verifier.JWKSOptions
}

// Zitadel returns the issuer for the service users of a Zitadel instance. domain
// is the instance's domain, or the URL of a local instance, such as
// "http://localhost:8080". projectID is the Resource ID of this service's project;
// callers request it with the scope "urn:zitadel:iam:org:project:id:PROJECT:aud".
// Service users must have the access token type JWT. opts may be nil.
//
// Experimental: the shape of a service user's token is known from one example and
// from Zitadel's source (see SOURCES.md). Compare it with a token of your own.
//
// Nothing in a token says that it is a machine's. With a private key (JWT
// profile), a service user's "client_id" is its user ID. With a client secret it
// is its login name, which looks like the client ID of an application: list those
// users in ServiceUsers. The client ID is the user ID. Tokens obtained by
// impersonation are refused.
//
// Scopes are the keys of the roles in the project, which callers request with the
// scope "urn:zitadel:iam:org:projects:roles". The organization that granted a role
// does not matter.
func Zitadel(domain, projectID string, opts *ZitadelOptions) (verifier.Issuer, error) {
	if opts == nil {
		opts = &ZitadelOptions{}
	}
	m := mistakes{preset: "Zitadel"}
	const where = "the instance's domain, as the console's address has it (acme-ab12cd.zitadel.cloud)"
	name := "https://" + domain
	if strings.Contains(domain, "://") {
		name = domain
		if u := m.url(domain, opts.JWKS.InsecureHTTP, where); u != nil && u.Path != "" {
			m.add("%s has a path: write %s", redact.Quote(domain), where)
		}
	} else {
		m.host(domain, where)
	}
	if !isNumber(projectID) {
		m.add("%s is no project ID: write the Resource ID, a number, that the console shows on the project's page", redact.Quote(projectID))
	}
	for _, id := range opts.ServiceUsers {
		if !isNumber(id) {
			m.add("%s is no user ID: write the number that the console shows on the service user's page, not its name", redact.Quote(id))
		}
	}
	return m.result(verifier.Issuer{
		Name:           name,
		Audiences:      []string{projectID},
		JWKSURL:        name + "/oauth/v2/keys",
		JWKS:           opts.JWKS,
		ClientIDClaims: []string{"sub"},
		ScopesFrom:     zitadelRoles("urn:zitadel:iam:org:project:" + projectID + ":roles"),
		Accept:         acceptZitadel(slices.Clone(opts.ServiceUsers)),
	})
}

func acceptZitadel(serviceUsers []string) func(verifier.Client) error {
	return func(c verifier.Client) error {
		// ID tokens have the project as their audience too.
		for _, name := range []string{"act", "at_hash", "nonce", "amr", "acr", "auth_time"} {
			if verifier.ClaimAbsent(name)(c) != nil {
				return notMachine(`it holds "` + name + `", so it is an ID token or was obtained by impersonation`)
			}
		}
		if slices.Contains(serviceUsers, c.Subject) || verifier.ClaimEquals("client_id", c.Subject)(c) == nil {
			return nil
		}
		return notMachine(`"sub" is neither "client_id" nor among ServiceUsers`)
	}
}

// zitadelRoles returns a ScopesFrom that reads the member names of a claim such as
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
