package discovery_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/m2mauth/m2mauth/issuers/discovery"
)

func ExampleIssuer() {
	// An authority in the company, with a private CA.
	authority := httptest.NewUnstartedServer(nil)
	authority.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer": "https://%s/tenant", "jwks_uri": "https://%[1]s/keys"}`, r.Host)
	})
	authority.StartTLS()
	defer authority.Close()
	roots := x509.NewCertPool()
	roots.AddCert(authority.Certificate())

	issuer, report, err := discovery.Issuer(context.Background(), authority.URL+"/tenant", &discovery.Options{
		Audiences:    []string{"https://api.example.com"},
		RootCAs:      roots,
		AllowPrivate: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.TrimPrefix(issuer.JWKSURL, authority.URL))
	for _, assumption := range report.Assumptions {
		fmt.Println(assumption)
	}
	// Output:
	// /keys
	// Accept: verifier.SubjectIsClient; check what distinguishes machines' tokens from people's and from ID tokens
	// ClientIDClaims: client_id; check which claim names the client
	// ScopeClaims: scope, then scp; check which claim holds the granted scopes
	// TokenTypes: at+jwt and JWT; check which "typ" access tokens have, if any
	// Algorithms: RS256, ES256 and EdDSA; check which algorithm signs access tokens (metadata list those of ID tokens)
}
