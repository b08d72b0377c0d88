package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/m2mauth/m2mauth/internal/clientauth"
)

// Signer holds the key that a client's tokens are bound to. It is safe for
// concurrent use.
type Signer struct{ current atomic.Pointer[Key] }

// NewSigner returns a Signer with a private key, or a handle of one in a KMS or an
// HSM. With a nil key it generates one for ES256, which lives as long as the
// Signer: that suits most clients, whose tokens end with the process, too.
//
// An empty algorithm is the usual one of the key: ES256, ES384, ES512, EdDSA or
// RS256.
func NewSigner(key crypto.Signer, algorithm string) (*Signer, error) {
	s := &Signer{}
	if err := s.Rotate(key, algorithm); err != nil {
		return nil, err
	}
	return s, nil
}

// Rotate replaces the key, with the arguments of [NewSigner]. Tokens that are bound
// to the old key stay bound to it: a token source uses them until it has one for
// the new key.
func (s *Signer) Rotate(key crypto.Signer, algorithm string) error {
	if key == nil {
		generated, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return fmt.Errorf("dpop: generating a key: %w", err)
		}
		key = generated
	}
	k, err := newKey(key, algorithm)
	if err != nil {
		return fmt.Errorf("dpop: %w", err)
	}
	s.current.Store(k)
	return nil
}

// Key returns the key that new tokens are to be bound to.
func (s *Signer) Key() *Key { return s.current.Load() }

// Key signs proofs. It is immutable and safe for concurrent use.
type Key struct {
	signer     crypto.Signer
	algorithm  jwa.SignatureAlgorithm
	public     jwk.Key
	thumbprint string
}

func newKey(signer crypto.Signer, algorithm string) (*Key, error) {
	complete, err := clientauth.Key{Signer: signer, Algorithm: algorithm}.Complete()
	if err != nil {
		return nil, err
	}
	alg, ok := jwa.LookupSignatureAlgorithm(complete.Algorithm)
	if !ok {
		return nil, fmt.Errorf("unknown algorithm %q", complete.Algorithm)
	}
	public, err := jwk.Import(signer.Public())
	if err != nil {
		return nil, errors.New("the public key cannot be written as a JWK")
	}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, errors.New("the public key has no thumbprint")
	}
	return &Key{signer, alg, public, base64.RawURLEncoding.EncodeToString(sum)}, nil
}

// Thumbprint returns the RFC 7638 thumbprint of the public key, as "jkt" holds it.
func (k *Key) Thumbprint() string { return k.thumbprint }

// Request describes the request that a proof is for. Always write it with field
// names.
type Request struct {
	Method string
	URL    *url.URL // its query, fragment and user info are left out

	// Token is the access token that the request carries: "" for a request for a
	// token.
	Token string

	// Nonce is the one that the server has sent last, or "" (RFC 9449 §8, §9).
	Nonce string
}

// Proof returns a new proof for one attempt of r (RFC 9449 §4.2). It is the value of
// the DPoP header. Its "iat" is now: do not keep it.
func (k *Key) Proof(r Request) (string, error) {
	claims := map[string]any{"jti": rand.Text(), "htm": r.Method, "htu": targetOf(r.URL), "iat": time.Now().Unix()}
	if r.Token != "" {
		sum := sha256.Sum256([]byte(r.Token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if r.Nonce != "" {
		claims["nonce"] = r.Nonce
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("dpop: %w", err)
	}
	header := jws.NewHeaders()
	if err := errors.Join(header.Set(jws.TypeKey, "dpop+jwt"), header.Set(jws.JWKKey, k.public)); err != nil {
		return "", fmt.Errorf("dpop: %w", err)
	}
	signed, err := jws.Sign(payload, jws.WithKey(k.algorithm, k.signer, jws.WithProtectedHeaders(header)))
	if err != nil {
		return "", fmt.Errorf("dpop: signing a proof: %w", err)
	}
	return string(signed), nil
}

// targetOf returns the URL that net/http requests for u, without query, fragment and
// user info.
func targetOf(u *url.URL) string {
	target := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	if target.Path == "" {
		target.Path = "/"
	}
	if u.Opaque == "" {
		return target.String()
	}
	// The request line has the opaque part as it is: a path, or "//", a host and a path.
	path, _, _ := strings.Cut(u.Opaque, "?")
	if rest, hasHost := strings.CutPrefix(path, "//"); hasHost {
		_, path, _ = strings.Cut(rest, "/")
		path = "/" + path
	}
	target.Path, target.RawPath = "", ""
	return target.String() + path
}
