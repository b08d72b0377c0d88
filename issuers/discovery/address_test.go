package discovery

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
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

// TestGuardedTransport: the transport in the resulting issuer, which fetches
// the keys later, is as strict as that for the metadata.
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
