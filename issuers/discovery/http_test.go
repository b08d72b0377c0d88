package discovery_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/issuers/discovery"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestPlainHTTP: the rule is that of Issuer.JWKSURL, and an https issuer can't
// be downgraded by its metadata.
func TestPlainHTTP(t *testing.T) {
	for _, tt := range []struct {
		name     string
		issuer   string
		keys     string
		insecure bool
		want     discovery.Reason // "": no error
	}{
		{"on loopback", "http://localhost:8080/realms/r", "http://localhost:8080/keys", false, ""},
		{"with keys by https", "http://127.0.0.1:8080", "https://keys.example.com", false, ""},
		{"elsewhere", "http://auth.internal", "http://auth.internal/keys", false, discovery.MalformedURL},
		{"elsewhere with InsecureHTTP", "http://auth.internal", "http://auth.internal/keys", true, ""},
		{"keys elsewhere", "http://localhost:8080", "http://auth.internal/keys", false, discovery.MalformedURL},
		{"keys elsewhere with InsecureHTTP", "http://localhost:8080", "http://auth.internal/keys", true, ""},
		{"a downgrade", "https://auth.example.com", "http://auth.example.com/keys", false, discovery.MalformedURL},
		{"a downgrade to loopback", "https://auth.example.com", "http://localhost/keys", false, discovery.MalformedURL},
		{"a downgrade with InsecureHTTP", "https://auth.example.com", "http://auth.example.com/keys", true, ""},
		{"another scheme", "https://auth.example.com", "file:///keys", true, discovery.MalformedURL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			serve := transport(func(r *http.Request) (*http.Response, error) {
				w := httptest.NewRecorder()
				fmt.Fprintf(w, `{"issuer": %q, "jwks_uri": %q}`, tt.issuer, tt.keys)
				return w.Result(), nil
			})
			opts := &discovery.Options{
				Audiences: []string{api},
				JWKS:      verifier.JWKSOptions{Transport: serve, InsecureHTTP: tt.insecure},
			}
			iss, report, err := discovery.Issuer(t.Context(), tt.issuer, opts)
			if tt.want != "" {
				wantOnly(t, err, tt.want)
				return
			}
			if err != nil || iss.JWKSURL != tt.keys || !strings.HasPrefix(report.MetadataURL, tt.issuer) {
				t.Fatalf("Issuer(%q) = %q, %q, %v, want %q", tt.issuer, iss.JWKSURL, report.MetadataURL, err, tt.keys)
			}
			// The verifier agrees.
			v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{iss}})
			if err != nil {
				t.Fatal(err)
			}
			v.Close()
		})
	}
}

// TestLoopback: a local authority needs AllowPrivate, with either scheme.
func TestLoopback(t *testing.T) {
	s := httptest.NewServer(nil)
	defer s.Close()
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer": %q, "jwks_uri": "%[1]s/keys"}`, s.URL)
	})
	if _, _, err := discovery.Issuer(t.Context(), s.URL, &discovery.Options{AllowPrivate: true}); err != nil {
		t.Errorf("Issuer(%q) = %v", s.URL, err)
	}
	_, _, err := discovery.Issuer(t.Context(), s.URL, nil)
	wantOnly(t, err, discovery.PrivateAddress)
}
