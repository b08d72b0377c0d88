package httpmw

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/resource"
	"github.com/m2mauth/m2mauth/scopes"
)

// Metadata serves what clients can learn about the resource: the authorities
// that issue its tokens, and its scopes (RFC 9728). It is an http.Handler,
// immutable and safe for concurrent use. Make one with [Middleware.Metadata].
type Metadata struct {
	resource resource.Resource
	doc      []byte
}

// metadataDocument is the JSON of RFC 9728 §2.
type metadataDocument struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers,omitempty"`
	Scopes               []string `json:"scopes_supported,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	ProofAlgorithms      []string `json:"dpop_signing_alg_values_supported,omitempty"`
	ProofsRequired       bool     `json:"dpop_bound_access_tokens_required,omitempty"`
}

// Metadata returns the metadata of Options.Resource, or an error if that is
// empty:
//
//	meta, err := guard.Metadata(mux.Operations())
//	mux.Handle(meta.Pattern(), scopes.Public(), meta)
//
// Its authorization servers are those of the verifier's issuers, aliases
// included, that are https URLs, or http on loopback. Clients could not look up others, such as a
// Stytch project without a custom domain. Its scopes are all that the operations
// require: pass [Mux.Operations], or maps.All of a grpcmw.Policy.
func (m *Middleware) Metadata(operations ...iter.Seq2[string, scopes.Requirement]) (*Metadata, error) {
	if m == nil || m.opts.Resource == "" {
		return nil, errors.New("httpmw: Metadata: Options.Resource is empty: set the https URL by which clients know this service")
	}
	r, err := resource.Parse(m.opts.Resource)
	if err != nil {
		return nil, fmt.Errorf("httpmw: Metadata: Options.Resource %w", err)
	}
	methods := []string{"header"} // RFC 6750 §2.1
	if m.opts.CredentialHeader != "" {
		methods = []string{} // none of RFC 6750 (RFC 9728 §2)
	}
	doc := metadataDocument{Resource: m.opts.Resource, BearerMethods: methods,
		ProofAlgorithms: m.verifier.ProofAlgorithms(), ProofsRequired: m.opts.ProofsRequired}
	for _, name := range m.verifier.Issuers() {
		if isAuthorizationServer(name) && !slices.Contains(doc.AuthorizationServers, name) {
			doc.AuthorizationServers = append(doc.AuthorizationServers, name)
		}
	}
	for _, list := range operations {
		for _, need := range list {
			doc.Scopes = append(doc.Scopes, need.Scopes()...)
		}
	}
	slices.Sort(doc.Scopes)
	doc.Scopes = slices.Compact(doc.Scopes)
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("httpmw: Metadata: %w", err)
	}
	return &Metadata{resource: r, doc: body}, nil
}

// URL returns the URL of the metadata, which challenges name as
// resource_metadata. Adapters of other transports set it as ResourceMetadata of
// their verifier.Request.
func (d *Metadata) URL() string { return d.resource.MetadataURL() }

// Pattern returns the pattern under which to register d, on a Mux or
// http.ServeMux that serves the root of the resource's host.
func (d *Metadata) Pattern() string {
	pattern := "GET " + d.resource.MetadataPath()
	if strings.HasSuffix(pattern, "/") {
		pattern += "{$}" // it and nothing below it
	}
	return pattern
}

// ServeHTTP answers GET and HEAD with the document, and other methods with 405.
func (d *Metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(d.doc) // a client that is gone needs no answer
}

// isAuthorizationServer reports whether name is an issuer identifier by RFC
// 8414 §2: an https URL without query and fragment. For development, it may also be
// http on loopback, as the resource may.
func isAuthorizationServer(name string) bool {
	if strings.HasPrefix(name, "http://") {
		_, err := resource.Parse(name)
		return err == nil
	}
	u, err := url.Parse(name)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && !strings.ContainsAny(name, "?#")
}
