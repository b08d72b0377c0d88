package tokensource

import (
	"crypto/tls"
	"errors"
	"net/http"

	"github.com/m2mauth/m2mauth/internal/clientauth"
	"github.com/m2mauth/m2mauth/internal/outbound"
)

// maxIdle is how many connections are kept: there is one fetch at a time.
const maxIdle = 2

var errNoCertificate = errors.New("Config.Transport can't present the client certificate: " +
	"want an *http.Transport without DialTLSContext, or nil")

// newTransport returns the transport to the authority, and whether it is the
// source's own. If method is a certificate, the transport is a copy that presents
// it.
func newTransport(configured http.RoundTripper, method clientauth.Method) (transport http.RoundTripper, own bool, err error) {
	if configured == nil {
		configured, own = outbound.NewTransport(maxIdle), true
	}
	p, ok := clientauth.PresenterOf(method)
	if !ok {
		return configured, own, nil
	}
	t, ok := configured.(*http.Transport)
	// With DialTLSContext, TLSClientConfig has no effect.
	//lint:ignore SA1019 DialTLS is deprecated, and still set by some programs
	if !ok || t.DialTLSContext != nil || t.DialTLS != nil {
		return nil, false, errNoCertificate
	}
	if !own {
		t = t.Clone()
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{}
	}
	t.TLSClientConfig.Certificates = nil
	t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return p.ClientCertificate()
	}
	return t, true, nil
}
