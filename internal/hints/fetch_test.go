package hints

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/jwks"
)

// fetched fetches a key set, and returns its error. Nothing of the environment, such as
// a proxy, is in the way.
func fetched(t *testing.T, url string, transport *http.Transport, limit time.Duration) error {
	t.Helper()
	if transport == nil {
		transport = &http.Transport{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	_, err := jwks.FromURL(url, transport, 1<<16)(ctx, "")
	if err == nil {
		t.Errorf("FromURL(%s) = nil, want an error", url)
	}
	return err
}

// raw returns the address of a server that answers each connection by text, and then
// closes it.
func raw(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1024))
			_, _ = conn.Write([]byte(text))
			conn.Close()
		}
	}()
	return l.Addr().String()
}

// hanging returns the address of a server that accepts connections and says nothing.
func hanging(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// TestFetch: what usually keeps keys from being fetched, each by a real client of a
// server that is set up so, has its own hint.
func TestFetch(t *testing.T) {
	status := func(code int) error {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "https://auth.example.com/elsewhere")
			w.WriteHeader(code)
		}))
		t.Cleanup(server.Close)
		return fetched(t, server.URL, nil, 5*time.Second)
	}
	quiet := log.New(io.Discard, "", 0)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	t.Cleanup(secure.Close)
	trust := func(change func(*tls.Config)) *http.Transport {
		roots := x509.NewCertPool()
		roots.AddCert(secure.Certificate())
		cfg := &tls.Config{RootCAs: roots}
		change(cfg)
		return &http.Transport{TLSClientConfig: cfg}
	}
	mutual := httptest.NewUnstartedServer(http.NotFoundHandler())
	mutual.Config.ErrorLog = quiet
	mutual.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	mutual.StartTLS()
	t.Cleanup(mutual.Close)
	mutualRoots := x509.NewCertPool()
	mutualRoots.AddCert(mutual.Certificate())
	proxy := func(answer string) *http.Transport {
		return &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: raw(t, answer)})}
	}
	const host = "https://auth.example.com/keys"
	for _, tt := range []struct {
		name string
		err  error
		want string // the beginning of the hint
	}{
		{"none", nil, ""},
		{"301", status(301), "redirects are not followed"},
		{"308", status(308), "redirects are not followed"},
		{"400", status(400), "no key set at this address"},
		{"401", status(401), "the key set is public at every authority"},
		{"403", status(403), "the key set is public at every authority"},
		{"404", status(404), "no key set at this address"},
		{"429", status(429), "the authority fails"},
		{"503", status(503), "the authority fails"},
		{"a certificate of another CA", fetched(t, secure.URL, nil, 5*time.Second), "the TLS connection fails: a private CA"},
		{"a certificate for another name", fetched(t, secure.URL, trust(func(c *tls.Config) { c.ServerName = "auth.example.org" }), 5*time.Second),
			"the TLS connection fails: a private CA"},
		{"a certificate that has expired", fetched(t, secure.URL, trust(func(c *tls.Config) { c.Time = func() time.Time { return time.Now().AddDate(90, 0, 0) } }), 5*time.Second),
			"the authority's certificate has expired, or is not valid yet: is this machine's clock right?"},
		{"a certificate that is not valid yet", fetched(t, secure.URL, trust(func(c *tls.Config) { c.Time = func() time.Time { return time.Unix(-1, 0) } }), 5*time.Second),
			"the authority's certificate has expired, or is not valid yet: is this machine's clock right?"},
		{"a server that wants a certificate", fetched(t, mutual.URL, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: mutualRoots}}, 5*time.Second),
			"the server refuses the TLS connection"},
		{"TLS from a plain server", fetched(t, "https://"+raw(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), nil, 5*time.Second), "this port serves http without TLS"},
		{"a connection that is closed", fetched(t, "http://"+raw(t, ""), nil, 5*time.Second), "the connection is closed without an answer"},
		{"a TLS connection that is closed", fetched(t, "https://"+raw(t, ""), nil, 5*time.Second), "the connection is closed without an answer"},
		{"a connection that is reset", &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, "the connection is closed without an answer"},
		{"no route", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}, "there is no route from this machine"},
		{"a host that can't be reached", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, "there is no route from this machine"},
		{"a firewall that refuses", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EPERM)}, "there is no route from this machine"},
		{"a proxy that forbids", fetched(t, host, proxy("HTTP/1.1 403 Forbidden\r\n\r\n"), 5*time.Second), "the proxy refuses the connection"},
		{"a proxy that wants a password", fetched(t, host, proxy("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), 5*time.Second), "the proxy refuses the connection"},
		{"a proxy that fails", fetched(t, host, proxy("HTTP/1.1 502 Bad Gateway\r\n\r\n"), 5*time.Second), "the proxy refuses the connection"},
		{"a proxy with words of its own", fetched(t, host, proxy("HTTP/1.1 403 Blocked by policy 7\r\n\r\n"), 5*time.Second), "the keys can't be fetched: check Issuer.JWKSURL, HTTPS_PROXY"},
		{"a DNS server that fails", &net.OpError{Op: "dial", Err: &net.DNSError{Err: "server misbehaving", Name: "auth.example.com", IsTemporary: true}}, "DNS does not answer"},
		{"a server or a DNS server that does not answer", fetched(t, "http://"+hanging(t), nil, 100*time.Millisecond), "the authority does not answer in time"},
		{"a fetch that took too long", fmt.Errorf("x: %w", jwks.ErrTimeout), "the authority does not answer in time"},
		{"a file that does not exist", os.NewSyscallError("open", syscall.ENOENT), "the file with the keys does not exist"},
		{"a file of another user", os.NewSyscallError("open", syscall.EACCES), "this process may not read the file"},
		{"something else", errors.New("no idea"), "the keys can't be fetched: check Issuer.JWKSURL, HTTPS_PROXY"},
	} {
		if got := Fetch(tt.err); !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("Fetch(%s: %v) = %q, want %q", tt.name, tt.err, got, tt.want)
		}
	}
}
