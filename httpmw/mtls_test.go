package httpmw_test

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
)

// TestMutualTLS: a token that is bound to a certificate is accepted only
// from a caller that proves the certificate in the handshake, over HTTP/1.1
// and HTTP/2 (RFC 8705 §3).
func TestMutualTLS(t *testing.T) {
	authority, guard := newGuard(t, nil)
	serverCert, mine, other := tlstest.New(t), tlstest.New(t), tlstest.New(t)
	server := httptest.NewUnstartedServer(guard.Require(scopes.Authenticated())(named("in")))
	server.TLS = serverCert.ServerConfig()
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()

	bound := authority.Token(m2mtest.TokenSpec{Claims: map[string]any{"cnf": map[string]any{"x5t#S256": mine.Thumbprint()}}})
	for _, tt := range []struct {
		name  string
		own   *tlstest.Pair
		token string
		want  int
	}{
		{"its certificate", &mine, bound, 200},
		{"another certificate", &other, bound, 401},
		{"no certificate", nil, bound, 401},
		{"a token that is not bound", &other, authority.Token(m2mtest.TokenSpec{}), 200},
	} {
		for _, http2 := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				client := &http.Client{Transport: &http.Transport{
					TLSClientConfig: serverCert.ClientConfig(tt.own), ForceAttemptHTTP2: http2, DisableKeepAlives: true,
				}}
				req, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
				req.Header.Set("Authorization", "Bearer "+tt.token)
				res, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != tt.want || (res.ProtoMajor == 2) != http2 {
					t.Errorf("%s: %d, want %d", res.Proto, res.StatusCode, tt.want)
				}
			})
		}
	}
}

// TestInsecurePeerCertificates: without the option a header has no effect;
// with it, the proxy's header supplies the certificates.
func TestInsecurePeerCertificates(t *testing.T) {
	mine := tlstest.New(t)
	fromHeader := func(r *http.Request) ([]*x509.Certificate, error) {
		switch r.Header.Get("Client-Cert") {
		case "mine":
			return []*x509.Certificate{mine.Leaf}, nil
		case "":
			return nil, nil
		default:
			return nil, errors.New("malformed Client-Cert")
		}
	}
	for _, tt := range []struct {
		name   string
		opts   *httpmw.Options
		header string
		want   int
	}{
		{"off", nil, "mine", 401},
		{"on", &httpmw.Options{InsecurePeerCertificates: fromHeader}, "mine", 200},
		{"on, and none", &httpmw.Options{InsecurePeerCertificates: fromHeader}, "", 401},
		{"on, and malformed", &httpmw.Options{InsecurePeerCertificates: fromHeader}, "x", 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			authority, guard := newGuard(t, tt.opts)
			bound := authority.Token(m2mtest.TokenSpec{Claims: map[string]any{"cnf": map[string]any{"x5t#S256": mine.Thumbprint()}}})
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "Bearer "+bound)
			r.Header.Set("Client-Cert", tt.header)
			w := httptest.NewRecorder()
			guard.Require(scopes.Authenticated())(named("in")).ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("%d, want %d", w.Code, tt.want)
			}
		})
	}
}
