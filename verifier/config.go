package verifier

import (
	"context"
	"crypto/x509"
	"net/http"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
)

// Config is what [New] makes a Verifier of. It is passed by value and copied:
// what happens to it afterwards changes nothing.
type Config struct {
	// Issuers are the trusted authorities, at least one. No Name or alias may
	// appear twice.
	Issuers []Issuer

	// Leeway is the clock skew that is forgiven at exp, nbf, iat and
	// MaxTokenAge: 30 s if zero, at most 5 min. Negative is none.
	Leeway time.Duration

	// MaxTokenBytes is the length of the longest token that is looked at:
	// 8 KiB if zero, at most 64 KiB.
	MaxTokenBytes int

	// CacheSize is how many verified tokens are remembered, so that a token
	// which comes again costs no signature check: 10,000 if zero, none if
	// negative, at most 16,777,216. What can change between two calls, such as
	// expiry, a removed key and Check, is asked on every call all the same.
	// Only verified tokens enter. Memory holds the token, its payload and what
	// was made of it: about 2 KiB for a token of 800 bytes, and at most 4 KiB
	// times CacheSize, for larger tokens take the place of several.
	CacheSize int

	// Check, if set, is called for every call with a verified token, cached or
	// not, before the requirement is compared: for revocation, tenancy and the
	// like. A non-nil error refuses the call. A Reason, alone or wrapped,
	// refuses with that Reason and its Code: return Revoked, or Forbid(cause)
	// where the client is good and this is not for it. An *Error refuses with
	// its own Code. Any other error is Unavailable with the Reason
	// CheckFailed: an outage of what Check asks must not make machines throw
	// good tokens away.
	// It must be safe for concurrent use. No lock is held: it may call the
	// Verifier, but Verify and Authorize call Check again.
	Check func(context.Context, Client, Request) error

	// Observe, if set, is told of every decision before the handler runs: for
	// the audit log and metrics. It must be safe for concurrent use and return
	// soon; the call waits for it. The Decision is its own, to keep or to
	// change.
	Observe func(context.Context, Decision)

	// ObserveKeys, if set, is called with the state of an issuer's keys after
	// every swap, every failed fetch and every change of State: recovery, expiry
	// and Close included. Calls for one issuer come one after another, on a
	// goroutine that nothing waits for: while one blocks, up to 64 states are
	// kept for it, and of more the oldest are dropped. It should not call
	// Refresh: after a failed fetch, that would defeat the backoff.
	ObserveKeys func(IssuerStatus)

	// Now is the wall clock that tokens are held against: time.Now if nil.
	// The keys' own times follow the monotonic clock.
	Now func() time.Time
}

// Issuer is one trusted authority. Its keys never serve another's tokens.
type Issuer struct {
	// Name is the exact "iss" of its tokens, and Client.Issuer. Required.
	Name string

	// Aliases are further exact "iss" values of the same authority: a custom
	// domain, say.
	Aliases []string

	// Audiences are the names of this service: one of them must be in the
	// token's audience. At least one.
	Audiences []string

	// AudienceClaims names the claims that hold the audience; the first that
	// is present decides. {"aud"} if nil.
	AudienceClaims []string

	// JWKSURL is where the authority publishes its keys, or FetchJWKS fetches
	// them from somewhere else: a file, Vault, a fixed set. Exactly one of the
	// two is required. The URL must be https, unless it is on loopback or
	// JWKS.InsecureHTTP is set. FetchJWKS returns a JWK Set document; it is
	// called by one goroutine at a time, unless an earlier call has ignored its
	// context: that one is left behind after FetchTimeout and counts as failed.
	// It must not wait for its own Verifier's Ready or Refresh: such a fetch
	// fails.
	JWKSURL   string
	FetchJWKS func(context.Context) ([]byte, error)

	// JWKS says how the keys are kept. The zero value is right for most.
	JWKS JWKSOptions

	// Backdating is how old a token may say it is when its key is published:
	// 10 min if zero, at least the Leeway and at most 1 h. Some authorities date
	// tokens back by 5 min, and caches serve old key sets for about as long. A
	// token with an unknown key is refused as InvalidToken only if the keys were
	// fetched at least this long after its "iat", and as Unavailable before.
	Backdating time.Duration

	// Optional keeps Ready from waiting for this issuer's keys. Status shows
	// them all the same, and its tokens are refused as Unavailable until they
	// are there.
	Optional bool

	// Algorithms are the JWS algorithms that are accepted: RS256, ES256 and
	// EdDSA if nil. ("Ed25519" is EdDSA's name of RFC 9864; either admits
	// both.) "none" and the HMACs are refused by New.
	Algorithms []string

	// TokenTypes are the accepted values of the header "typ", compared without
	// regard to case and to a leading "application/": {"at+jwt", "JWT"} if
	// nil. "" admits a token without one.
	TokenTypes []string

	// ClientIDClaims names the claims that hold the client ID; the first that
	// is present decides. {"client_id"} if nil.
	ClientIDClaims []string

	// ScopeClaims names the claims that hold the scopes, as a string or an
	// array of strings; the first that is present decides. {"scope", "scp"} if
	// nil.
	ScopeClaims []string

	// ScopesFrom, if set, makes the scopes instead of ScopeClaims: from roles
	// or nested claims. The Client it gets is verified and has no Scopes yet.
	// An error refuses the token: by the rule of Config.Check if it is a
	// Reason or an *Error, else as InvalidToken with the Reason ClaimMalformed.
	ScopesFrom func(Client) (scopes.Set, error)

	// WildcardScopes gives the Client's scopes Stytch's rule: a granted
	// "read:*" covers "read:users" (see scopes.Set.Wildcards).
	WildcardScopes bool

	// MaxTokenAge, if positive, refuses tokens that were issued longer ago,
	// and those without "iat".
	MaxTokenAge time.Duration

	// Accept decides whether a verified token is a machine's of this issuer:
	// SubjectIsClient if nil, for authorities sign people's tokens with the
	// same keys. It is required if ClientIDClaims holds "sub", since the
	// subject then is the client whoever it is. An error refuses the token: by
	// the rule of Config.Check if it is a Reason or an *Error, else as
	// InvalidToken with the Reason NotAccepted. Like ScopesFrom it is called
	// when a token is verified, and not again while that is remembered: what
	// may change meanwhile belongs in Check.
	Accept func(Client) error
}

