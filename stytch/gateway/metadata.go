package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
	"github.com/m2mauth/m2mauth/scopes"
)

// MetadataPath is where the metadata of an issuer without a path is found
// (RFC 8414 §3).
const MetadataPath = "/.well-known/oauth-authorization-server"

// Metadata is what a SaaS publishes of its token endpoint (RFC 8414 §2). All
// URLs are https, or on loopback.
type Metadata struct {
	Issuer        string   // the SaaS's own domain: "https://login.example.com"
	TokenEndpoint string   // where the [TokenEndpoint] is mounted
	KeySet        string   // where the [KeySet] is mounted; left out if ""
	Scopes        []string // that callers may ask for; left out if empty
	Documentation string   // for people; left out if ""
}

// Handler returns a handler that serves m as RFC 8414 metadata. Mount it at
// [MetadataPath]. It reports all mistakes in m at once.
//
// Without a custom domain at Stytch, the tokens' "iss" names the project instead
// of m.Issuer. Clients then learn from the document where to get tokens, but
// verifiers can't learn from it which issuer to trust.
func (m Metadata) Handler() (http.Handler, error) {
	if err := outbound.Mistakes("gateway",
		required("Issuer", m.Issuer),
		outbound.CheckOrigin("Issuer", m.Issuer),
		required("TokenEndpoint", m.TokenEndpoint),
		outbound.CheckURL("TokenEndpoint", m.TokenEndpoint),
		outbound.CheckURL("KeySet", m.KeySet),
		checkScopes(m.Scopes),
		outbound.CheckURL("Documentation", m.Documentation),
	); err != nil {
		return nil, err
	}
	doc, err := json.Marshal(metadataDocument{
		Issuer:                   m.Issuer,
		TokenEndpoint:            m.TokenEndpoint,
		KeySet:                   m.KeySet,
		Scopes:                   slices.Clone(m.Scopes),
		ResponseTypes:            []string{}, // required; there is no authorization endpoint
		GrantTypes:               []string{stytchwire.GrantClientCredentials},
		TokenEndpointAuthMethods: []string{"client_secret_basic", "client_secret_post"},
		Documentation:            m.Documentation,
	})
	if err != nil {
		return nil, fmt.Errorf("gateway: Metadata: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Write(doc)
	}), nil
}

type metadataDocument struct {
	Issuer                   string   `json:"issuer"`
	TokenEndpoint            string   `json:"token_endpoint"`
	KeySet                   string   `json:"jwks_uri,omitempty"`
	Scopes                   []string `json:"scopes_supported,omitempty"`
	ResponseTypes            []string `json:"response_types_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	TokenEndpointAuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	Documentation            string   `json:"service_documentation,omitempty"`
}

func required(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s is empty: write an https URL", name)
	}
	return nil
}

func checkScopes(names []string) error {
	if len(names) == 0 {
		return nil
	}
	if _, err := scopes.AllOf(names); err != nil { // RFC 6749 §3.3
		return fmt.Errorf("Scopes: %w", err)
	}
	return nil
}
