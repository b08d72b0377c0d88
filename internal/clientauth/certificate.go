package clientauth

import (
	"context"
	"crypto/tls"
	"errors"
)

// Presenter authenticates by the certificate of the connection
// (RFC 8705): the transport must present it.
type Presenter interface {
	Method
	ClientCertificate() (*tls.Certificate, error)
}

// PresenterOf returns the Presenter that m is, or that authenticates the client
// beside m.
func PresenterOf(m Method) (Presenter, bool) {
	if g, ok := m.(Grant); ok {
		m = g.Client
	}
	p, ok := m.(Presenter)
	return p, ok
}

// Certificate authenticates with a TLS client certificate (RFC 8705 §2).
type Certificate struct {
	ClientID string
	Get      func() (*tls.Certificate, error)
	Mistake  error // for Check
}

// Check implements [Method].
func (c Certificate) Check(Server) error {
	if c.ClientID == "" {
		return errors.Join(errors.New("Certificate: ClientID is empty"), c.Mistake)
	}
	return c.Mistake
}

// Authenticate implements [Method]. The form names the client (RFC 8705 §2): a
// certificate alone does not.
func (c Certificate) Authenticate(_ context.Context, _ Server, r *Request) (Used, error) {
	used := Used{ClientID: c.ClientID}
	cert, err := c.ClientCertificate()
	if err != nil {
		return used, err
	}
	used.Version = version(c.ClientID, string(cert.Certificate[0]))
	r.Form.Set("client_id", c.ClientID)
	return used, nil
}

// ClientCertificate implements [Presenter].
func (c Certificate) ClientCertificate() (*tls.Certificate, error) {
	cert, err := c.Get()
	if err == nil && (cert == nil || len(cert.Certificate) == 0) {
		err = errors.New("Certificate: no certificate")
	}
	return cert, err
}
