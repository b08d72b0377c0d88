package httpmw_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
)

// TestMutualTLS: a token that is bound to a certificate serves the one who
// proves that certificate in the handshake, over HTTP/1.1 and HTTP/2, and
// nobody else (RFC 8705 §3).
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
