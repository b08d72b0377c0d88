package tokensource_test

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/tokensource"
)

// tlsAuthority issues tokens to clients with a certificate, over TLS.
type tlsAuthority struct {
	*httptest.Server
	pair tlstest.Pair

	mu     sync.Mutex
	accept string // thumbprint: any if empty
	seen   []string
	proto  string
	after  func() // of a request
}

func newTLSAuthority(t *testing.T) *tlsAuthority {
	a := &tlsAuthority{pair: tlstest.New(t)}
	a.Server = httptest.NewUnstartedServer(a)
	a.EnableHTTP2 = true
	a.TLS = a.pair.ServerConfig()
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

func (a *tlsAuthority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
		fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":%q,"mtls_endpoint_aliases":{"token_endpoint":%q}}`, a.URL, a.URL+"/token", a.URL+"/mtls/token")
		return
	}
	print := ""
	if len(r.TLS.PeerCertificates) > 0 {
		print = tlstest.Pair{Leaf: r.TLS.PeerCertificates[0]}.Thumbprint()
	}
	a.seen = append(a.seen, r.URL.Path+" "+r.FormValue("client_id")+" "+print)
	a.proto = r.Proto
	if a.after != nil {
		a.after()
	}
	if print == "" || a.accept != "" && print != a.accept {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client"}`)
		return
	}
	fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":3600}`, len(a.seen))
}

func (a *tlsAuthority) requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen
}

func TestCertificate(t *testing.T) {
	client := tlstest.New(t)
	for _, tt := range []struct {
		name   string
		issuer bool
		want   string
	}{
		{"a token URL", false, "/token worker " + client.Thumbprint()},
		{"the alias of the metadata", true, "/mtls/token worker " + client.Thumbprint()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newTLSAuthority(t)
			transport := &http.Transport{TLSClientConfig: a.pair.ClientConfig(nil), ForceAttemptHTTP2: true}
			config := tokensource.Config{
				Credentials: tokensource.Certificate{ClientID: clientID, Pair: &client.Certificate}, Transport: transport,
			}
			if config.TokenURL = a.URL + "/token"; tt.issuer {
				config.TokenURL, config.Issuer = "", a.URL
			}
			s := must(tokensource.New(config))
			defer s.Close()
			token(t, s)
			if got := a.requests(); len(got) != 1 || got[0] != tt.want || a.proto != "HTTP/2.0" {
				t.Errorf("requests %q by %s, want %q by HTTP/2.0", got, a.proto, tt.want)
			}
			if transport.TLSClientConfig.GetClientCertificate != nil {
				t.Error("the configured Transport was changed")
			}
		})
	}
}

// TestCertificateRenewed: a certificate that was renewed between reading and
// connecting, or while a connection was open, is presented at the second attempt.
func TestCertificateRenewed(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	store := func(p tlstest.Pair) {
		write(t, certFile, encode("CERTIFICATE", p.Leaf.Raw))
		write(t, keyFile, encode("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(p.PrivateKey.(crypto.Signer)))))
	}
	old, renewed := tlstest.New(t), tlstest.New(t)
	store(old)
	a := newTLSAuthority(t)
	s := must(tokensource.New(tokensource.Config{
		TokenURL: a.URL + "/token", Credentials: tokensource.Certificate{ClientID: clientID, CertFile: certFile, KeyFile: keyFile},
		Transport: &http.Transport{TLSClientConfig: a.pair.ClientConfig(nil)},
	}))
	defer s.Close()
	first := token(t, s)
	a.mu.Lock()
	a.accept = renewed.Thumbprint()
	a.after = func() { store(renewed) }
	a.mu.Unlock()
	if got, err := s.Replaced(t.Context(), orders, first, 0); !got || err != nil {
		t.Fatalf("Replace() = %v, %v, want a token", got, err)
	}
	got := a.requests()
	if len(got) != 3 || !strings.HasSuffix(got[1], old.Thumbprint()) || !strings.HasSuffix(got[2], renewed.Thumbprint()) {
		t.Errorf("requests %q, want the old certificate twice, then the renewed one", got)
	}
}

func TestCertificateMistakes(t *testing.T) {
	pair := tlstest.New(t).Certificate
	good := tokensource.Certificate{ClientID: "x", Pair: &pair}
	for _, tt := range []struct {
		name      string
		c         tokensource.Certificate
		transport http.RoundTripper
		want      string
	}{
		{"no client", tokensource.Certificate{Pair: &pair}, nil, "ClientID is empty"},
		{"nothing", tokensource.Certificate{ClientID: "x"}, nil, "want either Pair, or CertFile and KeyFile"},
		{"both", tokensource.Certificate{ClientID: "x", Pair: &pair, CertFile: "a", KeyFile: "b"}, nil, "want either Pair"},
		{"one file", tokensource.Certificate{ClientID: "x", CertFile: "a"}, nil, "want either Pair"},
		{"no key", tokensource.Certificate{ClientID: "x", Pair: &tls.Certificate{Certificate: pair.Certificate}}, nil, "no certificate or no key"},
		{"a transport of another type", good, &authority{}, "Transport can't present the client certificate"},
		{"a transport that connects by itself", good, &http.Transport{
			DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return nil, errBoom },
		}, "Transport can't present the client certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tokensource.New(tokensource.Config{TokenURL: tokenURL, Credentials: tt.c, Transport: tt.transport})
			wantError(t, "New", err, tt.want)
		})
	}
	s := must(tokensource.New(tokensource.Config{TokenURL: tokenURL, Credentials: good}))
	s.Close()
	_, err := tokensource.New(tokensource.Config{Credentials: good, Transport: &authority{}})
	wantError(t, "New", err, "Transport can't present the client certificate")
	wantError(t, "New", err, "no TokenURL") // all at once
	missing := must(tokensource.New(tokensource.Config{
		TokenURL: tokenURL, Credentials: tokensource.Certificate{ClientID: "x", CertFile: "/none", KeyFile: "/none"},
	}))
	defer missing.Close()
	_, err = missing.Token()
	wantError(t, "Token()", err, `CertFile: "/none": no such file`)
}
