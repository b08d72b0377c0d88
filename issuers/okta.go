package issuers

import (
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// Okta trusts the service apps of an Okta custom authorization server.
// issuerURI is the server's Issuer URI, such as
// "https://acme.okta.com/oauth2/default", and audience its Audience.
//
// The org authorization server, whose issuer is the bare domain, can't be
// used, and is refused: its access tokens are for Okta alone, and nobody else
// may rely on their form. API Access Management has custom ones.
//
// A person's token has a "uid", and no token of a machine has. The "sub" must
// be the client ID as well, which is Okta's default; for a server whose claim
// "sub" was remapped, set Accept to verifier.ClaimAbsent("uid").
//
// From Okta's "Validate Access Tokens"
// (developer.okta.com/docs/guides/validate-access-tokens), "Authorization
// servers", "OIDC Bearer Tokens: List of Reserved Claims" (support.okta.com)
// and a copy of the "OpenID Connect & OAuth 2.0 API" reference, read on
// 2026-11-22 in stored copies. That tokens have no "typ" is seen in examples
// only.
func Okta(issuerURI, audience string) (verifier.Issuer, error) {
	const where = "Issuer URI, as the admin console shows it under Security > API > Authorization Servers " +
		"(https://acme.okta.com/oauth2/default)"
	m := mistakes{preset: "Okta"}
	m.audience(audience, "Audience, as the admin console shows it beside the Issuer URI")
	if u, err := issuerURL(issuerURI); err != nil {
		m.add("%.128q %v: write %s", issuerURI, err, where)
	} else {
		id, custom := strings.CutPrefix(u.Path, "/oauth2/")
		switch {
		case strings.HasSuffix(u.Hostname(), "-admin.okta.com"):
			m.add("%.128q is the admin console's address: write %s", issuerURI, where)
		case strings.Trim(u.Path, "/") == "" || u.Path == "/oauth2" || id == "v1" || custom && id == "":
			m.add("%.128q is the org authorization server, whose tokens are for Okta alone: use a custom one and write its %s",
				issuerURI, where)
		case !custom || !only(id, isAlphanumeric):
			m.add("%.128q is no Issuer URI: write %s", issuerURI, where)
		}
	}
	return m.result(verifier.Issuer{
		Name:       issuerURI,
		Audiences:  []string{audience},
		JWKSURL:    issuerURI + "/v1/keys",
		Algorithms: []string{"RS256"},
		// Of the org server's, "application/okta-internal-at+jwt", none.
		TokenTypes:     []string{"", "JWT", "at+jwt"},
		ClientIDClaims: []string{"cid"}, // reserved, as "uid" is: no mapping can set them
		ScopeClaims:    []string{"scp"},
		Accept:         verifier.AcceptAll(verifier.ClaimAbsent("uid"), verifier.SubjectIsClient),
	})
}
