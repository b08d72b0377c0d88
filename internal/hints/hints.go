// Package hints says what usually causes a refusal and how to fix it, in one
// sentence without a final period. Package telemetry shows these sentences beside
// refusals, and the command m2mauth beside the check that failed.
package hints

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/verifier"
)

// Of returns the hint for a decision, and "" if the call was allowed, or for a
// Reason that package verifier does not define. It calls the methods of d.Err,
// which may be the user's code.
func Of(d verifier.Decision) string {
	if d.Err == nil {
		return ""
	}
	found, want := Split(Cause(d.Err))
	switch d.Reason {
	case verifier.UnknownIssuer:
		if strings.HasPrefix(want, "a SPIFFE ID of ") {
			return "the workload is of another trust domain, or the token is no JWT-SVID: each trust domain has an issuers.SPIFFE of its own"
		}
		if near := nearest("issuer", found, want); near != "" {
			return near
		}
	case verifier.Audience:
		if near := nearest("audience", found, want); near != "" {
			return near
		}
	case verifier.ProofMismatch:
		if texts := quotedTexts(found); len(texts) > 0 && claimsOfProof[texts[0]] != "" {
			return claimsOfProof[texts[0]]
		}
	case verifier.KeysUnavailable:
		if missing, ok := errors.AsType[*jwks.MissingError](d.Err); ok && missing.Err != nil {
			return Fetch(missing.Err)
		}
	case verifier.ScopeMissing:
		var claims map[string]json.RawMessage
		_ = d.Client.Claims(&claims) // without claims, the usual hint
		return forScopes(d.Client.Scopes, d.Need, claims)
	}
	return Usual(d.Reason)
}

