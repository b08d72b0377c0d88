package issuers_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestPlainHTTP: the keys of every preset may come by plain http from loopback, and
// from another host only with InsecureHTTP.
func TestPlainHTTP(t *testing.T) {
	callers := issuers.Callers{"a/b": {}}
	// at returns a preset of which the host is fixed, with the keys of another host.
	at := func(iss verifier.Issuer, err error) func(string, verifier.JWKSOptions) (verifier.Issuer, error) {
		return func(host string, o verifier.JWKSOptions) (verifier.Issuer, error) {
			iss.Name, iss.JWKSURL, iss.JWKS = host, host+"/keys", o
			return iss, err
		}
	}
	for _, tt := range []struct {
		name string
		call func(host string, o verifier.JWKSOptions) (verifier.Issuer, error)
	}{
		{"Auth0", at(issuers.Auth0("acme.eu.auth0.com", api))},
		{"Okta", func(host string, o verifier.JWKSOptions) (verifier.Issuer, error) {
			iss, err := issuers.Okta(host+"/oauth2/default", api)
			iss.JWKS = o
			return iss, err
		}},
		{"Entra ID v2.0", at(issuers.EntraV2(tenant, apiID))},
		{"Entra ID v1.0", at(issuers.EntraV1(tenant, apiID))},
		{"Keycloak", func(host string, o verifier.JWKSOptions) (verifier.Issuer, error) {
			return issuers.Keycloak(host+"/realms/r", "reports", &issuers.KeycloakOptions{JWKS: o})
		}},
		{"Cognito", at(issuers.Cognito("eu-west-1_Ab12Cd34E", "a"))},
		{"Google", at(issuers.Google(api, issuers.Callers{"1": {}}))},
		{"GitHub Actions", at(issuers.GitHubActions(api, issuers.GitHubCaller{OwnerID: "1"}))},
		{"Zitadel", func(host string, o verifier.JWKSOptions) (verifier.Issuer, error) {
			return issuers.Zitadel(host, "1", &issuers.ZitadelOptions{JWKS: o})
		}},
		{"Kubernetes", func(host string, o verifier.JWKSOptions) (verifier.Issuer, error) {
			return issuers.Kubernetes(host, api, callers, &issuers.KubernetesOptions{JWKS: o})
		}},
		{"Kubernetes with JWKSURL", func(host string, o verifier.JWKSOptions) (verifier.Issuer, error) {
			return issuers.Kubernetes("https://k8s.example.com", api, callers, &issuers.KubernetesOptions{JWKSURL: host + "/keys", JWKS: o})
		}},
		{"Pinned", at(issuers.Pinned("https://gitlab.com", api, issuers.Pin{Claim: "project_id", ID: "1"}))},
		{"SPIFFE", func(host string, o verifier.JWKSOptions) (verifier.Issuer, error) {
			return issuers.SPIFFE("example.org", api, &issuers.SPIFFEOptions{
				Callers: issuers.Callers{"spiffe://example.org/*": {}}, BundleURL: host + "/bundle", JWKS: o,
			})
		}},
	} {
		for _, c := range []struct {
			host     string
			insecure bool
			want     string // in the error; "" for none
		}{
			{"http://127.0.0.1:8080", false, ""},
			{"http://[::1]:8080", false, ""},
			{"http://localhost:8080", false, ""},
			{"http://sso:8080", false, "https"},
			{"http://10.0.0.1", false, "https"},
			{"http://localhost.example.com", false, "https"},
			{"http://sso:8080", true, ""},
		} {
			// No network: the transport serves an empty directory.
			iss, presetErr := tt.call(c.host, verifier.JWKSOptions{InsecureHTTP: c.insecure, Transport: http.NewFileTransport(http.Dir(t.TempDir()))})
			v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{iss}})
			if err == nil {
				v.Close()
			}
			err = errors.Join(presetErr, err)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s at %s, InsecureHTTP %t: %v, want %q", tt.name, c.host, c.insecure, err, c.want)
			}
		}
	}
}
