package issuers

import (
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/verifier"
)

// Auth0 returns the issuer for the machine-to-machine applications of an Auth0
// tenant. domain is the domain that machines request tokens from: the tenant's or
// its custom domain. It determines the tokens' "iss". audience is the API's
// Identifier.
//
// Auth0 accepts both access token profiles, Auth0's own and that of RFC 9068. A
// machine's subject is its client ID followed by "@clients". Tokens with another
// subject are people's and are refused.
//
// A tenant that issues tokens from both domains needs the other one as an alias:
//
//	issuer.Aliases = []string{"https://login.example.com/"}
func Auth0(domain, audience string) (verifier.Issuer, error) {
	m := mistakes{preset: "Auth0"}
	m.host(domain, "Domain, as an application's settings show it (acme.eu.auth0.com), or the custom domain")
	m.audience(audience, "Identifier, as the API's settings show it")
	if strings.HasSuffix(audience, "/userinfo") || strings.HasSuffix(audience, ".auth0.com/api/v2/") {
		m.add("the audience %s is Auth0's own: tokens for it are meant for Auth0; register an API and write its Identifier", redact.Quote(audience))
	}
	return m.result(verifier.Issuer{
		Name:           "https://" + domain + "/",
		Audiences:      []string{audience},
		JWKSURL:        "https://" + domain + "/.well-known/jwks.json",
		Algorithms:     []string{"RS256"},
		ClientIDClaims: []string{"azp", "client_id"}, // Auth0's profile, RFC 9068's
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
		return nil // RFC 9068's profile has no gty
	}
	return verifier.ClaimEquals("gty", "client-credentials")(c)
}
