package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// MetadataPath is the path of the metadata of an issuer whose URL has no path (RFC 8414
// §3).
const MetadataPath = "/.well-known/oauth-authorization-server"

// Metadata describes a SaaS's token endpoint (RFC 8414 §2). URLs must be https, or
// http on loopback. Empty fields are omitted from the document.
type Metadata struct {
	Issuer        string   // the SaaS's own domain, such as "https://login.example.com"; required
	TokenEndpoint string   // the URL of the [TokenEndpoint]; required
	KeySet        string   // the URL of the [KeySet]
	Scopes        []string // the scopes that clients may request
	Documentation string   // the URL of a page for people

	// AuthorizationEndpoint is for MCP clients, and empty for all others. MCP's SDKs
	// demand of every authority what only one with a grant for people needs: its
	// TypeScript SDK (1.32) an authorization endpoint, its Go SDK (1.8.0) PKCE, which
	// the document then names as well. Machines never call the URL: let it answer 404.
	AuthorizationEndpoint string
}

// Handler returns a handler that serves m as RFC 8414 metadata. Mount it at
// [MetadataPath]. Its error reports every mistake in m.
//
// The tokens' "iss" is the project's custom domain at Stytch, or else names the project.
// If that differs from m.Issuer, clients still find the token endpoint in the
// document, but services that learn from it which issuer to trust refuse every token
// (RFC 9068 §4). Set [TokenEndpointOptions].Issuer to be warned.
func (m Metadata) Handler() (http.Handler, error) {
	if err := outbound.Mistakes("gateway",
		required("Issuer", m.Issuer),
		outbound.CheckOrigin("Issuer", m.Issuer),
		required("TokenEndpoint", m.TokenEndpoint),
		outbound.CheckURL("TokenEndpoint", m.TokenEndpoint),
		outbound.CheckURL("KeySet", m.KeySet),
		outbound.CheckURL("AuthorizationEndpoint", m.AuthorizationEndpoint),
		stytchwire.CheckScopes(m.Scopes),
		outbound.CheckURL("Documentation", m.Documentation),
	); err != nil {
		return nil, err
	}
	doc, err := json.Marshal(metadataDocument{
		Issuer:                   m.Issuer,
		AuthorizationEndpoint:    m.AuthorizationEndpoint,
		TokenEndpoint:            m.TokenEndpoint,
		KeySet:                   m.KeySet,
		Scopes:                   slices.Clone(m.Scopes),
		ResponseTypes:            []string{}, // required; the authorization endpoint has none
		GrantTypes:               []string{stytchwire.GrantClientCredentials},
		TokenEndpointAuthMethods: []string{"client_secret_basic", "client_secret_post"},
		Documentation:            m.Documentation,
		CodeChallengeMethods:     m.codeChallengeMethods(),
	})
	if err != nil {
		return nil, fmt.Errorf("gateway: Metadata: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refusedWrite(w, r) {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Write(doc)
	}), nil
}

func (m Metadata) codeChallengeMethods() []string {
	if m.AuthorizationEndpoint == "" {
		return nil
	}
	return []string{"S256"}
}

type metadataDocument struct {
	Issuer                   string   `json:"issuer"`
	AuthorizationEndpoint    string   `json:"authorization_endpoint,omitempty"`
	TokenEndpoint            string   `json:"token_endpoint"`
	KeySet                   string   `json:"jwks_uri,omitempty"`
	Scopes                   []string `json:"scopes_supported,omitempty"`
	ResponseTypes            []string `json:"response_types_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	TokenEndpointAuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	Documentation            string   `json:"service_documentation,omitempty"`
	CodeChallengeMethods     []string `json:"code_challenge_methods_supported,omitempty"`
}

func required(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s is empty: write an https URL", name)
	}
	return nil
}

// refusedWrite reports whether it has refused the request, because its method is
// neither GET nor HEAD.
func refusedWrite(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	return true
}
