package verifier

// Code classifies a refusal by what the caller should do about it. The zero
// Code is not valid.
type Code int

const (
	// NoCredentials: the caller must present a bearer token. HTTP 401, gRPC
	// Unauthenticated.
	NoCredentials Code = iota + 1
	// InvalidRequest: the credential is malformed, or there are several; fix
	// the client. HTTP 400, gRPC Unauthenticated.
	InvalidRequest
	// InvalidToken: the caller needs a new token. HTTP 401, gRPC
	// Unauthenticated.
	InvalidToken
	// InsufficientScope: the token is valid but does not permit this operation;
	// a new one will not help. HTTP 403, gRPC PermissionDenied.
	InsufficientScope
	// Unavailable: no decision is possible now; keep the token and try again
	// later. HTTP 503, gRPC Unavailable.
	Unavailable
	// TooManyRequests: like Unavailable, because too many tokens name unknown
	// keys. HTTP 429, gRPC ResourceExhausted. Load balancers eject servers that
	// answer 5xx, so a flood of forged tokens must not be answered 503. See
	// docs/operating.md, "503 and 429".
	TooManyRequests
)

// String returns the error code of RFC 6750 §3.1 if it defines one, otherwise a
// name in the same style. It returns "unknown" for a Code that is not of this
// package.
func (c Code) String() string {
	switch c {
	case NoCredentials:
		return "no_credentials"
	case InvalidRequest:
		return "invalid_request"
	case InvalidToken:
		return "invalid_token"
	case InsufficientScope:
		return "insufficient_scope"
	case Unavailable:
		return "unavailable"
	case TooManyRequests:
		return "too_many_requests"
	default:
		return "unknown"
	}
}

func (c Code) isKnown() bool { return c.String() != Code(0).String() }

// Message returns the fixed text for callers. The cause of a refusal is for
// [Config].Observe alone: it would help an attacker more than a caller.
func (c Code) Message() string {
	switch c {
	case NoCredentials:
		return "A bearer token is required."
	case InvalidRequest:
		return "The credentials are malformed."
	case InvalidToken:
		return "The access token is invalid or expired."
	case InsufficientScope:
		return "The access token does not permit this operation."
	default:
		return "The access token cannot be checked at the moment."
	}
}
