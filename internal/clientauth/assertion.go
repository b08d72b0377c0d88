package clientauth

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Values of RFC 7523 §2.
const (
	typeJWTBearer  = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	grantJWTBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

const maxAssertion = 64 << 10

// Assertion authenticates with a JWT that somebody else has signed: a workload's
// own identity.
type Assertion struct {
	// ClientID goes into the request if it is set: the assertion's subject names
	// the client, too (RFC 7521 §4.2).
	ClientID string

	// Get returns the assertion of the moment.
	Get func(context.Context) (string, error)

	// Grant sends the assertion as a grant (RFC 7523 §2.1) instead of as the
	// client's authentication (§2.2).
	Grant bool
}

// Check implements [Method].
func (a Assertion) Check(Server) error {
	if a.Get == nil {
		return errors.New("Credentials: the function is nil: want one that returns an assertion")
	}
	return nil
}

// Authenticate implements [Method].
func (a Assertion) Authenticate(ctx context.Context, _ Server, r *Request) (Used, error) {
	text, err := a.Get(ctx)
	used := Used{ClientID: a.ClientID, Version: version(text)}
	if text != "" {
		used.Secrets = []string{text}
	}
	switch {
	case err != nil:
		return used, err
	case text == "" || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }):
		return used, errors.New("the assertion is empty, or holds spaces or bytes that are no printable ASCII")
	case len(text) > maxAssertion:
		return used, fmt.Errorf("the assertion has %d bytes: want at most %d", len(text), maxAssertion)
	case a.Grant:
		r.Form.Set("grant_type", grantJWTBearer)
		r.Form.Set("assertion", text)
	default:
		setAssertion(r, a.ClientID, text)
	}
	return used, nil
}

// setAssertion adds a client's assertion (RFC 7523 §2.2). Entra and others want
// the client_id beside it.
func setAssertion(r *Request, clientID, assertion string) {
	if clientID != "" {
		r.Form.Set("client_id", clientID)
	}
	r.Form.Set("client_assertion_type", typeJWTBearer)
	r.Form.Set("client_assertion", assertion)
}
