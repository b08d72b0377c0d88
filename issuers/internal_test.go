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
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestInCluster: the fetch trusts the pod's CA and sends the token that is
// mounted at that time.
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

// TestInClusterCA: the cluster's CA changes while the pod runs. The current
// one is trusted, or the last good one while the file has none.
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