// JWKSOptions says how an issuer's key set is kept. The zero value is every
// default.
type JWKSOptions struct {
	// Transport makes the HTTP requests, for a private CA or a proxy: one like
	// http.DefaultTransport if nil. Redirects are never followed, and each
	// request asks for a connection of its own.
	Transport http.RoundTripper

	// RefreshInterval is the time between two fetches, ±10 %: 5 min if zero,
	// 30 s to 1 h. The authority's Cache-Control or Expires replaces it, within
	// 1 to 15 min, but never makes it longer than what is set here.
	RefreshInterval time.Duration

	// MaxStale is how long keys serve after they were last confirmed: 24 h if
	// zero, at least twice the RefreshInterval. It bounds both how long an
	// outage is survived and how long a removed key can live through one. A
	// cache that answers for the authority, though every request asks it not
	// to, confirms them as well.
	MaxStale time.Duration

	// FetchTimeout bounds one whole fetch: 5 s if zero, 250 ms to 30 s.
	FetchTimeout time.Duration

	// MaxBytes bounds the key set document, decompressed: 256 KiB if zero,
	// 4 KiB to 4 MiB.
	MaxBytes int

	// InsecureHTTP admits a JWKSURL that is plain http and not on loopback:
	// whoever is on the network path can then replace the keys and sign any
	// token.
	InsecureHTTP bool

	// AllowRSAExponent3 admits RSA keys with the public exponent 3.
	AllowRSAExponent3 bool
}

// Request is what a transport knows about one call. Always write it with field
// names: fields will be added.
type Request struct {
	// Operation names what is called, for Check and Observe: "GET /settings",
	// "/pkg.Service/Method". It decides nothing.
	Operation string

	// Authorization is every value of the Authorization header or metadata
	// key, untouched: two values must be seen to be refused.
	Authorization []string

	// PeerCertificates is the chain that the caller proved in the TLS
	// handshake, leaf first; nil without mutual TLS. It is the transport's own
	// and no copy: Check must not change the certificates.
	PeerCertificates []*x509.Certificate

	// PeerCertificatesFrom, if set, supplies the certificates instead of
	// PeerCertificates. It is called after the token is verified, for a
	// transport that has to look elsewhere than in its own TLS connection. An
	// error refuses the call: by the rule of Config.Check if it is a Reason or
	// an *Error, else, like a panic, as Unavailable.
	PeerCertificatesFrom func() ([]*x509.Certificate, error)

	// DPoP is every value of the DPoP header or metadata key (RFC 9449 §4.1),
	// untouched. Guards set it, and the three fields below, only for calls that
	// carry a proof. The verifier does not check proofs yet: it refuses every
	// token that is bound to a DPoP key as Bound.
	DPoP []string

	// Method is the HTTP method, to compare with a proof's "htm": POST for
	// gRPC.
	Method string

	// Origin is the address by which clients reach this service, from the
	// configuration: scheme and host, and the prefix that a proxy removes. With
	// Path it is what a proof's "htu" must name.
	Origin string

	// Path is the path of the request line as the client sent it, without the
	// query and still encoded.
	Path string

	// Realm is the realm in the challenge of a refusal: "api" if empty. If a
	// challenge can't hold it, "api" replaces it, too: it must be printable
	// ASCII without '"' and '\', of at most 256 bytes.
	Realm string

	// ResourceMetadata, if set, is the URL of this resource's metadata, which
	// challenges name (RFC 9728 §5.1).
	ResourceMetadata string
}

// Decision is one decision, as Observe receives it. It holds no token. In the
// text of Err, values that the caller wrote are quoted and cut at 64 bytes.
type Decision struct {
	// Operation is the Request's, quoted if it is not of printable ASCII. It
	// is not cut. Guards take it from the configuration, so that it can label
	// metrics. Where a guard wraps a whole router it is the request's path:
	// callers then write it, without a bound on its length or on how many
	// there are.
	Operation string

	Issuer string             // the configured Name; "" before one is known
	Client Client             // zero unless its token was verified
	Need   scopes.Requirement // what was required; zero for Verify
	Reason Reason             // "" if the call was allowed
	Err    error              // an *Error; nil if the call was allowed
	Cached bool               // the token was met before, and its signature not checked again
	Took   time.Duration
}
