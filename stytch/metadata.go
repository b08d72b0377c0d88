package stytch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// MetadataPath is where the metadata of an issuer without a path is found
// (RFC 8414 §3).
const MetadataPath = "/.well-known/oauth-authorization-server"

// Metadata is what a SaaS publishes of its token endpoint (RFC 8414 §2). All
// URLs are https, or on loopback.
type Metadata struct {
	Issuer        string   // the SaaS's own domain: "https://login.example.com"
	TokenEndpoint string   // where [TokenEndpoint] is mounted
	KeySet        string   // where [KeySetHandler] is mounted; left out if ""
	Scopes        []string // that callers may ask for; left out if empty
	Documentation string   // for people; left out if ""
}

// MetadataHandler serves m as RFC 8414 metadata; mount it at [MetadataPath].
//
// Without a custom domain at Stytch, the tokens' "iss" names the project and
// not m.Issuer: the document then tells clients where to get tokens, and not
// verifiers whom to trust.
//
// All mistakes in m are reported at once.
func MetadataHandler(m Metadata) (http.Handler, error) {
	if err := errors.Join(
		required("Issuer", m.Issuer),
		checkOrigin("Issuer", m.Issuer),
		required("TokenEndpoint", m.TokenEndpoint),
		checkURL("TokenEndpoint", m.TokenEndpoint),
		checkURL("KeySet", m.KeySet),
		checkScopes(m.Scopes),
		checkURL("Documentation", m.Documentation),
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
		return nil, fmt.Errorf("stytch: MetadataHandler: %w", err)
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
		return fmt.Errorf("stytch: %s is empty: write an https URL", name)
	}
	return nil
}
