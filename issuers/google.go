package issuers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

const googleMachines = ".gserviceaccount.com" // the end of service accounts' addresses

// Google returns the issuer for service accounts, by the ID tokens that Google
// issues to them: from the metadata server, generateIdToken and the idtoken
// packages of the client libraries. audience is the one that callers request,
// best this service's URL.
//
// Everyone in the world can get such a token, for any audience: callers lists the
// service accounts that may call, by email address or unique ID (a number). An
// address can be taken again after its account was deleted, a unique ID never. A
// token without address, as in the metadata server's standard format, is matched
// by unique ID alone. The client ID is the unique ID.
func Google(audience string, callers Callers) (verifier.Issuer, error) {
	m := mistakes{preset: "Google"}
	m.audience(audience, "the audience that callers ask for, best this service's URL")
	if len(callers) == 0 {
		m.add("no callers: everyone in the world can get a token for this audience; name the service accounts that may call")
	}
	for _, account := range slices.Sorted(maps.Keys(callers)) {
		user, domain, isEmail := strings.Cut(account, "@")
		switch {
		case isNumber(account):
		case isEmail && isVisible(user) && isHost(domain) && account == strings.ToLower(account) && strings.HasSuffix(domain, googleMachines):
		case isEmail && isVisible(user) && isHost(domain):
			m.add("%s is no service account: their addresses end with %q, in lower case", redact.Quote(account), googleMachines)
		default:
			m.add("%s is no service account: write its email address or its unique ID, as IAM & Admin > Service Accounts shows them", redact.Quote(account))
		}
	}
	iss := verifier.Issuer{
		Name:           "https://accounts.google.com",
		Audiences:      []string{audience},
		JWKSURL:        "https://www.googleapis.com/oauth2/v3/certs",
		Algorithms:     []string{"RS256"},
		TokenTypes:     []string{"JWT"},
		ClientIDClaims: []string{"sub"},
	}
	matchGoogle(maps.Clone(callers)).apply(&iss)
	return m.result(iss)
}

func matchGoogle(callers Callers) matcher {
	return func(c verifier.Client) (scopes.Set, error) {
		var claims struct {
			Email    string `json:"email"`
			Verified bool   `json:"email_verified"`
		}
		if err := c.Claims(&claims); err != nil {
			return scopes.Set{}, err
		}
		// People have numbers too: only an address distinguishes them.
		if claims.Email != "" && !strings.HasSuffix(claims.Email, googleMachines) {
			return scopes.Set{}, notMachine(`"email" is not a service account's`)
		}
		if set, ok := callers[c.Subject]; ok {
			return set, nil
		}
		switch set, ok := callers[claims.Email]; {
		case claims.Email == "":
			return scopes.Set{}, fmt.Errorf(`%w, and has to ask for the full format, or for the address to be included`,
				unlisted(c, "the service account", "sub", "email"))
		case !ok:
			return scopes.Set{}, unlisted(c, "the service account", "sub", "email")
		case !claims.Verified:
			return scopes.Set{}, fmt.Errorf(`"email" is %q, and "email_verified" is not true`, claims.Email)
		default:
			return set, nil
		}
	}
}
