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
}

// errNilFunc completes the mistakes of a configuration.
var errNilFunc = errors.New("field Credentials: the function is nil: want one that returns an assertion")

// Check implements [Method].
func (a Assertion) Check(Server) error {
	if a.Get == nil {
		return errNilFunc
	}
	return nil
}

// Authenticate implements [Method].
func (a Assertion) Authenticate(ctx context.Context, _ Server, r *Request) (Used, error) {
	text, used, err := get(ctx, a.Get)
	used.ClientID = a.ClientID
	if err == nil {
		setAssertion(r, a.ClientID, text)
	}
	return used, err
}

// Grant exchanges a JWT for a token (RFC 7523 §2.1).
type Grant struct {
	// Get returns the JWT of the moment.
	Get func(context.Context) (string, error)

	// Client authenticates the client beside it: not at all if nil (RFC 7521
	// §4.1).
	Client Method
}

// Check implements [Method].
func (g Grant) Check(s Server) error {
	var errs []error
	if g.Get == nil {
		errs = append(errs, errNilFunc)
	}
	if _, ok := g.Client.(Grant); ok {
		errs = append(errs, errors.New("JWTBearer: another JWTBearer can't authenticate its client"))
	} else if g.Client != nil {
		errs = append(errs, g.Client.Check(s))
	}
	return errors.Join(errs...)
}

// Authenticate implements [Method].
func (g Grant) Authenticate(ctx context.Context, s Server, r *Request) (Used, error) {
	text, used, err := get(ctx, g.Get)
	if err != nil {
		return used, err
	}
	r.Form.Set("grant_type", grantJWTBearer)
	r.Form.Set("assertion", text)
	if g.Client == nil {
		return used, nil
	}
	client, err := g.Client.Authenticate(ctx, s, r)
	client.Secrets = append(client.Secrets, used.Secrets...)
	client.Version = version(string(used.Version[:]), string(client.Version[:]))
	return client, err
}

// get calls f and checks what it returns.
func get(ctx context.Context, f func(context.Context) (string, error)) (string, Used, error) {
	text, err := f(ctx)
	used := Used{Version: version(text)}
	if text != "" {
		used.Secrets = []string{text}
	}
	switch {
	case err != nil:
		return "", used, err
	case text == "" || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }):
		return "", used, errors.New("the assertion is empty, or holds spaces or bytes that are no printable ASCII")
	case len(text) > maxAssertion:
		return "", used, fmt.Errorf("the assertion has %d bytes: want at most %d", len(text), maxAssertion)
	}
	return text, used, nil
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
