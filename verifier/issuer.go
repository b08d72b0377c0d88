package verifier

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/scopes"
)

// Issuer configures one trusted authority. Its keys verify its own tokens and
// no other issuer's.
type Issuer struct {
	// Name is the exact "iss" of its tokens, and Client.Issuer. Required.
	Name string

	// Aliases are further exact "iss" values of the same authority, such as a
	// custom domain.
	Aliases []string

	// Audiences are the names of this service: one of them must be in the
	// token's audience. At least one is required.
	Audiences []string

	// AudienceClaims names the claims that hold the audience; the first that
	// is present decides. {"aud"} if nil.
	AudienceClaims []string

	// JWKSURL is the address of the authority's key set. It must be https,
	// except on loopback or with JWKS.InsecureHTTP. Exactly one of JWKSURL,
	// FetchJWKS and Introspect is required.
	JWKSURL string

	// FetchJWKS returns a JWK Set document from another place: a file, Vault, a
	// fixed set. It is called by one goroutine at a time, unless an earlier call
	// has ignored its context: that call counts as failed after FetchTimeout. It
	// must not wait for its own Verifier's Ready or Refresh: such a fetch fails.
	FetchJWKS func(context.Context) ([]byte, error)

	// JWKS configures how the keys are fetched and kept. The zero value suits
	// most authorities.
	JWKS JWKSOptions

	// Backdating is the longest time from a token's "iat" to the publication of
	// its key: 10 min if zero, at least the Leeway and at most 1 h. Some
	// authorities date tokens back by 5 min, and caches serve old key sets for
	// about as long. A token with an unknown key is refused as InvalidToken only
	// if the keys were fetched at least this long after its "iat", and as
	// Unavailable before.
	Backdating time.Duration

	// Optional keeps Ready from waiting for this issuer's keys. Status reports
	// them all the same, and its tokens are refused as Unavailable until there
	// are keys.
	Optional bool

	// Algorithms are the JWS algorithms that are accepted: RS256, ES256 and
	// EdDSA if nil. ("Ed25519" is EdDSA's name of RFC 9864; either accepts
	// both.) New refuses "none" and the HMACs.
	Algorithms []string

	// TokenTypes are the accepted values of the header "typ", compared without
	// regard to case and to a leading "application/": {"at+jwt", "JWT"} if
	// nil. "" accepts a token without one.
	TokenTypes []string

	// ClientIDClaims names the claims that hold the client ID; the first that
	// is present decides. {"client_id"} if nil.
	ClientIDClaims []string

	// ScopeClaims names the claims that hold the scopes, as a string or an
	// array of strings; the first that is present decides. {"scope", "scp"} if
	// nil.
	ScopeClaims []string

	// ScopesFrom, if set, returns the scopes instead of ScopeClaims: from roles
	// or nested claims. Its Client is verified and has no Scopes yet. An error
	// refuses the token: by the rule of Config.Check if it is a Reason or an
	// *Error, otherwise as InvalidToken with the Reason ClaimMalformed.
	ScopesFrom func(Client) (scopes.Set, error)

	// WildcardScopes gives the Client's scopes Stytch's rule: a granted
	// "read:*" covers "read:users" (see scopes.Set.Wildcards).
	WildcardScopes bool

	// MaxTokenAge, if positive, refuses tokens that were issued longer ago,
	// and those without "iat".
	MaxTokenAge time.Duration

	// ScopeLimit, if set, limits what this issuer's clients may do: Client.Scopes
	// holds only what both the token and the limit grant. With WildcardScopes the
	// limit is read by the same rule: "read:*" in a token under the limit
	// "read:users" becomes "read:users".
	ScopeLimit *scopes.Set

	// MaxTokenLife, if positive, refuses tokens that are issued for longer, from
	// "iat" to "exp", as TooLongLived. Without "iat", the time that is left counts
	// instead, with the Leeway.
	MaxTokenLife time.Duration

	// RequireBound refuses tokens that are bound to nothing as Unbound. A token
	// that is bound to a client certificate (RFC 8705) is accepted from a caller
	// that proves it.
	RequireBound bool

	// Introspect asks the authority about one token (RFC 7662), and returns the
	// JSON answer. Package introspection makes it. The Verifier verifies no signature
	// then: it asks about opaque tokens, and about JWTs whose "iss" is Name or an
	// alias, and applies the rules of this Issuer to the answer. No other JWT is
	// sent. It remembers answers and bounds questions by itself: beyond 320 questions,
	// and 20 more a second, about tokens that turn out not to be active, calls with new
	// tokens are refused as UnknownTokensFlood. At most one issuer
	// of a Verifier may have it. It must be safe for concurrent use, and return when
	// its context ends, after 10 s at most. Every error refuses the call as
	// IntrospectionUnavailable.
	Introspect func(ctx context.Context, token string) ([]byte, error)

	// IntrospectTTL bounds how long the answer that a token is active is used: 30 s
	// if zero, 1 s to 5 min. A token that is revoked at the authority is accepted
	// for at most as long. After 80 % of it, a call renews the answer in the
	// background.
	IntrospectTTL time.Duration

	// AllowNoAudience accepts answers of Introspect without an audience, from
	// authorities that name none. Tokens for every other service of the authority
	// are then accepted, too. An answer with an audience must still name one of
	// Audiences.
	AllowNoAudience bool

	// TrustDomain makes the issuer a SPIFFE trust domain, such as "example.org",
	// whose tokens are JWT-SVIDs. No other issuer may have the same one. "sub" must
	// then be a SPIFFE ID of it, with a path. A token without "iss" is one of the
	// trust domain in its "sub"; if there is an "iss", it alone selects the issuer,
	// by Name or alias.
	//
	// The key set is a SPIFFE bundle: only keys with the use "jwt-svid" are taken,
	// and, from FetchJWKS, those without a use. Its spiffe_refresh_hint counts as a
	// Cache-Control of the authority does. The defaults are those of JWT-SVIDs:
	// ClientIDClaims {"sub"}, TokenTypes {"", "JWT", "JOSE"}, and Accept accepts
	// every workload.
	TrustDomain string

	// Accept decides whether a verified token is a machine's: SubjectIsClient
	// if nil. Authorities sign people's tokens with the same keys. It is
	// required if ClientIDClaims contains "sub": SubjectIsClient would otherwise
	// accept people's tokens, too. An error refuses the token: by the rule of
	// Config.Check if it is a Reason or an *Error, otherwise as InvalidToken
	// with the Reason NotAccepted.
	// Like ScopesFrom it is called when a token is verified, and not again while
	// the token is remembered: use Check for what can change meanwhile.
	Accept func(Client) error
}

