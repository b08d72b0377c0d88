package issuers

import (
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// Cognito trusts app clients of an Amazon Cognito user pool that use the
// client-credentials grant. userPoolID is such as "eu-west-1_Ab12Cd34E", and
// clientID with more are the app clients that may call.
//
// Cognito's access tokens name no audience, so that one for another service of
// the pool would do here as well: which app clients may call must be said, and
// scopes should be required, which start with the resource server's
// identifier.
//
// People's access tokens, which app clients get as well, have the person's
// "sub"; ID tokens have no "client_id".
//
// From Amazon's "Understanding the access token" (docs.aws.amazon.com/cognito,
// developer guide), read on 2026-11-22 in excerpts of a stored copy. That a
// machine's "sub" is its client ID is from an example of 2021
// (zenn.dev/noid11), and the hosts in China are as far as known.
func Cognito(userPoolID, clientID string, more ...string) (verifier.Issuer, error) {
	m := mistakes{preset: "Cognito"}
	region, id, _ := strings.Cut(userPoolID, "_")
	if !isLabel(region) || strings.Count(region, "-") < 2 || !only(id, isAlphanumeric) {
		m.add("%.64q is no user pool ID: write the one that the console shows in the user pool's overview, "+
			"region and underscore included (eu-west-1_Ab12Cd34E)", userPoolID)
	}
	clients := append([]string{clientID}, more...)
	for _, c := range clients {
		if !only(c, isAlphanumeric) || len(c) > 128 {
			m.add("%.64q is no client ID: write the one that the console shows under App clients, not its name", c)
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

// subjectIsClient is verifier.SubjectIsClient where no subject is no machine.
func subjectIsClient(c verifier.Client) error {
	if c.Subject != c.ID {
		return notMachine(`"sub" is not the client ID`)
	}
	return nil
}
