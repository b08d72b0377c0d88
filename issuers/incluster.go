package issuers

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"

	"github.com/m2mauth/m2mauth/verifier"
)

// serviceAccountDir is where the kubelet mounts a pod's CA and token.
const serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// inCluster has the keys fetched from the API server of the own cluster.
func (m *mistakes) inCluster(iss *verifier.Issuer, dir string) {
	pem, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	pool := x509.NewCertPool()
	if err == nil && !pool.AppendCertsFromPEM(pem) {
		m.add("InCluster: ca.crt in %s holds no certificate", dir)
	}
	if err != nil {
		m.add("InCluster: this is no pod, or one without automountServiceAccountToken: %v", err)
	}
	iss.JWKSURL = "https://kubernetes.default.svc/openid/v1/jwks"
	iss.JWKS.Transport = &podTransport{
		tokenFile: filepath.Join(dir, "token"),
		next: &http.Transport{
			TLSClientConfig:        &tls.Config{RootCAs: pool},
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true, // between two fetches lie minutes
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// podTransport presents the pod's token, which the kubelet replaces from time
// to time. It serves one URL only, and the verifier follows no redirects, so
// the token goes to nobody else.
type podTransport struct {
	tokenFile string
	next      http.RoundTripper
}

func (t *podTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := os.ReadFile(t.tokenFile)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context()) // a RoundTripper must not change its request
	r.Header.Set("Authorization", "Bearer "+string(bytes.TrimSpace(token)))
	return t.next.RoundTrip(r)
}
