package clientauth

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// PrivateKey authenticates with an assertion that it signs for each request (RFC
// 7523 §2.2).
type PrivateKey struct {
	ClientID    string
	Audience    string // Server.Issuer if empty
	Certificate *x509.Certificate
	Get         func() (Key, error)
}

// lifetime is short: an assertion is used at once. Keycloak accepts no more.
const lifetime = time.Minute

// Check implements [Method].
func (p PrivateKey) Check(s Server) error {
	var errs []error
	if p.ClientID == "" {
		errs = append(errs, errors.New("PrivateKeyJWT: ClientID is empty"))
	}
	if p.audience(s) == "" {
		errs = append(errs, errors.New("PrivateKeyJWT: no Audience: set it, or Config.Issuer, as the authority expects it in \"aud\""))
	}
	return errors.Join(errs...)
}

func (p PrivateKey) audience(s Server) string {
	if p.Audience != "" {
		return p.Audience
	}
	return s.Issuer
}

// Authenticate implements [Method].
func (p PrivateKey) Authenticate(_ context.Context, s Server, r *Request) (Used, error) {
	used := Used{ClientID: p.ClientID}
	key, err := p.Get()
	if err != nil {
		return used, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Signer.Public())
	if err != nil {
		return used, errors.New("the key's public half is of no known type")
	}
	used.Version = version(p.ClientID, key.ID, string(public))
	assertion, err := p.sign(key, p.audience(s))
	if err != nil {
		return used, err
	}
	used.Secrets = []string{assertion}
	setAssertion(r, p.ClientID, assertion)
	return used, nil
}

// sign makes an assertion. Its "aud" is one string: a list would make it valid
// elsewhere, too.
func (p PrivateKey) sign(key Key, audience string) (string, error) {
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": p.ClientID, "sub": p.ClientID, "aud": audience, "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(lifetime).Unix(),
	})
	if err != nil {
		return "", err
	}
	header := map[string]string{jws.TypeKey: "JWT"} // Entra wants it
	if key.ID != "" {
		header[jws.KeyIDKey] = key.ID
	}
	if p.Certificate != nil {
		sum := sha256.Sum256(p.Certificate.Raw)
		header[jws.X509CertThumbprintS256Key] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return sign(key, header, claims)
}

func sign(key Key, header map[string]string, payload []byte) (string, error) {
	alg, ok := jwa.LookupSignatureAlgorithm(key.Algorithm)
	if !ok {
		return "", fmt.Errorf("unknown algorithm %q", key.Algorithm)
	}
	protected := jws.NewHeaders()
	for name, value := range header {
		if err := protected.Set(name, value); err != nil {
			return "", err
		}
	}
	var signer crypto.Signer = key.Signer
	signed, err := jws.Sign(payload, jws.WithKey(alg, signer, jws.WithProtectedHeaders(protected)))
	if err != nil {
		return "", fmt.Errorf("signing with %s: %w", key.Algorithm, err)
	}
	return string(signed), nil
}
