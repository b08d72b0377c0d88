package issuers

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/verifier"
)

// serviceAccountDir is the directory in which the kubelet mounts a pod's CA and
// token.
const serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// inCluster makes iss fetch its keys from the API server of the pod's own cluster.
func (m *mistakes) inCluster(iss *verifier.Issuer, dir string) {
	t := &podTransport{caFile: filepath.Join(dir, "ca.crt"), tokenFile: filepath.Join(dir, "token")}
	if err := t.readCA(); err != nil {
		m.add("InCluster: this is no pod, or one without automountServiceAccountToken: %v", err)
	} else if t.next == nil {
		m.add("InCluster: ca.crt in %s holds no certificate", dir)
	}
	iss.JWKSURL = "https://kubernetes.default.svc/openid/v1/jwks"
	iss.JWKS.Transport = t
}

// podTransport sends requests with the pod's token and trusts the cluster's CA.
// The kubelet replaces both files from time to time, so that each request reads
// them again. The verifier sends it one URL and follows no redirects: nobody else
// receives the token.
type podTransport struct {
	caFile, tokenFile string

	mu   sync.Mutex
	ca   []byte          // that next trusts
	next *http.Transport // nil before the first good CA
}

func (t *podTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := os.ReadFile(t.tokenFile)
	if err != nil {
		return nil, err
	}
	next, err := t.transport()
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context()) // a RoundTripper must not change its request
	r.Header.Set("Authorization", "Bearer "+string(bytes.TrimSpace(token)))
	return next.RoundTrip(r)
}

// transport returns a transport that trusts the current CA. While the file can't
// be read or holds no certificate, the CA that was read last is trusted.
func (t *podTransport) transport() (*http.Transport, error) {
	err := t.readCA()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == nil {
		return nil, errors.Join(errNoCA, err)
	}
	return t.next, nil
}

var errNoCA = errors.New("ca.crt holds no certificate")

// readCA reads the CA and makes a new transport if it has changed.
func (t *podTransport) readCA() error {
	pem, err := os.ReadFile(t.caFile)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next != nil && bytes.Equal(pem, t.ca) {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil
	}
	t.ca = pem
	t.next = outbound.NewDirectTransport(&tls.Config{RootCAs: pool}, nil)
	return nil
}
