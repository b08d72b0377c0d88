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

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/urlpath"
	"github.com/m2mauth/m2mauth/scopes"
)

// metadataPrefix is where the metadata of a resource without a path is found
// (RFC 9728 §3).
const metadataPrefix = "/.well-known/oauth-protected-resource"

// Metadata is what clients can learn of the resource: who issues its tokens and
// which scopes there are (RFC 9728). It is an http.Handler, and immutable.
type Metadata struct {
	resource resource
	doc      []byte
}

// metadataDocument is the JSON of RFC 9728 §2.
type metadataDocument struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers,omitempty"`
	Scopes               []string `json:"scopes_supported,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported"`
}

// Metadata makes the metadata of Options.Resource, which must be set. Its
// authorization servers are the verifier's issuers, aliases included, as far
// as they are https URLs: others, like a Stytch project without a custom
// domain, are no names that a client could look up. Its scopes are all that
// the policies name: give it [Mux.Routes], or maps.All of a grpcmw.Policy.
//
//	meta, err := guard.Metadata(mux.Routes())
//	mux.Handle(meta.Pattern(), scopes.Public(), meta)
func (m *Middleware) Metadata(policies ...iter.Seq2[string, scopes.Requirement]) (*Metadata, error) {
	r, err := parseResource(m.opts.Resource)
	if err != nil {
		return nil, err
	}
	doc := metadataDocument{Resource: m.opts.Resource, BearerMethods: []string{"header"}}
	for _, name := range m.verifier.Issuers() {
		if isAuthorizationServer(name) && !slices.Contains(doc.AuthorizationServers, name) {
			doc.AuthorizationServers = append(doc.AuthorizationServers, name)
		}
	}
	for _, policy := range policies {
		for _, need := range policy {
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

// URL is where clients look for the metadata: what challenges tell them as
// resource_metadata.
func (d *Metadata) URL() string { return d.resource.metadataURL() }

// Pattern is where to register it, on a Mux or http.ServeMux that serves the
// root of the resource's host.
func (d *Metadata) Pattern() string {
	pattern := "GET " + d.resource.metadataPath()
	if strings.HasSuffix(pattern, "/") {
		pattern += "{$}" // it and nothing below it
	}
	return pattern
}

// ServeHTTP answers GET and HEAD with the document.
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
	_, _ = w.Write(d.doc) // a caller that is gone needs no answer
}

// isAuthorizationServer reports whether name is an issuer identifier by RFC
// 8414 §2: an https URL without query and fragment.
func isAuthorizationServer(name string) bool {
	u, err := url.Parse(name)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && !strings.ContainsAny(name, "?#")
}

// resource is a resource identifier (RFC 9728 §1.2), taken apart.
type resource struct{ origin, path string }

// metadataPath puts the well-known part between host and path (RFC 9728 §3.1).
func (r resource) metadataPath() string {
	if r.path == "/" {
		return metadataPrefix
	}
	return metadataPrefix + r.path
}

func (r resource) metadataURL() string { return r.origin + r.metadataPath() }

var (
	errNoResource = errors.New("httpmw: Options.Resource is empty: write the https URL by which clients know this service")
	errResource   = errors.New("httpmw: Options.Resource is not an https URL of host and path alone, " +
		"such as https://api.example.com/orders (http is for loopback)")
)

func parseResource(id string) (resource, error) {
	if id == "" {
		return resource{}, errNoResource
	}
	u, err := url.Parse(id)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil {
		return resource{}, errResource
	}
	origin := u.Scheme + "://" + u.Host
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !outbound.IsLoopback(u.Hostname())):
		return resource{}, errResource
	case origin != strings.ToLower(origin) || origin+u.Path != id || strings.HasSuffix(u.Host, ":"):
		// Clients compare the identifier byte for byte (RFC 9728 §3.3). The
		// second also keeps queries, fragments and escapes out.
		return resource{}, errResource
	case strings.ContainsFunc(id, func(c rune) bool { return !inURL(c) }) || urlpath.HasDotSegment(u.Path) || strings.Contains(u.Path, "//"):
		return resource{}, errResource
	}
	return resource{origin, u.Path}, nil
}

// inURL reports whether c may stand in a URL without an escape. Neither '"' nor
// '\' may, which a challenge could not hold, nor the braces of patterns.
func inURL(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c < 0x80 && strings.ContainsRune("-._~!$&'()*+,;=:@/[]", c)
}
