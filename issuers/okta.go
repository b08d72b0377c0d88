package issuers

import (
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/verifier"
)

// Okta returns the issuer for the service apps of an Okta custom authorization
// server. issuerURI is the server's Issuer URI, such as
// "https://acme.okta.com/oauth2/default", and audience its Audience.
//
// The org authorization server, whose issuer is the bare domain, is refused: its
// access tokens are for Okta alone, and their form may change. Custom servers need
// Okta's API Access Management.
//
// The issuer of a simulator may be plain http: on loopback, or with JWKS.InsecureHTTP
// set in the result, without which verifier.New refuses it.
//
// People's tokens have a "uid", machines' tokens have none. "sub" must be the
// client ID, which is Okta's default. For a server whose claim "sub" was remapped,
// set Accept to verifier.ClaimAbsent("uid").
func Okta(issuerURI, audience string) (verifier.Issuer, error) {
	const where = "Issuer URI, as the admin console shows it under Security > API > Authorization Servers " +
		"(https://acme.okta.com/oauth2/default)"
	m := mistakes{preset: "Okta"}
	m.audience(audience, "Audience, as the admin console shows it beside the Issuer URI")
	if u := m.url(issuerURI, true, where); u != nil { // verifier.New checks the scheme: the keys are below the issuer
		id, custom := strings.CutPrefix(u.Path, "/oauth2/")
		switch {
		case strings.HasSuffix(u.Hostname(), "-admin.okta.com"):
			m.add("%s is the admin console's address: write %s", redact.Quote(issuerURI), where)
		case strings.Trim(u.Path, "/") == "" || u.Path == "/oauth2" || id == "v1" || custom && id == "":
			m.add("%s is the org authorization server, whose tokens are for Okta alone: use a custom one and write its %s",
				redact.Quote(issuerURI), where)
		case !custom || !only(id, isAlphanumeric):
			m.add("%s is no Issuer URI: write %s", redact.Quote(issuerURI), where)
		}
	}
	return m.result(verifier.Issuer{
		Name:       issuerURI,
		Audiences:  []string{audience},
		JWKSURL:    issuerURI + "/v1/keys",
		Algorithms: []string{"RS256"},
		// Not "application/okta-internal-at+jwt", the org server's.
		TokenTypes:     []string{"", "JWT", "at+jwt"},
		ClientIDClaims: []string{"cid"}, // reserved like "uid": no mapping can set it
		ScopeClaims:    []string{"scp"},
		Accept:         verifier.AcceptAll(verifier.ClaimAbsent("uid"), verifier.SubjectIsClient),
	})
}