// complete fills in an Issuer's defaults and reports its mistakes. leeway is
// the shortest Backdating that makes sense: clocks may differ by as much.
func (iss *Issuer) complete(m mistakes, leeway time.Duration) {
	if iss.Name == "" {
		m.add(`Name is empty: write the exact "iss" of the authority's tokens`)
	}
	iss.Aliases = slices.Clone(iss.Aliases)
	if slices.Contains(iss.Aliases, "") {
		m.add("Aliases holds an empty name")
	}
	if iss.Audiences = slices.Clone(iss.Audiences); len(iss.Audiences) == 0 || slices.Contains(iss.Audiences, "") {
		m.add("Audiences is empty or holds an empty name: write the name by which tokens are meant for this " +
			"service; without one, tokens for any other service would be accepted")
	}
	iss.AudienceClaims = m.list("AudienceClaims", iss.AudienceClaims, "aud")
	if iss.TrustDomain != "" {
		iss.completeSPIFFE(m)
	}
	iss.ClientIDClaims = m.list("ClientIDClaims", iss.ClientIDClaims, "client_id")
	if iss.ScopesFrom != nil && iss.ScopeClaims != nil {
		m.add("both ScopesFrom and ScopeClaims are set: choose one")
	}
	iss.ScopeClaims = m.list("ScopeClaims", iss.ScopeClaims, "scope", "scp")
	if iss.TokenTypes == nil {
		iss.TokenTypes = []string{"at+jwt", "JWT"}
	} else if iss.TokenTypes = slices.Clone(iss.TokenTypes); len(iss.TokenTypes) == 0 {
		m.add("TokenTypes is empty: leave it nil for the default, or write {\"\"} to accept tokens without one")
	}
	if iss.MaxTokenAge < 0 {
		m.add("MaxTokenAge is %v: want a positive duration, or 0 for no limit", iss.MaxTokenAge)
	}
	if iss.MaxTokenLife < 0 {
		m.add("MaxTokenLife is %v: want a positive duration, or 0 for no limit", iss.MaxTokenLife)
	}
	if iss.ScopeLimit != nil {
		limit := *iss.ScopeLimit
		if iss.WildcardScopes {
			limit = limit.Wildcards()
		}
		iss.ScopeLimit = &limit
	}
	iss.completeIntrospection(m)
	if iss.Accept == nil {
		if slices.Contains(iss.ClientIDClaims, "sub") && iss.TrustDomain == "" {
			m.add(`ClientIDClaims holds "sub", and Accept is nil: its default, SubjectIsClient, would then accept ` +
				`every token, people's too; say with Accept what marks a machine's token`)
		}
		iss.Accept = SubjectIsClient
	}
	if iss.Backdating == 0 {
		iss.Backdating = 10 * time.Minute
	}
	m.between("Backdating", iss.Backdating, leeway, time.Hour)
	iss.Algorithms = completeAlgorithms(m, iss.Algorithms)
	iss.completeSource(m)
	iss.JWKS.complete(m)
}

