// Package issuers knows the common authorities: what their machines' tokens
// look like, and how to keep the tokens of people, and of other machines, out.
// Each function makes a [verifier.Issuer] of what its users know.
//
//	authority       line of code                                    client ID       scopes                    what marks a machine
//	Auth0           Auth0("acme.eu.auth0.com", audience)            azp, client_id  scope                     sub is <client ID>@clients
//	Okta            Okta("https://acme.okta.com/oauth2/x", aud)     cid             scp                       no uid, sub is the client
//	Entra ID, v2.0  EntraV2(tenantID, clientID)                     azp             roles                     idtyp is app
//	Entra ID, v1.0  EntraV1(tenantID, audience)                     appid           roles                     idtyp is app
//	Keycloak        Keycloak("https://sso…/realms/r", aud, nil)     azp             roles of the audience     client_id, a service account's claim
//	Cognito         Cognito("eu-west-1_Ab12", clientID)             client_id       scope                     token_use is access, sub is the client
//	Google          Google(audience, callers)                       sub             as the caller is given    email or sub is a caller's
//	GitHub Actions  GitHubActions(audience, caller)                 repository_id   as the caller is given    a caller's repository or owner
//	Zitadel         Zitadel("acme.zitadel.cloud", projectID, nil)   sub             roles of the project      client_id is sub, or sub is listed
//	Kubernetes      Kubernetes(issuerURL, audience, callers, nil)   sub             as the caller is given    sub is a caller's
//	any other       Discover(ctx, issuerURL, opts)                  client_id       scope, scp                sub is the client
//
// Everyone in the world can get a token of Google and of GitHub, and every pod
// one of its cluster, for any audience: there, who may call is a required
// argument, and so is what they may do, for these tokens hold no scopes.
//
// What is refused: a person's token with [verifier.NotMachine], a machine's
// that is not among the callers with [verifier.NotAccepted], and one without
// the claim that names its client, such as an ID token, with
// [verifier.ClientIDMissing].
//
// Presets do no I/O and report every mistake in their arguments at once. What
// they return may be adapted before it is used: further Aliases for a custom
// domain, another JWKSURL for a mirror. Each says which of the vendor's
// documents it follows. These change: a preset is no substitute for looking at
// one real token of your own.
package issuers
