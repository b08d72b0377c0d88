// Package clientauth adds the authentication of a client to a request to its
// authority: a secret (RFC 6749 §2.3.1), an assertion (RFC 7523) or a
// certificate (RFC 8705).
package clientauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Server describes the authority that a client authenticates to.
type Server struct {
	// Issuer serves as the "aud" of assertions that name no audience of their own. It
	// comes from configuration: an "aud" from metadata would let the author of
	// the metadata use the assertion elsewhere.
	Issuer string

	// Methods are the token_endpoint_auth_methods_supported of the metadata: nil
	// without metadata.
	Methods []string

	// Style selects how a secret is sent: Methods decide if it is empty.
	Style Style
}

// Request holds the parts of a request that authentication changes.
type Request struct {
	Form   url.Values
	Header http.Header
}

// Used describes the credentials that a request was authenticated with.
type Used struct {
	ClientID string   // "" if unknown
	Secrets  []string // which no error may show

	// Version is equal for equal credentials. After a refusal, a second attempt
	// makes sense only with another version.
	Version [sha256.Size]byte

	// Style tells how the secret was sent, and Other how it could be sent instead.
	// Both are empty without a secret, and Other if the Style is known.
	Style, Other Style
}

// Method authenticates requests. Implementations are safe for concurrent use.
type Method interface {
	// Check returns every mistake in the configuration.
	Check(Server) error

	// Authenticate adds the credentials to r. Used is valid even if it fails.
	Authenticate(ctx context.Context, s Server, r *Request) (Used, error)
}

// Add calls m.Authenticate. It turns a panic in a user's callback into an error
// without the panic's value, which could hold the secret.
func Add(ctx context.Context, m Method, s Server, r *Request) (used Used, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("credentials panicked")
		}
	}()
	if used, err = m.Authenticate(ctx, s, r); err != nil {
		return used, fmt.Errorf("credentials: %w", err)
	}
	return used, nil
}

// version returns the Version of credentials that consist of parts.
func version(parts ...string) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}