func completeAlgorithms(m mistakes, list []string) []string {
	if list == nil {
		return []string{"RS256", "ES256", "EdDSA"}
	}
	if len(list) == 0 {
		m.add("Algorithms is empty: leave it nil for RS256, ES256 and EdDSA")
	}
	var canonical []string
	for _, name := range list {
		c, ok := jose.CanonicalAlgorithm(name)
		switch {
		case ok && slices.Contains(canonical, c):
			// Drop duplicates: an RSA key without "alg" is used for the issuer's
			// algorithm only if there is exactly one.
		case ok:
			canonical = append(canonical, c)
		case jose.IsSymmetricOrNone(name):
			m.add("Algorithms holds %q: with it, anyone who can read the key set could forge tokens; "+
				"write what the authority signs with, such as RS256", name)
		default:
			m.add("Algorithms holds %s, which is not known: want RS256, RS384, RS512, PS256, PS384, PS512, "+
				"ES256, ES384, ES512 or EdDSA", redact.Quote(name))
		}
	}
	return canonical
}

// issuer is an Issuer in use: its complete configuration, and its keys.
type issuer struct {
	Issuer
	verifier *Verifier
	index    int          // in verifier.issuers
	source   *jwks.Source // nil with Introspect
}

// accepts reports whether the issuer's tokens may have this header type
// (RFC 8725 §3.11).
func (iss *issuer) accepts(typ string, present bool) bool {
	for _, want := range iss.TokenTypes {
		if want == "" {
			if !present {
				return true
			}
		} else if present && equalMediaType(want, typ) {
			return true
		}
	}
	return false
}

// equalMediaType compares two values of "typ" without regard to case and to a
// leading "application/" (RFC 7515 §4.1.9).
func equalMediaType(a, b string) bool {
	a, b = trimApplication(a), trimApplication(b)
	// strings.EqualFold alone would fold non-ASCII letters to ASCII ones.
	return len(a) == len(b) && strings.EqualFold(a, b)
}

func trimApplication(t string) string {
	const prefix = "application/"
	if len(t) > len(prefix) && strings.EqualFold(t[:len(prefix)], prefix) && !strings.Contains(t[len(prefix):], "/") {
		return t[len(prefix):]
	}
	return t
}
