package issuers

import (
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/verifier"
)

// Cognito returns the issuer for app clients of an Amazon Cognito user pool that
// use the client-credentials grant. userPoolID is an ID such as
// "eu-west-1_Ab12Cd34E"; clientID and more are the app clients that may call.
//
// Experimental: that a machine's "sub" is its client ID is known from one example
// only (see SOURCES.md). Compare it with a token of your own.
//
// Cognito's access tokens have no audience: a token for another service of the
// pool would be accepted here too. The app clients that may call are therefore
// required. Require scopes as well, because they begin with the resource server's
// identifier.
//
// People's access tokens have the person's "sub" and are refused, as are ID
// tokens, which have no "client_id".
func Cognito(userPoolID, clientID string, more ...string) (verifier.Issuer, error) {
	m := mistakes{preset: "Cognito"}
	region, id, _ := strings.Cut(userPoolID, "_")
	if !isLabel(region) || strings.Count(region, "-") < 2 || !only(id, isAlphanumeric) {
		m.add("%s is no user pool ID: write the one that the console shows in the user pool's overview, "+
			"region and underscore included (eu-west-1_Ab12Cd34E)", redact.Quote(userPoolID))
	}
	clients := append([]string{clientID}, more...)
	for _, c := range clients {
		if !only(c, isAlphanumeric) || len(c) > 128 {
			m.add("%s is no client ID: write the one that the console shows under App clients, not its name", redact.Quote(c))
		}
	}
	domain := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		domain = "amazonaws.com.cn"
	}
	name := "https://cognito-idp." + region + "." + domain + "/" + userPoolID
	return m.result(verifier.Issuer{
		Name:           name,
		Audiences:      clients,
		AudienceClaims: []string{"client_id"},
		JWKSURL:        name + "/.well-known/jwks.json",
		Algorithms:     []string{"RS256"},
		TokenTypes:     []string{"", "JWT"},
		ClientIDClaims: []string{"client_id"},
		ScopeClaims:    []string{"scope"},
		Accept: verifier.AcceptAll(
			verifier.ClaimEquals("token_use", "access"), subjectIsClient, verifier.ClaimAbsent("username")),
	})
}

// subjectIsClient is verifier.SubjectIsClient, but refuses tokens without "sub".
func subjectIsClient(c verifier.Client) error {
	if c.Subject != c.ID {
		return notMachine(`"sub" is not the client ID`)
	}
	return nil
}
