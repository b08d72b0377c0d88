package issuers

import (
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/verifier"
)

// EntraV2 returns the issuer for the applications and managed identities of a
// Microsoft Entra ID tenant, for an API with tokens of version 2.0: its manifest
// contains "requestedAccessTokenVersion": 2. tenantID is the Directory (tenant)
// ID, clientID the API's own Application (client) ID.
//
// The API's registration must add the optional claim "idtyp" to access tokens
// (Token configuration). It alone distinguishes applications from people; without
// it every token is refused.
//
// Scopes are the app roles that the application was granted. By default, every
// application of the tenant can get a token without roles: require a role, or set
// "Assignment required".
//
// The issuer is one tenant. "common", "organizations" and "consumers" are refused,
// because their tokens have no common "iss". For several tenants, configure
// several issuers. The national clouds have other hosts: change Name and JWKSURL.
func EntraV2(tenantID, clientID string) (verifier.Issuer, error) {
	m := mistakes{preset: "EntraV2"}
	m.tenant(tenantID)
	switch {
	case strings.Contains(clientID, "://"):
		m.add("%s is an Application ID URI, and tokens of version 2.0 never name one: write the API's "+
			"Application (client) ID, or use EntraV1", redact.Quote(clientID))
	case !isGUID(clientID):
		m.add("%s is no Application (client) ID: write the API's, as its overview in the portal shows it, in lower case", redact.Quote(clientID))
	}
	return m.result(entra("https://login.microsoftonline.com/"+tenantID+"/v2.0",
		"https://login.microsoftonline.com/"+tenantID+"/discovery/v2.0/keys", "azp", []string{clientID}))
}

// EntraV1 returns the issuer of [EntraV2] for an API with tokens of version 1.0: its
// manifest contains "requestedAccessTokenVersion": null or 1. The API's manifest determines the
// version, not the caller.
//
// The audience of a token depends on the request: one of the API's Application ID
// URIs, with or without a trailing slash, or its client ID. List each one that
// callers use.
func EntraV1(tenantID, audience string, more ...string) (verifier.Issuer, error) {
	const where = "an Application ID URI (api://…) or the client ID of the API, as its overview in the portal shows it"
	m := mistakes{preset: "EntraV1"}
	m.tenant(tenantID)
	audiences := append([]string{audience}, more...)
	for _, a := range audiences {
		m.audience(a, where)
		if strings.HasPrefix(a, "https://graph.microsoft.com") || a == "00000003-0000-0000-c000-000000000000" {
			m.add("an audience is Microsoft Graph, whose tokens nobody else can verify: write %s", where)
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
		m.add("%q is many tenants, whose tokens have no common issuer: write %s; for several tenants configure several issuers", id, where)
	case "9188040d-6c67-4c5b-b112-36a304b66dad":
		m.add("%q is the tenant of personal accounts, which has no machines: write %s", id, where)
	default:
		if !isGUID(id) {
			m.add("%s is no tenant ID: write %s, not a domain", redact.Quote(id), where)
		}
	}
}

func entra(name, keys, clientID string, audiences []string) verifier.Issuer {
	return verifier.Issuer{
		Name:      name,
		Audiences: audiences,
		// The tenant's own key set: the common one also holds keys of personal
		// accounts, which must never sign for a tenant.
		JWKSURL:        keys,
		Algorithms:     []string{"RS256"}, // the keys have no "alg"
		TokenTypes:     []string{"JWT"},
		ClientIDClaims: []string{clientID},
		ScopeClaims:    []string{"roles"},
		// In people's tokens, idtyp is absent or "user", and scp is present.
		Accept: verifier.AcceptAll(verifier.ClaimEquals("idtyp", "app"), verifier.ClaimAbsent("scp")),
	}
}
