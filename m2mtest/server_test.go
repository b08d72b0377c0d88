package m2mtest_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestHosts: the server answers to loopback and to its Hosts, and to no other name.
func TestHosts(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{Addr: "0.0.0.0:0", Hosts: []string{"authority", "host.docker.internal"}})
	if !strings.HasPrefix(a.URL(), "http://authority:") {
		t.Errorf("URL() = %q, want http://authority: and a port", a.URL())
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(a.URL(), "http://"), ":")
	for host, want := range map[string]int{
		"authority:" + port: 200, "HOST.docker.internal": 200, "localhost:" + port: 200, "127.0.0.1": 200,
		"evil.example": 421, "authority.evil.example:" + port: 421, "10.0.0.1": 421,
	} {
		r := send(t, "GET", "http://127.0.0.1:"+port+"/v1/sessions/jwks/"+a.ProjectID(), "", func(r *http.Request) { r.Host = host })
		if r.status != want {
			t.Errorf("status for Host %q = %d, want %d", host, r.status, want)
		}
	}
}

// TestTLS: clients, verifiers and token sources work over https, with HTTP/2.
func TestTLS(t *testing.T) {
	other := httptest.NewTLSServer(nil) // for its certificate
	defer other.Close()
	a := newAuthority(t, m2mtest.Options{TLS: &tls.Config{Certificates: other.TLS.Certificates}})
	if !strings.HasPrefix(a.URL(), "https://127.0.0.1:") {
		t.Fatalf("URL() = %q, want https://127.0.0.1: and a port", a.URL())
	}
	roots := x509.NewCertPool()
	roots.AddCert(other.Certificate())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get(a.Issuer().JWKSURL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || res.ProtoMajor != 2 {
		t.Errorf("GET %s = %s %s, want HTTP/2.0 200", a.Issuer().JWKSURL, res.Proto, res.Status)
	}
}

// TestCustomDomain: its URL is the "iss" of all tokens, and the Issuer accepts it.
func TestCustomDomain(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{CustomDomain: "https://login.example.com"})
	id, secret := a.CreateClient("one")
	issued := token(t, a, id, secret).body["access_token"].(string)
	if got := payload(t, issued)["iss"]; got != "https://login.example.com" {
		t.Errorf("iss = %v, want https://login.example.com", got)
	}
	if _, err := newVerifier(t, a.Issuer()).Verify(t.Context(), issued); err != nil {
		t.Errorf("Verify(a token of the custom domain) = %v, want nil", err)
	}
}
