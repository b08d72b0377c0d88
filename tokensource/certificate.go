package tokensource

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/m2mauth/m2mauth/internal/clientauth"
)

// Certificate implements [Credentials] by a TLS client certificate (RFC 8705).
// With Config.Issuer, the token endpoint is that of the metadata's
// mtls_endpoint_aliases, if there is one.
//
// An authority may bind the token to the certificate. The transport to the
// services, the base of [Source.RoundTripper], must then present it as well.
type Certificate struct {
	// ClientID names the client. It is required.
	ClientID string

	// Pair holds the certificate with its key.
	Pair *tls.Certificate

	// CertFile and KeyFile, instead of Pair, are the paths of certificate and key
	// in PEM. They are read for each fetch, so that a renewed certificate needs no
	// restart.
	CertFile, KeyFile string
}

// ClientAuth implements [Credentials].
func (c Certificate) ClientAuth() clientauth.Method {
	return clientauth.Certificate{ClientID: c.ClientID, Get: c.pair, Mistake: c.check()}
}

func (c Certificate) check() error {
	files := c.CertFile != "" || c.KeyFile != ""
	switch {
	case (c.Pair != nil) == files, files && (c.CertFile == "" || c.KeyFile == ""):
		return errors.New("Certificate: want either Pair, or CertFile and KeyFile")
	case c.Pair != nil && (len(c.Pair.Certificate) == 0 || c.Pair.PrivateKey == nil):
		return errors.New("Certificate: Pair has no certificate or no key")
	}
	return nil
}

func (c Certificate) pair() (*tls.Certificate, error) {
	if c.Pair != nil {
		return c.Pair, nil
	}
	cert, err := readFile(c.CertFile)
	if err != nil {
		return nil, fmt.Errorf("Certificate: CertFile: %w", err)
	}
	key, err := readFile(c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("Certificate: KeyFile: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("Certificate: %w", err)
	}
	return &pair, nil
}

// String returns the client's name, without the key.
func (c Certificate) String() string { return shown("Certificate", c.ClientID) }

// Format implements [fmt.Formatter]: every verb prints String.
func (c Certificate) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c Certificate) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText implements [encoding.TextMarshaler].
func (c Certificate) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
