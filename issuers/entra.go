package issuers

import (
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// EntraV2 trusts the applications and managed identities of a Microsoft Entra
// ID tenant, for an API that gets tokens of version 2.0: one whose manifest
// says "requestedAccessTokenVersion": 2. tenantID is the Directory (tenant)
// ID, clientID the API's own Application (client) ID.
//
// The API's registration must ask for the optional claim "idtyp" in access
// tokens (Token configuration): it alone tells an application's token from a
// person's, and without it every token is refused.
//
// Scopes are the app roles that the application was granted. By default any
// application of the tenant gets a token without one, for the asking: require
// a role, or set "Assignment required".
//
// One tenant it must be. Of "common", "organizations" and "consumers" the
// issuer is a template, and no exact name; they are refused. Several tenants
// are several issuers. The national clouds have other hosts: change Name and
// JWKSURL.
//
// From Microsoft's "Access tokens", "Access token claims reference", "Optional
// claims reference" and "Secure applications and APIs by validating claims"
// (learn.microsoft.com/entra/identity-platform), read on 2026-11-22 in stored
// copies. That a token without roles is issued is as far as known.
func EntraV2(tenantID, clientID string) (verifier.Issuer, error) {
	m := mistakes{preset: "EntraV2"}
	m.tenant(tenantID)
	switch {
	case strings.Contains(clientID, "://"):
		m.add("%.64q is an Application ID URI, and tokens of version 2.0 never name one: write the API's "+
			"Application (client) ID, or use EntraV1", clientID)
	case !isGUID(clientID):
		m.add("%.64q is no Application (client) ID: write the API's, as its overview in the portal shows it, in lower case", clientID)
	}
	return m.result(entra("https://login.microsoftonline.com/"+tenantID+"/v2.0",
		"https://login.microsoftonline.com/"+tenantID+"/discovery/v2.0/keys", "azp", []string{clientID}))
}

// EntraV1 is EntraV2 for an API that gets tokens of version 1.0: one whose
// manifest says "requestedAccessTokenVersion": null or 1. Which version it is,
// the API decides, not who calls it.
//
// Tokens name the API by any of its Application ID URIs, with or without a
// slash at the end, or by its client ID, depending on how they were asked for:
// name each that callers use.
func EntraV1(tenantID, audience string, more ...string) (verifier.Issuer, error) {
	const where = "an Application ID URI (api://…) or the client ID of the API, as its overview in the portal shows it"
	m := mistakes{preset: "EntraV1"}
	m.tenant(tenantID)
	audiences := append([]string{audience}, more...)
	for _, a := range audiences {
		m.audience(a, where)
		if strings.HasPrefix(a, "https://graph.microsoft.com") || a == "00000003-0000-0000-c000-000000000000" {
			m.add("the audience %.64q is Microsoft Graph, whose tokens nobody else can verify: write %s", a, where)
		}
	}
	return m.result(entra("https://sts.windows.net/"+tenantID+"/",
		"https://login.microsoftonline.com/"+tenantID+"/discovery/keys", "appid", audiences))
}

// tenant checks a Directory (tenant) ID.
func (m *mistakes) tenant(id string) {
	const where = "the Directory (tenant) ID, as the portal's overview shows it: a GUID in lower case"
	switch id {
	case "common", "organizations", "consumers":
		m.add("%q stands for many tenants, whose tokens have no common issuer: write %s; several tenants are several issuers", id, where)
	case "9188040d-6c67-4c5b-b112-36a304b66dad":
		m.add("%q is the tenant of personal accounts, which has no machines: write %s", id, where)
	default:
		if !isGUID(id) {
			m.add("%.64q is no tenant ID: write %s, not a domain", id, where)
		}
	}
}

func entra(name, keys, clientID string, audiences []string) verifier.Issuer {
	return verifier.Issuer{
		Name:      name,
		Audiences: audiences,
		// The tenant's own: the common set also holds keys of personal
		// accounts, which must never sign for a tenant.
		JWKSURL:        keys,
		Algorithms:     []string{"RS256"}, // the keys name none
		TokenTypes:     []string{"JWT"},
		ClientIDClaims: []string{clientID},
		ScopeClaims:    []string{"roles"},
		// idtyp can be asked for in people's tokens too, and is "user" there;
		// scp is there in people's only.
		Accept: verifier.AcceptAll(verifier.ClaimEquals("idtyp", "app"), verifier.ClaimAbsent("scp")),
	}
}
