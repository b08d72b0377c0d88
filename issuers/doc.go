// Package issuers has presets for common authorities. A preset is a function that
// returns the [verifier.Issuer] for the tokens of an authority's machines. Tokens of
// people, which the same keys sign, are refused.
//
//	authority       line of code                                    client ID       scopes                    what marks a machine
//	Auth0           Auth0("acme.eu.auth0.com", audience)            azp, client_id  scope                     sub is <client ID>@clients
//	Okta            Okta("https://acme.okta.com/oauth2/x", aud)     cid             scp                       no uid, sub is the client
//	Entra ID, v2.0  EntraV2(tenantID, clientID)                     azp             roles                     idtyp is app
//	Entra ID, v1.0  EntraV1(tenantID, audience)                     appid           roles                     idtyp is app
//	Keycloak        Keycloak("https://sso…/realms/r", aud, nil)     azp             roles of the audience     client_id, a service account's claim
//	Cognito         Cognito("eu-west-1_Ab12", clientID)             client_id       scope                     token_use is access, sub is the client
//	Google          Google(audience, callers)                       sub             as set for the caller     email or sub is a caller's
//	GitHub Actions  GitHubActions(audience, caller)                 repository_id   as set for the caller     a caller's repository or owner
//	Zitadel         Zitadel("acme.zitadel.cloud", projectID, nil)   sub             roles of the project      client_id is sub, or sub is listed
//	Kubernetes      Kubernetes(issuerURL, audience, callers, nil)   sub             as set for the caller     sub is a caller's
//	SPIFFE          SPIFFE("example.org", audience, opts)           sub             as set for the caller     sub is a caller's
//	GitLab CI etc.  Pinned("https://gitlab.com", audience, pin)     an ID           as set for the pin        the owner's ID
//	any other       discovery.Issuer(ctx, issuerURL, opts)          client_id       scope, scp                sub is the client
//
// Everyone in the world can get a token of Google, GitHub or a platform of Pinned for
// any audience, and every pod or workload can get one of its cluster or trust domain. These presets therefore require the list of
// callers. It also holds the scopes of each, because the tokens hold none.
//
// A preset refuses a person's token with [verifier.NotMachine], a machine that is
// not among the callers with [verifier.NotAccepted], and a token without the claim
// that names its client, such as an ID token, with [verifier.ClientIDMissing].
//
// Presets send no requests. Their error reports every mistake in the arguments. The
// result may be changed before use: set Aliases for a custom domain, or another
// JWKSURL for a mirror.
//
// Vendors change their tokens: compare the preset with a token of your own. SOURCES.md
// names the document for each statement about a vendor, and docs/issuers.md lists what
// each preset accepts and common mistakes. A preset is marked Experimental if it rests
// on one example only.
package issuers
