package issuers

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/verifier"
)

func TestIsPublic(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "172.15.255.255": true, "172.32.0.0": true, "100.63.255.255": true, "100.128.0.0": true,
		"192.0.1.0": true, "198.17.255.255": true, "198.20.0.0": true, "223.255.255.255": true,
		"2606:4700::1111": true, "2001:4860:4860::8888": true, "2001:200::": true, "2a00::1": true,
		"::ffff:8.8.8.8": true, "64:ff9b::808:808": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "100.127.255.255": false, "127.0.0.1": false,
		"127.255.255.255": false, "169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false, "192.0.0.170": false,
		"192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false, "198.18.0.1": false, "198.19.255.255": false,
		"198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.255.255.255": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::127.0.0.1": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b:1::808:808": false, "100::1": false, "2001::1": false, "2001:2::1": false,
		"2001:db8::1": false, "2002:7f00:1::": false, "3fff::1": false, "4000::1": false, "fc00::1": false, "fd00:ec2::254": false,
		"fe80::1": false, "fe80::1%eth0": false, "2606:4700::1111%eth0": false, "fec0::1": false, "ff02::1": false,
	} {
		if got := isPublic(netip.MustParseAddr(addr)); got != want {
			t.Errorf("isPublic(%s) = %v", addr, got)
		}
	}
	if isPublic(netip.Addr{}) {
		t.Error("the zero Addr is public")
	}
}

// TestGuardedTransport: the keys are fetched by the transport that is left in
// the issuer, long after the metadata were; it is as strict.
func TestGuardedTransport(t *testing.T) {
	served := 0
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
	defer s.Close()
	req := httptest.NewRequest("GET", s.URL, nil)
	if _, err := newTransport(nil, false).RoundTrip(req); !errors.Is(err, PrivateAddress) {
		t.Errorf("error %v, want %s", err, PrivateAddress)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	res, err := newTransport(roots, true).RoundTrip(req)
	if err != nil || served != 1 {
		t.Fatalf("served %d, error %v", served, err)
	}
	res.Body.Close()
	for _, address := range []string{"", "8.8.8.8", "example.com:443", "[fe80::1%eth0]:443"} {
		if checkAddress(address) == nil {
			t.Errorf("checkAddress(%q) admits it", address)
		}
	}
}

// TestInCluster: the pod's CA is trusted, and the token that is there when it
// is needed is presented.
func TestInCluster(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Authorization"))
	}))
	defer s.Close()
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := mistakes{preset: "Kubernetes"}
	write("ca.crt", []byte("none"))
	if m.inCluster(&verifier.Issuer{}, dir); len(m.errs) != 1 || !strings.Contains(m.errs[0].Error(), "no certificate") {
		t.Errorf("a CA file without certificate: %v", m.errs)
	}

	write("ca.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	var iss verifier.Issuer
	m = mistakes{preset: "Kubernetes"}
	if m.inCluster(&iss, dir); len(m.errs) != 0 {
		t.Fatal(m.errs)
	}
	if iss.JWKSURL != "https://kubernetes.default.svc/openid/v1/jwks" {
		t.Errorf("keys at %s", iss.JWKSURL)
	}
	client := &http.Client{Transport: iss.JWKS.Transport}
	if res, err := client.Get(s.URL); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no token: %v, error %v", res, err)
	}
	for _, token := range []string{"first", "second"} {
		write("token", []byte(token+"\n"))
		res, err := client.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 100)
		n, _ := res.Body.Read(body)
		res.Body.Close()
		if got := string(body[:n]); got != "Bearer "+token {
			t.Errorf("presented %q", got)
		}
	}
}

// TestInClusterCA: the cluster's CA is replaced while the pod runs. The one of
// the moment is trusted, and the last good one while the file has none.
func TestInClusterCA(t *testing.T) {
	first, second := tlstest.New(t), tlstest.New(t)
	var current atomic.Pointer[tls.Certificate]
	current.Store(&first.Certificate)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*current.Load()}}, nil
	}}
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ca := func(p tlstest.Pair) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Leaf.Raw})
	}
	write("token", []byte("token"))
	write("ca.crt", ca(first))
	m, iss := mistakes{preset: "Kubernetes"}, verifier.Issuer{}
	if m.inCluster(&iss, dir); len(m.errs) != 0 {
		t.Fatal(m.errs)
	}
	for _, step := range []struct {
		name   string
		file   []byte // nil for none
		server tlstest.Pair
		good   bool
	}{
		{"the first CA", ca(first), first, true},
		{"the server has another", ca(first), second, false},
		{"both are trusted", append(ca(first), ca(second)...), second, true},
		{"the second alone", ca(second), second, true},
		{"the first is trusted no longer", ca(second), first, false},
		{"a file without certificate", []byte("none"), second, true},
		{"no file", nil, second, true},
	} {
		current.Store(&step.server.Certificate)
		if step.file != nil {
			write("ca.crt", step.file)
		} else if err := os.Remove(filepath.Join(dir, "ca.crt")); err != nil {
			t.Fatal(err)
		}
		res, err := iss.JWKS.Transport.RoundTrip(httptest.NewRequest("GET", s.URL, nil))
		if err == nil {
			res.Body.Close()
		}
		if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); (err == nil) != step.good || !step.good && !unknown {
			t.Errorf("%s: error %v, want none: %t", step.name, err, step.good)
		}
	}
}
