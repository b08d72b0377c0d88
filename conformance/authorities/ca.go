package authorities

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"
)

// CA issues the certificates of one test: those of its servers on 127.0.0.1, and
// those of its clients.
type CA struct {
	tb   testing.TB
	cert *x509.Certificate
	key  crypto.Signer
}

// NewCA returns a CA with a new key.
func NewCA(tb testing.TB) *CA {
	tb.Helper()
	ca := &CA{tb: tb}
	template := ca.template("m2mauth test CA")
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign
	made := ca.issue(template, nil)
	ca.cert, ca.key = made.Leaf, made.PrivateKey.(crypto.Signer)
	return ca
}

// Pool returns a pool that holds the CA alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// PEM returns the CA's certificate.
func (ca *CA) PEM() string { return certPEM(ca.cert.Raw) }

// Server returns the certificate of a server on 127.0.0.1.
func (ca *CA) Server() tls.Certificate {
	template := ca.template("127.0.0.1")
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return ca.issue(template, ca)
}

// Client returns a client certificate for a DNS name, which is its common name too.
func (ca *CA) Client(name string) tls.Certificate { return ca.issue(ca.client(name), ca) }

// SelfSigned returns a client certificate that no CA has signed.
func (ca *CA) SelfSigned(name string) tls.Certificate { return ca.issue(ca.client(name), nil) }

// Transport returns a transport that trusts the CA. It presents the certificate to
// every server that asks for one, or none if cert is nil.
func (ca *CA) Transport(cert *tls.Certificate) *http.Transport {
	config := &tls.Config{RootCAs: ca.Pool()}
	if cert != nil {
		// With Certificates instead, a self-signed one would not be sent to a server
		// that names the CAs it accepts (RFC 8446 §4.2.4).
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	transport := &http.Transport{TLSClientConfig: config}
	ca.tb.Cleanup(transport.CloseIdleConnections)
	return transport
}

func (ca *CA) client(name string) *x509.Certificate {
	template := ca.template(name)
	template.DNSNames = []string{name}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return template
}

func (ca *CA) template(name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 96))
	if err != nil {
		ca.tb.Fatal(err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

// issue signs with the key of by, or with the new certificate's own.
func (ca *CA) issue(template *x509.Certificate, by *CA) tls.Certificate {
	ca.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.tb.Fatal(err)
	}
	parent, signer := template, crypto.Signer(key)
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		ca.tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		ca.tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// pemPair returns a certificate and its key as PEM, for servers of other languages.
func (ca *CA) pemPair(cert tls.Certificate) (certificate, key string) {
	ca.tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		ca.tb.Fatal(err)
	}
	return certPEM(cert.Certificate[0]), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func certPEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
