package issuers

import (
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// KeycloakScopes says what of a Keycloak token becomes the client's scopes.
type KeycloakScopes int

const (
	// KeycloakClientRoles: the roles of the client that is the audience
	// (resource_access). The default.
	KeycloakClientRoles KeycloakScopes = iota
	// KeycloakRealmRoles: the realm roles (realm_access).
	KeycloakRealmRoles
	// KeycloakClientScopes: the claim "scope", which names the client scopes
	// that the machine was assigned or, of the optional ones, asked for.
	KeycloakClientScopes
)

// KeycloakOptions are the optional parts of a [Keycloak] issuer. The zero
// value is every default.
type KeycloakOptions struct {
	Scopes KeycloakScopes
}

// Keycloak trusts the service accounts of a Keycloak realm. realmURL is the
// realm's address, such as "https://sso.example.com/realms/prod", as tokens
// have it in "iss". audience is the client ID of this API, or what else an
// audience mapper puts into tokens. opts may be nil.
//
// On its own a token has no "aud" at all, or "account", which is Keycloak's own
// and stands in nearly every token: it is refused here. A machine that has one
// of the API's client roles gets the API's client ID into "aud"; for others,
// add an audience mapper to a client scope of theirs.
//
// A service account's token names its client in "client_id" ("clientId" of
// old), by the default client scope "service_account"; no person's session has
// such a note. Lightweight access tokens leave the claims out that are needed
// here.
//
// From Keycloak's "Audience support" and "Using a service account" (Server
// Administration Guide), its source (ClientCredentialsGrantType.java) and
// phasetwo.io/tutorials/clients/audience (for 26.8), read on 2026-11-22 in
// stored copies. The rest of the token's shape is as far as known.
func Keycloak(realmURL, audience string, opts *KeycloakOptions) (verifier.Issuer, error) {
	if opts == nil {
		opts = &KeycloakOptions{}
	}
	const where = "the realm's address, as the field \"issuer\" of its OpenID Endpoint Configuration " +
		"(Realm settings) has it: https://sso.example.com/realms/prod"
	m := mistakes{preset: "Keycloak"}
	m.url(realmURL, where)
	if _, realm, _ := strings.Cut(realmURL, "/realms/"); realm == "" || strings.Contains(realm, "/") {
		m.add("%.128q names no realm, or more than that: write %s", realmURL, where)
	}
	m.audience(audience, "the client ID of this API, or what else an audience mapper puts into tokens")
	if audience == "account" {
		m.add(`the audience "account" is Keycloak's own, and in nearly every token: ` +
			`give machines a client role of this API, or add an audience mapper, and write what "aud" has then`)
	}
	iss := verifier.Issuer{
		Name:           realmURL,
		Audiences:      []string{audience},
		JWKSURL:        realmURL + "/protocol/openid-connect/certs",
		ClientIDClaims: []string{"azp"},
		Accept:         acceptKeycloak,
	}
	switch opts.Scopes {
	case KeycloakClientRoles, KeycloakRealmRoles:
		iss.ScopesFrom = keycloakRoles(opts.Scopes, audience)
	case KeycloakClientScopes:
		iss.ScopeClaims = []string{"scope"}
	default:
		m.add("Scopes is %d: write KeycloakClientRoles, KeycloakRealmRoles or KeycloakClientScopes", opts.Scopes)
	}
	return m.result(iss)
}

func acceptKeycloak(c verifier.Client) error {
	// An ID token has "ID" here, a logout token "Logout".
	if verifier.ClaimEquals("typ", "Bearer")(c) != nil {
		return notMachine(`"typ" is not "Bearer"`)
	}
	if verifier.ClaimEquals("client_id", c.ID)(c) != nil && verifier.ClaimEquals("clientId", c.ID)(c) != nil {
		return notMachine(`no "client_id" that is "azp", which a service account has`)
	}
	// Alone, it would prove nothing: people can choose their user name.
	const name = "preferred_username"
	if verifier.ClaimAbsent(name)(c) == nil {
		return nil // without the client scope "profile"
	}
	return verifier.ClaimEquals(name, "service-account-"+strings.ToLower(c.ID))(c)
}

// keycloakRoles makes the scopes of roles. Roles that are not there are none;
// of a wrong type, they refuse the token.
func keycloakRoles(which KeycloakScopes, audience string) func(verifier.Client) (scopes.Set, error) {
	type roles struct {
		Roles []string `json:"roles"`
	}
	return func(c verifier.Client) (scopes.Set, error) {
		var claims struct {
			Realm   roles            `json:"realm_access"`
			Clients map[string]roles `json:"resource_access"`
		}
		if err := c.Claims(&claims); err != nil {
			return scopes.Set{}, err
		}
		if which == KeycloakRealmRoles {
			return scopes.ParseList(claims.Realm.Roles)
		}
		return scopes.ParseList(claims.Clients[audience].Roles)
	}
}
