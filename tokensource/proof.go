package tokensource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/m2mauth/m2mauth/dpop"
)

// errBound keeps a bound token from clients that send it without a proof, as
// oauth2.NewClient would.
var errBound = errors.New("tokensource: tokens are bound to a DPoP key and need a proof: use RoundTripper, grpctoken or Credential")

// Credential holds the header fields for one attempt of a request.
type Credential struct {
	Authorization string // the value of that header field
	Proof         string // the value of the DPoP header field; "" without Config.DPoP
	AccessToken   string // within Authorization, for Replaced
	Origin        string // of the URL, for Replaced
}

// Format implements fmt.Formatter: every verb prints the origin, and neither the token
// nor the proof.
func (c Credential) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "credential for %s", c.Origin) }

// MarshalText returns the text of Format, so that JSON shows no token either.
func (c Credential) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }

// Credential returns what one attempt of a request for u carries, for transports
// that [Source.RoundTripper] does not serve. Each attempt needs its own: a service
// accepts a proof once. It waits as TokenFor does. u is absolute.
func (s *Source) Credential(ctx context.Context, method string, u *url.URL) (Credential, error) {
	o := originOf(u)
	h, err := s.heldFor(ctx, o.String())
	if err != nil {
		return Credential{}, err
	}
	proof, err := h.proof(method, u, s.nonces.get(o.String()))
	if err != nil {
		return Credential{}, err
	}
	return Credential{Authorization: h.authorization, Proof: proof, AccessToken: h.token.AccessToken, Origin: o.String()}, nil
}

// SetNonce keeps the DPoP-Nonce that the service at u has sent, for the proofs of
// later requests to it (RFC 9449 §8.2, §9). A value that is no nonce is ignored. It
// reports whether the nonce is new: then a refused request is worth repeating.
func (s *Source) SetNonce(u *url.URL, nonce string) bool {
	return s.nonces.set(originOf(u).String(), nonce)
}

// proof returns a new proof for one attempt, or "" if the token is not bound.
func (h *held) proof(method string, u *url.URL, nonce string) (string, error) {
	if h.key == nil {
		return "", nil
	}
	if method == "" {
		method = http.MethodGet
	}
	proof, err := h.key.Proof(dpop.Request{Method: method, URL: u, Token: h.token.AccessToken, Nonce: nonce})
	if err != nil {
		return "", fmt.Errorf("tokensource: %w", err)
	}
	return proof, nil
}

const (
	bearerScheme = "Bearer"
	dpopScheme   = "DPoP"
)

// scheme returns the scheme of the held token.
func (h *held) scheme() string {
	if h.key != nil {
		return dpopScheme
	}
	return bearerScheme
}

const (
	maxNonce  = 512 // bytes
	nonceName = "Dpop-Nonce"
)

// nonces holds the last nonce of each origin.
type nonces struct {
	mu       sync.Mutex
	byOrigin map[string]string
}

func (n *nonces) get(origin string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byOrigin[origin]
}

// set keeps a nonce, and reports whether it is new.
func (n *nonces) set(origin, nonce string) bool {
	if !isNonce(nonce) {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	old, known := n.byOrigin[origin]
	if old == nonce {
		return false
	}
	if n.byOrigin == nil || !known && len(n.byOrigin) >= maxOrigins {
		n.byOrigin = make(map[string]string)
	}
	n.byOrigin[origin] = nonce
	return true
}

// isNonce reports whether text is a nonce (RFC 9449 §8.1: NQCHAR).
func isNonce(text string) bool {
	if text == "" || len(text) > maxNonce {
		return false
	}
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
