package gateway

import (
	"net/netip"
	"time"
)

// Answer describes the response to a token request. It holds no token, and of a secret
// at most the last four characters.
type Answer struct {
	ClientID string        // from the request, quoted and cut unless plain; "" if it was not read
	Addr     netip.Addr    // as the limits count it: IPv6 by its /64
	Status   int           // the HTTP status
	Code     string        // the error code, such as "invalid_client" (RFC 6749 §5.2); "" for a token
	Err      error         // the cause of a refusal; nil for a token
	Took     time.Duration // until the response was ready

	// SecretLastFour holds the last four characters of the secret that a token was
	// issued for. During a rotation, it tells which secret the client uses: complete
	// the rotation when no instance's Answers show M2MClient.SecretLastFour anymore.
	// It is "" for a refusal, whose secret may belong to something else, and for
	// secrets of fewer than 8 characters.
	SecretLastFour string

	Scopes    []string  // that were granted; nil for a refusal
	Expires   time.Time // of the token, by its expires_in; zero for a refusal
	RequestID string    // Stytch's, for its support; "" if Stytch did not respond with one

	// FailedFrom counts the addresses from which authentication as ClientID failed within
	// the last hour, if this one did and there were 5 or more: up to 8. Somebody may be
	// guessing the client's secret from many addresses, or a customer has deployed an
	// old one widely. It is 0 otherwise. Each process counts for itself.
	FailedFrom int

	// LimiterErr reports that Limiter failed, so that the limits of this process alone
	// applied. It is nil nearly always.
	LimiterErr error

	// Warning is "" nearly always. It reports that all requests so far came from one
	// private address, which is probably a proxy's, or that a token has another "iss"
	// than TokenEndpointOptions.Issuer.
	Warning string
}

// warn adds a warning. "" is none.
func (a *Answer) warn(text string) {
	if a.Warning != "" && text != "" {
		text = a.Warning + "; " + text
	}
	if text != "" {
		a.Warning = text
	}
}
