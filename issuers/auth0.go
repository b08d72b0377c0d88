package issuers

import (
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// Auth0 trusts the machine-to-machine applications of an Auth0 tenant. domain
// is the tenant's, or its custom domain: the one that machines get their
// tokens from, for it becomes the tokens' "iss". audience is the API's
// Identifier.
//
// Both access token profiles are understood, Auth0's own and RFC 9068's. A
// machine's subject is its client ID and "@clients"; a person's token, which
// the same keys sign, has the person's there.
//
// A tenant that issues from both its domains needs the other as an alias:
//
//	issuer.Aliases = []string{"https://login.example.com/"}
//
// From Auth0's "Access Token Profiles"
// (auth0.com/docs/secure/tokens/access-tokens/access-token-profiles) and "Get
// Access Tokens", read on 2026-11-22 in a stored copy. The former names the
// claim "gty" but not its values: "client-credentials" is as far as known.
func Auth0(domain, audience string) (verifier.Issuer, error) {
	m := mistakes{preset: "Auth0"}
	m.host(domain, "Domain, as an application's settings show it (acme.eu.auth0.com), or the custom domain")
	m.audience(audience, "Identifier, as the API's settings show it")
	if strings.HasSuffix(audience, "/userinfo") || strings.HasSuffix(audience, ".auth0.com/api/v2/") {
		m.add("the audience %.64q is Auth0's own: tokens for it are meant for Auth0; register an API and write its Identifier", audience)
	}
	return m.result(verifier.Issuer{
		Name:           "https://" + domain + "/",
		Audiences:      []string{audience},
		JWKSURL:        "https://" + domain + "/.well-known/jwks.json",
		Algorithms:     []string{"RS256"},
		ClientIDClaims: []string{"azp", "client_id"}, // of Auth0's profile, of RFC 9068's
		ScopeClaims:    []string{"scope"},
		Accept:         acceptAuth0,
	})
}

func acceptAuth0(c verifier.Client) error {
	// People's subjects have a "|" between connection and user.
	if c.Subject != c.ID+"@clients" {
		return notMachine(`"sub" is not the client ID and "@clients"`)
	}
	if verifier.ClaimAbsent("gty")(c) == nil {
		return nil // RFC 9068's profile has none
	}
	return verifier.ClaimEquals("gty", "client-credentials")(c)
}
