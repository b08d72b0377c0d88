package issuers

import (
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// KeycloakScopes selects the part of a Keycloak token that holds the scopes.
type KeycloakScopes int

const (
	// KeycloakClientRoles, the default, selects the roles of the client that is
	// the audience (resource_access).
	KeycloakClientRoles KeycloakScopes = iota
	// KeycloakRealmRoles selects the realm roles (realm_access).
	KeycloakRealmRoles
	// KeycloakClientScopes selects the claim "scope", which names the client
	// scopes of the machine: the default ones, and the optional ones it requested.
	KeycloakClientScopes
)

// KeycloakOptions are the optional parts of a [Keycloak] issuer. The zero value is
// the default.
type KeycloakOptions struct {
	// Scopes selects the part of the token that holds the scopes: the client roles of
	// the audience if zero.
	Scopes KeycloakScopes

	// JWKS becomes Issuer.JWKS. With InsecureHTTP, realmURL may be plain http on
	// any host.
	JWKS verifier.JWKSOptions
}

// Keycloak returns the issuer for the service accounts of a Keycloak realm.
// realmURL is the realm's address, such as "https://sso.example.com/realms/prod",
// exactly as in the tokens' "iss". Plain http is admitted on loopback. audience is
// the client ID of this API, or the value of an audience mapper. opts may be nil.
//
// By default, a token has no "aud", or the "aud" "account", which is Keycloak's own and
// in nearly every token. Both are refused. A machine with a client role of the API gets
// the API's client ID in "aud". For other machines, add an audience mapper to one of
// their client scopes.
//
// A service account's token names its client in "client_id" ("clientId" in older
// releases), because of the default client scope "service_account". People's tokens
// have no such claim. Lightweight access tokens lack required claims and are refused.
func Keycloak(realmURL, audience string, opts *KeycloakOptions) (verifier.Issuer, error) {
	if opts == nil {
		opts = &KeycloakOptions{}
	}
	const where = "the realm's address, as the field \"issuer\" of its OpenID Endpoint Configuration " +
		"(Realm settings) has it: https://sso.example.com/realms/prod"
	m := mistakes{preset: "Keycloak"}
	m.url(realmURL, opts.JWKS.InsecureHTTP, where)
	if _, realm, _ := strings.Cut(realmURL, "/realms/"); realm == "" || strings.Contains(realm, "/") {
		m.add("%s names no realm, or more than that: write %s", redact.Quote(realmURL), where)
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
		JWKS:           opts.JWKS,
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
	// "typ" is "ID" in an ID token and "Logout" in a logout token. It is "DPoP" in an
	// access token that is bound to a key: the Verifier has checked its "cnf".
	isBound := verifier.ClaimEquals("typ", "DPoP")(c) == nil && verifier.ClaimAbsent("cnf")(c) != nil
	if !isBound && verifier.ClaimEquals("typ", "Bearer")(c) != nil {
		return notMachine(`"typ" is neither "Bearer", nor "DPoP" beside "cnf"`)
	}
	if verifier.ClaimEquals("client_id", c.ID)(c) != nil && verifier.ClaimEquals("clientId", c.ID)(c) != nil {
		return notMachine(`no "client_id" that is "azp", which a service account has`)
	}
	// This claim alone would prove nothing: people can choose their user name.
	const name = "preferred_username"
	if verifier.ClaimAbsent(name)(c) == nil {
		return nil // without the client scope "profile"
	}
	return verifier.ClaimEquals(name, "service-account-"+strings.ToLower(c.ID))(c)
}

// keycloakRoles returns a ScopesFrom that reads roles. Absent roles are no scopes;
// roles of a wrong type are an error.
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
