package tokensource_test

import (
	"crypto/x509"
	"log"
	"os"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/tokensource"
)

// keep uses a source for as long as the program runs.
func keep(*tokensource.Source, error) {}

// Auth0 issues a token for one API, named by the parameter "audience". Its issuer
// ends with a slash.
func ExampleConfig_auth0() {
	keep(tokensource.New(tokensource.Config{
		Issuer:      "https://acme.eu.auth0.com/",
		Credentials: tokensource.SecretEnv("AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"),
		Audience:    []string{"https://orders.example.com"},
	}))
}

// Microsoft Entra wants a certificate's thumbprint in the assertion, PS256, and
// its token endpoint as the audience. The scope names the API.
func ExamplePrivateKeyJWT_entra() {
	const tokenURL = "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/oauth2/v2.0/token"
	der, err := os.ReadFile("/var/run/secrets/worker/tls.der")
	if err != nil {
		log.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	keep(tokensource.New(tokensource.Config{
		TokenURL: tokenURL,
		Credentials: tokensource.PrivateKeyJWT{
			ClientID:    "00001111-aaaa-2222-bbbb-3333cccc4444",
			KeyFile:     "/var/run/secrets/worker/tls.key",
			Certificate: certificate,
			Algorithm:   "PS256",
			Audience:    tokenURL,
		},
		Scopes: []string{"api://orders/.default"},
	}))
}

// A workload of Kubernetes authenticates to Microsoft Entra by its projected token
// (a federated credential), without any secret.
func ExampleClientAssertion_entra() {
	keep(tokensource.New(tokensource.Config{
		TokenURL: os.Getenv("AZURE_AUTHORITY_HOST") + os.Getenv("AZURE_TENANT_ID") + "/oauth2/v2.0/token",
		Credentials: tokensource.ClientAssertion(os.Getenv("AZURE_CLIENT_ID"),
			tokensource.AssertionFile(os.Getenv("AZURE_FEDERATED_TOKEN_FILE"))),
		Scopes: []string{"api://orders/.default"},
	}))
}

// A job of GitHub Actions with the permission "id-token: write" authenticates by
// its ID token.
func ExampleGitHubActions() {
	keep(tokensource.New(tokensource.Config{
		Issuer:      "https://login.example.com",
		Credentials: tokensource.ClientAssertion("deploy", tokensource.GitHubActions("https://login.example.com")),
	}))
}

// Okta wants its token endpoint as the audience of assertions.
func ExamplePrivateKeyJWT_okta() {
	const tokenURL = "https://acme.okta.com/oauth2/default/v1/token"
	keep(tokensource.New(tokensource.Config{
		TokenURL: tokenURL,
		Credentials: tokensource.PrivateKeyJWT{
			ClientID: "0oa1b2c3d4e5f6g7h8i9",
			KeyFile:  "/var/run/secrets/worker/key.json", // a JWK with its kid
			Audience: tokenURL,
		},
		Scopes: []string{"read:orders"},
	}))
}

// Keycloak's realm is the issuer. Its tokens live for five minutes.
func ExampleConfig_keycloak() {
	keep(tokensource.New(tokensource.Config{
		Issuer:      "https://sso.example.com/realms/prod",
		Credentials: tokensource.SecretFile("/var/run/secrets/worker"),
	}))
}

// Stytch takes the secret in the form. (Package stytch has a preset.)
func ExampleConfig_stytch() {
	keep(tokensource.New(tokensource.Config{
		TokenURL:    "https://api.stytch.com/v1/public/project-live-11111111-2222-4333-8444-555555555555/oauth2/token",
		Credentials: tokensource.SecretEnv("STYTCH_CLIENT_ID", "STYTCH_CLIENT_SECRET"),
		AuthStyle:   oauth2.AuthStyleInParams,
		Scopes:      []string{"read:orders"},
	}))
}

// A service within the cluster that trusts Kubernetes as its authority takes the
// projected token itself.
func ExampleTokenFile() {
	keep(tokensource.New(tokensource.Config{
		Fetch: tokensource.TokenFile("/var/run/secrets/tokens/orders"),
	}))
}

// A service that accepts tokens of at most five minutes, whatever their expiry.
func ExampleConfig_maxAge() {
	keep(tokensource.New(tokensource.Config{
		Issuer:      "https://login.example.com",
		Credentials: tokensource.SecretFile("/var/run/secrets/worker"),
		MaxAge:      5 * time.Minute,
	}))
}

// Mutual TLS, with a certificate that is renewed on disk.
func ExampleCertificate() {
	keep(tokensource.New(tokensource.Config{
		Issuer: "https://login.example.com",
		Credentials: tokensource.Certificate{
			ClientID: "worker",
			CertFile: "/var/run/secrets/worker/tls.crt",
			KeyFile:  "/var/run/secrets/worker/tls.key",
		},
	}))
}
