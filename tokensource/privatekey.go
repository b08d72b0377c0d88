package tokensource

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"github.com/m2mauth/m2mauth/internal/clientauth"
	"github.com/m2mauth/m2mauth/internal/redact"
)

// PrivateKeyJWT implements [Credentials] by an assertion that it signs for each
// request (RFC 7523 §2.2): the authority knows the public key, and no secret is
// sent.
type PrivateKeyJWT struct {
	// ClientID names the client. It is required.
	ClientID string

	// Key signs. It may be a handle of a key in a KMS or an HSM, which must bound
	// the time of its own calls. [ParseKey] reads one from PEM or JWK.
	Key crypto.Signer

	// KeyFile, instead of Key, is the path of a key in PEM or JWK. It is read for
	// each fetch, so that a rotated key needs no restart.
	KeyFile string

	// KeyID sets the "kid" of the assertion: that of a JWK in KeyFile if empty.
	KeyID string

	// Algorithm sets the "alg" of the assertion. If empty, that of a JWK in KeyFile
	// applies, or RS256, ES256, ES384, ES512 or EdDSA by the type of the key.
	Algorithm string

	// Audience sets the "aud" of the assertion: Config.Issuer if empty. It is never
	// taken from metadata. Ory Hydra and Entra accept only the URL of their token
	// endpoint.
	Audience string

	// Certificate, if set, is named in the assertion by its thumbprint
	// ("x5t#S256"), as Entra requires. Its key is that of Key.
	Certificate *x509.Certificate
}

// ClientAuth implements [Credentials].
func (c PrivateKeyJWT) ClientAuth() clientauth.Method {
	return checked{
		Method: clientauth.PrivateKey{ClientID: c.ClientID, Audience: c.Audience, Certificate: c.Certificate, Get: c.key},
		check:  c.check,
	}
}

func (c PrivateKeyJWT) check() (err error) {
	if (c.Key == nil) == (c.KeyFile == "") {
		return errors.New("PrivateKeyJWT: want exactly one of Key and KeyFile")
	}
	if c.Key == nil {
		return nil // the file is read when it is needed
	}
	defer func() {
		if recover() != nil { // of a nil pointer, or a key without its numbers
			err = errors.New("PrivateKeyJWT: Key is nil or incomplete")
		}
	}()
	if _, err := c.key(); err != nil {
		return fmt.Errorf("PrivateKeyJWT: %w", err)
	}
	return nil
}

// key returns the key of the moment.
func (c PrivateKeyJWT) key() (clientauth.Key, error) {
	key := clientauth.Key{Signer: c.Key}
	if c.KeyFile != "" {
		text, err := readFile(c.KeyFile)
		if err != nil {
			return key, fmt.Errorf("KeyFile: %w", err)
		}
		if key, err = clientauth.ParseKey(text); err != nil {
			return key, fmt.Errorf("KeyFile: %w", fileError(c.KeyFile, err))
		}
	}
	if c.KeyID != "" {
		key.ID = c.KeyID
	}
	if c.Algorithm != "" {
		key.Algorithm = c.Algorithm
	}
	if c.Certificate != nil {
		public, ok := c.Certificate.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
		if !ok || !public.Equal(key.Signer.Public()) {
			return key, errors.New("Certificate has another key")
		}
	}
	return key.Complete()
}

// ParseKey reads a private key, and its "kid" if it has one, from PEM (PKCS #1,
// PKCS #8 or SEC 1) or from one JWK. Its errors quote nothing of text.
func ParseKey(text []byte) (key crypto.Signer, keyID string, err error) {
	parsed, err := clientauth.ParseKey(text)
	if err != nil {
		return nil, "", fmt.Errorf("tokensource: %w", err)
	}
	return parsed.Signer, parsed.ID, nil
}

// String returns the client's name, without the key.
func (c PrivateKeyJWT) String() string { return shown("PrivateKeyJWT", c.ClientID) }

// Format implements [fmt.Formatter]: every verb prints String.
func (c PrivateKeyJWT) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c PrivateKeyJWT) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText implements [encoding.TextMarshaler].
func (c PrivateKeyJWT) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

func shown(kind, clientID string) string {
	return kind + " of client " + strconv.Quote(redact.Text(clientID))
}
