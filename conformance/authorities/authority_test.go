package authorities_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/issuers/discovery"
	"github.com/m2mauth/m2mauth/verifier"
)

// authority is a running authority as the matrix sees it.
type authority struct {
	name              string
	issuer            string
	tokenURL          string
	introspectionURL  string
	assertionAudience string // the "aud" of client assertions
	resourceParam     string // "resource" (RFC 8707), or "audience"
	ca                *authorities.CA

	openIntrospection bool // to everyone who reaches it: no credentials are checked

	columns  []column
	register func(t *testing.T, c credential)
	lacks    func(c credential) bool   // whether it knows no credentials of this kind
	refusal  func(c credential) string // the answer to a wrong c: see invalidClient
}

// column is a kind of access token that an authority issues.
type column struct {
	name     string
	resource string
	opaque   bool
	suffix   string // of the client IDs whose tokens are of this kind
}

// invalidClient is the answer of RFC 6749 §5.2 to a wrong credential.
func invalidClient(credential) string { return "401 invalid_client" }

// resourceClient introspects, and is no row of the matrix.
var resourceClient = credential{
	name: "resource server", clientID: "resource-server", method: "client_secret_basic", secret: "introspecting-secret-0123456789",
}

func oidcProvider(t *testing.T) (authority, *authorities.OIDCProvider) {
	t.Helper()
	p := authorities.StartOIDCProvider(t, nil)
	return asAuthority(t, p), p
}

func asAuthority(t *testing.T, p *authorities.OIDCProvider) authority {
	t.Helper()
	a := authority{
		name:              "oidc-provider",
		issuer:            p.Issuer,
		tokenURL:          p.Issuer + "/token",
		introspectionURL:  p.Issuer + "/token/introspection",
		assertionAudience: p.Issuer,
		resourceParam:     "resource",
		ca:                p.CA,
		columns: []column{
			{name: "RS256 JWT", resource: authorities.ResourceRS256},
			{name: "ES256 JWT", resource: authorities.ResourceES256},
			{name: "EdDSA JWT", resource: authorities.ResourceEdDSA},
			{name: "opaque", resource: authorities.ResourceOpaque, opaque: true},
		},
		register: func(t *testing.T, c credential) { p.Register(c.clientID, c.metadata(t)) },
		lacks:    func(credential) bool { return false },
		refusal:  invalidClient,
	}
	a.register(t, resourceClient)
	return a
}

func zitadel(t *testing.T) (authority, *authorities.Zitadel) {
	t.Helper()
	z := authorities.StartZitadel(t)
	return authority{
		name:              "zitadel/oidc",
		issuer:            z.Issuer,
		tokenURL:          z.Issuer + "/oauth/token",
		introspectionURL:  z.Issuer + "/oauth/introspect",
		assertionAudience: z.Issuer,
		resourceParam:     "audience", // ignored
		ca:                z.CA,
		columns:           []column{{name: "ES256 JWT", resource: authorities.ResourceES256}},
		register:          func(_ *testing.T, c credential) { z.Register(c.clientID, c.secret) },
		lacks:             func(c credential) bool { return c.secret == "" || c.proof != nil },
		refusal:           invalidClient,
	}, z
}

func hydra(t *testing.T) (authority, *authorities.Hydra) {
	t.Helper()
	h := authorities.StartHydra(t)
	return authority{
		name:              "Ory Hydra",
		issuer:            h.Issuer,
		tokenURL:          h.Issuer + "oauth2/token",
		introspectionURL:  h.Admin + "/oauth2/introspect",
		assertionAudience: h.Issuer + "oauth2/token",
		resourceParam:     "audience",
		openIntrospection: true, // the admin API
		ca:                authorities.NewCA(t),
		columns: []column{
			{name: "RS256 JWT", resource: authorities.ResourceRS256},
			{name: "opaque", resource: authorities.ResourceOpaque, opaque: true, suffix: "-opaque"},
		},
		register: func(t *testing.T, c credential) {
			metadata := c.metadata(t)
			for suffix, strategy := range map[string]string{"": "jwt", "-opaque": "opaque"} {
				metadata["audience"] = []string{authorities.ResourceRS256, authorities.ResourceOpaque}
				metadata["access_token_strategy"] = strategy
				h.Register(c.clientID+suffix, metadata)
			}
		},
		lacks: func(c credential) bool { return c.cert != nil || c.proof != nil || c.alg == "EdDSA" },
		refusal: func(c credential) string {
			if c.key != nil {
				return "400 invalid_request"
			}
			return invalidClient(c)
		},
	}, h
}

// verifier returns a verifier of the authority's tokens, made of its metadata.
func (a authority) verifier(t *testing.T) *verifier.Verifier {
	t.Helper()
	audiences := []string{}
	for _, col := range a.columns {
		if !col.opaque {
			audiences = append(audiences, col.resource)
		}
	}
	issuer, _, err := discovery.Issuer(t.Context(), a.issuer, &discovery.Options{
		Audiences: audiences, RootCAs: a.ca.Pool(), AllowPrivate: true,
		JWKS: verifier.JWKSOptions{FetchTimeout: 30 * time.Second}, // of a busy machine
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

// introspect asks the authority about a token (RFC 7662).
func (a authority) introspect(ctx context.Context, t *testing.T, token string) (answer struct {
	Active    bool
	ClientID  string `json:"client_id"`
	Scope     string
	TokenType string `json:"token_type"`
	Cnf       map[string]string
}) {
	t.Helper()
	form := url.Values{"token": {token}}
	req, err := http.NewRequestWithContext(ctx, "POST", a.introspectionURL, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(url.QueryEscape(resourceClient.clientID), url.QueryEscape(resourceClient.secret))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := (&http.Client{Transport: a.ca.Transport(nil)}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("introspection = %s, %v, want 200 and JSON", res.Status, err)
	}
	return answer
}

// revoke revokes a token of the client (RFC 7009).
func (a authority) revoke(ctx context.Context, t *testing.T, c credential, token string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", a.issuer+"/token/revocation", strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(url.QueryEscape(c.clientID), url.QueryEscape(c.secret))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := (&http.Client{Transport: a.ca.Transport(nil)}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("revocation = %s, want 200", res.Status)
	}
}

// TestMain silences the log of zitadel/oidc, which goes to the default logger.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}
