// Package tlstest makes certificates for tests of mutual TLS on loopback.
package tlstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net"
	"testing"
	"time"
)

// Pair is a self-signed certificate with its key.
type Pair struct {
	tls.Certificate
	Leaf *x509.Certificate // parsed
}

// New returns a Pair for 127.0.0.1, for servers and clients.
func New(t *testing.T) Pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return Pair{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, leaf}
}

// Thumbprint returns the certificate's x5t#S256 (RFC 8705 §3.1).
func (p Pair) Thumbprint() string {
	sum := sha256.Sum256(p.Leaf.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ServerConfig returns the configuration of a server with the Pair. It requests
// a client certificate and accepts any: the token decides which is right.
func (p Pair) ServerConfig() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{p.Certificate},
		ClientAuth:   tls.RequestClientCert,
		NextProtos:   []string{"h2", "http/1.1"},
	}
}

// ClientConfig returns the configuration of a client that trusts the server's
// Pair p. It presents own, if that is not nil.
func (p Pair) ClientConfig(own *Pair) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(p.Leaf)
	c := &tls.Config{RootCAs: pool}
	if own != nil {
		c.Certificates = []tls.Certificate{own.Certificate}
	}
	return c
}
