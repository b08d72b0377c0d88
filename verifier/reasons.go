package verifier

// Reason names exactly why a call was refused. There are few of them, so they
// can label metrics. A Reason is an error that errors.Is matches:
//
//	if errors.Is(err, verifier.Expired) { … }
//
// The callbacks of a configuration may return a Reason, alone or wrapped. The
// call is then refused with it, and with the Code that it is listed under. A
// Reason of your own has the Code InvalidToken; to choose another, return an
// [*Error].
type Reason string

// Error returns the Reason itself.
func (r Reason) Error() string { return string(r) }

// Reasons of [NoCredentials].
const (
	CredentialsMissing Reason = "credentials_missing" // no Authorization value, or none of the header that replaces it
	SchemeUnsupported  Reason = "scheme_unsupported"  // Basic, DPoP or another scheme
)

// Reasons of [InvalidRequest].
const (
	CredentialsMultiple  Reason = "credentials_multiple"  // more than one value
	CredentialsMalformed Reason = "credentials_malformed" // not RFC 6750 §2.1, or no token alone
)

// Reasons of [InvalidToken].
const (
	TooLarge        Reason = "token_too_large"     // longer than Config.MaxTokenBytes
	Malformed       Reason = "token_malformed"     // not a compact JWS of two JSON objects
	HeaderExtension Reason = "header_extension"    // crit, b64, zip, enc or a nested JWT
	Algorithm       Reason = "algorithm"           // not the issuer's, or not the key's
	KeyID           Reason = "key_id"              // malformed, or missing where it is needed
	TokenType       Reason = "token_type"          // "typ" is not among Issuer.TokenTypes
	UnknownIssuer   Reason = "issuer_unknown"      // "iss" is no issuer's Name or alias
	Audience        Reason = "audience"            // not meant for this service
	Expired         Reason = "expired"             // "exp" has passed
	NotYetValid     Reason = "not_yet_valid"       // "nbf" is in the future
	IssuedInFuture  Reason = "issued_in_future"    // "iat" is in the future
	TooOld          Reason = "too_old"             // older than Issuer.MaxTokenAge
	ClaimMalformed  Reason = "claim_malformed"     // a claim of the wrong type or out of range
	KeyUnknown      Reason = "key_unknown"         // the issuer does not publish this key
	KeyUnusable     Reason = "key_unusable"        // the issuer publishes the key, but it can't be used
	KeyRemoved      Reason = "key_removed"         // the issuer no longer publishes this key
	BadSignature    Reason = "signature"           // the signature does not match
	ClientIDMissing Reason = "client_id"           // no client ID, or an empty one
	NotMachine      Reason = "not_machine"         // a person's token
	NotAccepted     Reason = "not_accepted"        // refused by Issuer.Accept or ClientIDIn
	Bound           Reason = "sender_constrained"  // bound to a key that the caller did not prove
	Unbound         Reason = "not_bound"           // bound to nothing, and the issuer has RequireBound
	TooLongLived    Reason = "too_long_lived"      // issued for longer than Issuer.MaxTokenLife
	Revoked         Reason = "revoked"             // shut out by Config.Revocations, or by Config.Check
	Denied          Reason = "denied"              // refused by a callback, without a Reason
	NotVerified     Reason = "client_not_verified" // Recheck or Reauthorize of a Client that this Verifier did not verify

	ProofMissing   Reason = "proof_missing"   // bound to a DPoP key, without a proof
	ProofMalformed Reason = "proof_malformed" // not a DPoP proof (RFC 9449 §4.2)
	ProofMismatch  Reason = "proof_mismatch"  // the proof is for another key, token or request
	ProofReplayed  Reason = "proof_replayed"  // the proof was used before
	Inactive       Reason = "inactive"        // the authority reports that the token is not active (RFC 7662)
)

// Reasons of [InsufficientScope].
const (
	ScopeMissing  Reason = "scope_missing"         // the client's scopes do not meet the requirement
	NoRequirement Reason = "operation_undeclared"  // the operation has no requirement: every client is refused
	Forbidden     Reason = "operation_not_allowed" // refused by Config.Check (see Forbid), or by a handler (see Deny)
)

// Reasons of [TooManyRequests].
const (
	UnknownKeysFlood   Reason = "unknown_keys_flood"   // more than 20 KeysUnavailable for unknown keys of an issuer in a second
	UnknownTokensFlood Reason = "unknown_tokens_flood" // so many opaque tokens that are not active that the authority is not asked about this one
)

// Reasons of [Unavailable].
const (
	KeysUnavailable Reason = "keys_unavailable" // the issuer has no usable keys, or the token's key may be newer than they are
	PeerUnknown     Reason = "peer_unknown"     // Request.PeerCertificatesFrom failed
	CheckFailed     Reason = "check_failed"     // Config.Check, or another callback, failed
	Panicked        Reason = "panicked"         // a callback panicked
	Canceled        Reason = "canceled"         // the caller's own context ended first
	Closed          Reason = "verifier_closed"  // after Close, or the Verifier does not come from New

	RevocationsUnavailable   Reason = "revocations_unavailable"   // the list of revoked tokens is not loaded, or too old
	IntrospectionUnavailable Reason = "introspection_unavailable" // the authority could not be queried about the token
	ReplayUnavailable        Reason = "replay_unavailable"        // it is unknown whether the proof was used before
)

// code returns the Code that a Reason of this package is listed under, and
// InvalidToken for any other.
func (r Reason) code() Code {
	switch r {
	case CredentialsMissing, SchemeUnsupported:
		return NoCredentials
	case CredentialsMultiple, CredentialsMalformed:
		return InvalidRequest
	case ScopeMissing, NoRequirement, Forbidden:
		return InsufficientScope
	case UnknownKeysFlood, UnknownTokensFlood:
		return TooManyRequests
	case KeysUnavailable, PeerUnknown, CheckFailed, Panicked, Canceled, Closed,
		RevocationsUnavailable, IntrospectionUnavailable, ReplayUnavailable:
		return Unavailable
	default:
		return InvalidToken
	}
}

// reasons lists every Reason of this package.
var reasons = []Reason{
	CredentialsMissing, SchemeUnsupported, CredentialsMultiple, CredentialsMalformed, TooLarge,
	Malformed, HeaderExtension, Algorithm, KeyID, TokenType, UnknownIssuer, Audience, Expired,
	NotYetValid, IssuedInFuture, TooOld, ClaimMalformed, KeyUnknown, KeyUnusable, KeyRemoved,
	BadSignature, ClientIDMissing, NotMachine, NotAccepted, Bound, Unbound, TooLongLived, Revoked,
	Denied, NotVerified, ProofMissing, ProofMalformed, ProofMismatch, ProofReplayed, Inactive,
	ScopeMissing, NoRequirement, Forbidden, UnknownKeysFlood, UnknownTokensFlood, KeysUnavailable,
	PeerUnknown, CheckFailed, Panicked, Canceled, Closed, RevocationsUnavailable,
	IntrospectionUnavailable, ReplayUnavailable,
}
