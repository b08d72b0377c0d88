package authority

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// trusting returns a client that trusts the CA in a file alone.
func trusting(t *testing.T, ca string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("AppendCertsFromPEM(%s) = false, want a certificate", text)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestTLS: clients that trust the CA reach authority and control, also after a restart.
func TestTLS(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	var first []byte
	for range 2 {
		p := start(t, "", "-tls-ca", ca, "-hosts", "authority", "-control", "127.0.0.1:0")
		client := trusting(t, ca)
		for _, url := range []string{p.env["STYTCH_URL"], strings.Replace(p.env["STYTCH_URL"], "127.0.0.1", "localhost", 1)} {
			res, err := client.Get(url + stytchwire.KeysPath(p.env["STYTCH_PROJECT_ID"], true))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if !strings.HasPrefix(url, "https://") || res.StatusCode != 200 {
				t.Errorf("GET %s = %s, want https and 200", url, res.Status)
			}
		}
		res, err := client.Get(p.env["AUTHORITY_CONTROL"] + "/state")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 401 {
			t.Errorf("the control without credentials = %s, want 401", res.Status)
		}
		p.kill()
		text, err := os.ReadFile(ca)
		if err != nil || first != nil && string(first) != string(text) {
			t.Errorf("the CA of the second start = %s, %v; want that of the first", text, err)
		}
		first = text
	}
	for path, want := range map[string]os.FileMode{ca: 0o644, ca + ".key": 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("Stat(%s) = %v, %v; want mode %v", filepath.Base(path), info, err, want)
		}
	}
}

// TestCA: a CA can vouch for loopback and its names alone.
func TestCA(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca.pem")
	config, err := serverTLS(path, []string{"authority", "10.0.0.7"})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	roots.AppendCertsFromPEM(text)
	leaf, err := x509.ParseCertificate(config.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"authority": true, "localhost": true, "10.0.0.7": true, "127.0.0.1": true, "example.com": false} {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name})
		if got := err == nil; got != want {
			t.Errorf("Verify(%s) = %v, want %v", name, err, want)
		}
	}
	ca, err := readCA(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	ca.Leaf.PermittedDNSDomains = append(ca.Leaf.PermittedDNSDomains, "example.com")
	if covers(ca.Leaf, []string{"example.org"}) || !covers(ca.Leaf, []string{"example.com"}) {
		t.Error("covers does not compare names")
	}
	for _, names := range [][]string{{"other"}, {"10.0.0.8"}} {
		if _, err := serverTLS(path, names); err == nil || !strings.Contains(err.Error(), "other -hosts") {
			t.Errorf("serverTLS(for %v) = %v, want other -hosts", names, err)
		}
	}
	if ip := net.ParseIP("10.0.0.7"); ca.Leaf.CheckSignatureFrom(ca.Leaf) != nil || !ca.Leaf.PermittedIPRanges[0].Contains(ip) {
		t.Errorf("PermittedIPRanges = %v, want 10.0.0.7", ca.Leaf.PermittedIPRanges)
	}
	if err := os.Remove(path + ".key"); err != nil {
		t.Fatal(err)
	}
	if _, err := serverTLS(path, nil); err == nil || !strings.Contains(err.Error(), "no certificate with its key") || strings.Contains(err.Error(), path) {
		t.Errorf("serverTLS(without the key) = %v, want an error without the path", err)
	}
}
