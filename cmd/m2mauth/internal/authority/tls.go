package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
)

const (
	caLife     = 10 * 365 * 24 * time.Hour
	serverLife = 90 * 24 * time.Hour
	caMargin   = 24 * time.Hour // a CA that ends sooner is of no use
)

// serverTLS returns a configuration with a new certificate for loopback and names. Its
// CA is read from path and path.key, or made and written there.
func serverTLS(path string, names []string) (*tls.Config, error) {
	ca, err := readCA(path, names)
	if errors.Is(err, fs.ErrNotExist) {
		ca, err = newCA(path, names)
	}
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "m2mauth authority"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(serverLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	template.DNSNames, template.IPAddresses = split(names)
	template.DNSNames = append(template.DNSNames, "localhost")
	template.IPAddresses = append(template.IPAddresses, net.IPv4(127, 0, 0, 1), net.IPv6loopback)
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Leaf, key.Public(), ca.PrivateKey)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der, ca.Certificate[0]}, PrivateKey: key}},
		MinVersion:   tls.VersionTLS12,
	}, nil
}

// newCA creates a CA whose certificates are valid only for loopback and names (name
// constraints, RFC 5280 §4.2.1.10). If its key leaks, clients that trust it still reject
// certificates for any other host.
func newCA(path string, names []string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:                serial(),
		Subject:                     pkix.Name{CommonName: "m2mauth authority, for development"},
		NotBefore:                   now.Add(-time.Hour),
		NotAfter:                    now.Add(caLife),
		KeyUsage:                    x509.KeyUsageCertSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid:       true,
		IsCA:                        true,
		MaxPathLenZero:              true,
		PermittedDNSDomainsCritical: true,
	}
	template.PermittedDNSDomains, template.PermittedIPRanges = permitted(names)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	// The key first: a certificate without a key would be of no use.
	if err := operate.WriteFile("-tls-ca", path+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})); err != nil {
		return nil, err
	}
	if err := operate.WriteFile("-tls-ca", path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})); err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o644); err != nil { // others may trust it
		return nil, errors.New("-tls-ca: the mode of the file can't be set to 0644")
	}
	return readCA(path, names)
}

// readCA reads the CA of an earlier start. The error is fs.ErrNotExist if there is none.
func readCA(path string, names []string) (*tls.Certificate, error) {
	_, certErr := os.Stat(path)
	_, keyErr := os.Stat(path + ".key")
	if errors.Is(certErr, fs.ErrNotExist) && errors.Is(keyErr, fs.ErrNotExist) {
		return nil, fs.ErrNotExist
	}
	const again = "delete both, and let clients trust the new one"
	ca, err := tls.LoadX509KeyPair(path, path+".key")
	if err != nil { // it may repeat the path
		return nil, fmt.Errorf("-tls-ca: the file and its .key are no certificate with its key: %s", again)
	}
	switch cert := ca.Leaf; {
	case !cert.IsCA:
		return nil, errors.New("-tls-ca: the file holds no certificate of a CA: name another file")
	case time.Until(cert.NotAfter) < caMargin:
		return nil, fmt.Errorf("-tls-ca: the CA has expired: %s", again)
	case !covers(cert, names):
		return nil, fmt.Errorf("-tls-ca: the CA was made for other -hosts: %s", again)
	}
	return &ca, nil
}

// covers reports whether a CA of newCA can vouch for names.
func covers(ca *x509.Certificate, names []string) bool {
	dns, addresses := permitted(names)
	for _, name := range dns {
		if len(ca.PermittedDNSDomains) > 0 && !slices.Contains(ca.PermittedDNSDomains, name) {
			return false
		}
	}
	for _, address := range addresses {
		inRange := func(n *net.IPNet) bool { return n.Contains(address.IP) }
		if len(ca.PermittedIPRanges) > 0 && !slices.ContainsFunc(ca.PermittedIPRanges, inRange) {
			return false
		}
	}
	return true
}

func permitted(names []string) (dns []string, addresses []*net.IPNet) {
	dns, ips := split(names)
	for _, ip := range append(ips, net.IPv4(127, 0, 0, 1), net.IPv6loopback) {
		if v4 := ip.To4(); v4 != nil {
			ip = v4
		}
		addresses = append(addresses, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
	}
	return append(dns, "localhost"), addresses
}

// split separates names from addresses.
func split(names []string) (dns []string, addresses []net.IP) {
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			addresses = append(addresses, ip)
		} else {
			dns = append(dns, name)
		}
	}
	return dns, addresses
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // RFC 5280 §4.1.2.2
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return n
}