// Cause returns the text of a refusal's cause, without its Code and Reason. It
// returns "" if there is none.
func Cause(err error) string {
	e, ok := errors.AsType[*verifier.Error](err)
	if !ok || e == nil || e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// Usual returns the hint that fits a Reason without more knowledge, and "" for a
// Reason that package verifier does not define.
func Usual(r verifier.Reason) string { return usual[r] }

// Reasons yields every Reason that has a hint, sorted.
func Reasons() []verifier.Reason { return slices.Sorted(maps.Keys(usual)) }

var usual = map[verifier.Reason]string{
	verifier.CredentialsMissing: "the client sent no Authorization header, or a proxy or redirect removed it: send \"Authorization: Bearer <token>\" to the final URL",
	verifier.SchemeUnsupported:  "the client uses another scheme: get an access token from the authority and send it as Bearer",

	verifier.CredentialsMultiple:  "the client's library and its code, or a proxy, each set an Authorization header: set it once",
	verifier.CredentialsMalformed: "write one token after Bearer, without quotes, spaces and line breaks: is a variable empty?",

	verifier.TooLarge:        "access tokens have a few hundred bytes: have the authority put fewer roles in, or raise Config.MaxTokenBytes and the header limits of proxies",
	verifier.Malformed:       "an opaque token, or one that was cut or encrypted: request a signed JWT access token and send it as one line; for an authority that issues opaque tokens alone see package introspection",
	verifier.HeaderExtension: "extensions change what a token means, so none is accepted: have the authority leave it out",
	verifier.Algorithm:       "the authority signs with another algorithm than the configured ones: see Issuer.Algorithms; HMAC and none can't be allowed",
	verifier.KeyID:           "without a kid exactly one key must fit: have the authority set it",
	verifier.TokenType:       "it is not an access token; if this authority's have no typ or another one, set Issuer.TokenTypes",
	verifier.UnknownIssuer:   "another authority, tenant or environment issued it, or the configured name is wrong: copy iss from a real token into Issuer.Name",
	verifier.Audience:        "the client requested a token for another service, or for none: request one for this service",
	verifier.Expired:         "request a new token before the old one expires; if it was new, this machine's clock is ahead: correct the clock",
	verifier.NotYetValid:     "this machine's clock is behind, or the authority's is ahead: correct the clock, or raise Config.Leeway to at most 5 min",
	verifier.IssuedInFuture:  "this machine's clock is behind, or the authority's is ahead: correct the clock, or raise Config.Leeway to at most 5 min",
	verifier.TooOld:          "the token is older than MaxTokenAge: the client must request a new one sooner",
	verifier.ClaimMalformed:  "the authority writes this claim in another form: times must be in seconds, and exp is required",
	verifier.KeyUnknown:      "another authority, tenant or environment issued it, or Issuer.JWKSURL names another key set: compare the key IDs",
	verifier.KeyUnusable:     "the key is published and can't be used: see the problems of the issuer's keys",
	verifier.KeyRemoved:      "the key was removed while its tokens were in use: remove keys after their last token has expired",
	verifier.BadSignature:    "the token was altered or cut, or another authority has a key with this ID: is it the right key set?",
	verifier.ClientIDMissing: "another claim names the client at this authority: see Issuer.ClientIDClaims",
	verifier.NotMachine:      Person,
	verifier.NotAccepted:     "the machine is not among the accepted callers: add its ID, or let it stay out",
	verifier.Bound:           "the call did not prove the certificate or key that the token is bound to: for a certificate use mutual TLS (InsecurePeerCertificates behind proxies), for a key send the scheme DPoP and a proof",
	verifier.Unbound:         "have the authority bind the token to the client's certificate or DPoP key; where Issuer.RequireBound is not set, send an unbound token as Bearer",
	verifier.TooLongLived:    "the token lives longer than Issuer.MaxTokenLife: shorten the lifetime at the authority, or raise MaxTokenLife",
	verifier.Revoked:         "the token or its client was revoked: ask who revoked it, then request a new token",
	verifier.Denied:          "a callback of the configuration refused the client: ask the owner of that rule",
	verifier.NotVerified:     "the context's Client comes from another Verifier or from a test: use the Verifier that guards the call",
	verifier.ProofMissing:    "the token is bound to a key: send a DPoP proof with each call",
	verifier.ProofMalformed:  "the DPoP header holds no proof: make one for each call (RFC 9449, section 4.2)",
	verifier.ProofMismatch:   "the proof is for another key, token or method: make one for each call, with the key that the token is bound to",
	verifier.ProofReplayed:   "the proof was used before: make a new one for each call, repeats included",
	verifier.Inactive:        "the authority reports that the token is revoked or expired: request a new one",

	verifier.ScopeMissing:  "the client was not granted it, or did not request it: grant it, then have the client request a new token",
	verifier.NoRequirement: "nothing declares this operation, so every client is refused: is its name misspelt in the policy, or was it forgotten? CheckCoverage finds that at start-up",
	verifier.Forbidden:     "a rule of this service refused the operation to this client: see Config.Check, Deny and ownership rules",

	verifier.UnknownKeysFlood:   "many tokens name unknown keys: another environment's clients, or somebody who makes them up",
	verifier.UnknownTokensFlood: "many tokens are not active: somebody makes them up, or clients go on with revoked ones",

	verifier.KeysUnavailable:          "the token's key is not published yet: it is looked for again soon; if this lasts, Issuer.JWKSURL names another key set",
	verifier.PeerUnknown:              "the caller's certificate could not be read: look at the header that the proxy sends",
	verifier.CheckFailed:              "a callback failed instead of deciding: is what it depends on down? To refuse, it must return a Reason",
	verifier.Panicked:                 "a callback of the configuration panicked: fix it",
	verifier.Canceled:                 "the caller went away, or its deadline passed, before the decision: not a fault of this service",
	verifier.Closed:                   "the Verifier was closed before the servers, or does not come from verifier.New: close it last",
	verifier.RevocationsUnavailable:   "the list of revoked tokens is not loaded, or too old: look at its source and the network",
	verifier.IntrospectionUnavailable: "the authority could not be asked, which says nothing about the caller: compare Endpoint and Credentials of introspection.Config with the authority's, and look at the network",
	verifier.ReplayUnavailable:        "it is unknown whether the proof was used before: look at the store of proofs",
}

// claimsOfProof holds the hints for a DPoP proof that does not match, by the claim.
var claimsOfProof = map[string]string{
	"htu": "the client called another URL than Options.Origin and the path: write the address by which clients reach this service, with the prefix that a proxy removes",
	"iat": "the client's clock or this machine's is wrong, or the client keeps proofs: correct the clock, and make a proof for each call",
}

// Person is the hint for a token that is not a machine's.
const Person = "it looks like a person's token that a client obtained for them: a machine requests its own with the " +
	"client-credentials grant; if this authority marks machines in another way, set Issuer.Accept or use a preset"
