// Package stytchwire describes Stytch's M2M API: paths, requests, responses and
// both forms of errors. The client and the authority for tests share it, so that
// they can't diverge.
package stytchwire

import (
	"encoding/json"
	"net/url"
)

// Paths of the API, relative to the base URL.
const (
	ClientsPath       = "/v1/m2m/clients"        // POST creates
	SearchPath        = "/v1/m2m/clients/search" // POST
	WellKnownKeysPath = "/.well-known/jwks.json" // GET; on a custom domain only
)

// ClientPath returns the path of one client: GET, PUT (update) and DELETE.
func ClientPath(clientID string) string { return ClientsPath + "/" + url.PathEscape(clientID) }

// RotationStartPath, RotationCancelPath and RotationPath return the paths that
// start, cancel and complete the rotation of a client's secret by POST.
func RotationStartPath(clientID string) string  { return RotationPath(clientID) + "/start" }
func RotationCancelPath(clientID string) string { return RotationPath(clientID) + "/cancel" }
func RotationPath(clientID string) string       { return ClientPath(clientID) + "/secrets/rotate" }

// TokenPath returns the path of a project's token endpoint (RFC 6749 §3.2).
func TokenPath(projectID string) string {
	return "/v1/public/" + url.PathEscape(projectID) + "/oauth2/token"
}

// KeysPath returns the path of a project's JWK Set (RFC 7517 §5). SDKs of B2B
// projects use a path of their own.
func KeysPath(projectID string, b2b bool) string {
	if b2b {
		return "/v1/b2b/sessions/jwks/" + url.PathEscape(projectID)
	}
	return "/v1/sessions/jwks/" + url.PathEscape(projectID)
}

// Status values of a client.
const (
	StatusActive   = "active"
	StatusInactive = "inactive"
)

// Metadata holds a client's trusted_metadata. Values are JSON text, which keeps
// large numbers exact.
type Metadata = map[string]json.RawMessage

// Client describes an m2m_client. Secrets are in one response only: ClientSecret
// in that to a creation, NextClientSecret in that to the start of a rotation.
type Client struct {
	ClientID                 string   `json:"client_id"`
	ClientSecret             string   `json:"client_secret,omitempty"`
	NextClientSecret         string   `json:"next_client_secret,omitempty"`
	ClientName               string   `json:"client_name"`
	ClientDescription        string   `json:"client_description"`
	Status                   string   `json:"status"`
	Scopes                   []string `json:"scopes"`
	ClientSecretLastFour     string   `json:"client_secret_last_four"`
	NextClientSecretLastFour *string  `json:"next_client_secret_last_four"` // null except during a rotation
	TrustedMetadata          Metadata `json:"trusted_metadata"`
}

// CreateRequest creates a client. With ClientID or ClientSecret it imports one
// from another authority.
type CreateRequest struct {
	ClientID          string   `json:"client_id,omitempty"`
	ClientSecret      string   `json:"client_secret,omitempty"`
	ClientName        string   `json:"client_name,omitempty"`
	ClientDescription string   `json:"client_description,omitempty"`
	Scopes            []string `json:"scopes"`
	TrustedMetadata   Metadata `json:"trusted_metadata,omitempty"`
}

// UpdateRequest changes a client. Nil leaves a member unchanged. TrustedMetadata
// is merged by its top-level members, and null removes one.
type UpdateRequest struct {
	ClientName        *string  `json:"client_name,omitzero"`
	ClientDescription *string  `json:"client_description,omitzero"`
	Status            *string  `json:"status,omitzero"`
	Scopes            []string `json:"scopes,omitzero"` // empty and not nil removes them all
	TrustedMetadata   Metadata `json:"trusted_metadata,omitzero"`
}

// Limits of SearchRequest.Limit.
const (
	DefaultSearchLimit = 100
	MaxSearchLimit     = 1000
)

// SearchRequest asks for one page of the clients.
type SearchRequest struct {
	Limit  int          `json:"limit,omitempty"`  // DefaultSearchLimit if 0
	Cursor string       `json:"cursor,omitempty"` // the previous page's ResultsMetadata.NextCursor
	Query  *SearchQuery `json:"query,omitempty"`  // nil: all
}

// Operators and filters of a search.
const (
	OperatorAnd = "AND"
	OperatorOr  = "OR"

	FilterClientID   = "client_id"
	FilterClientName = "client_name"
	FilterScopes     = "scopes"
)

// SearchQuery selects clients by one or more operands; none selects all.
type SearchQuery struct {
	Operator string    `json:"operator"`
	Operands []Operand `json:"operands"`
}

// Operand matches clients that have one of the values.
type Operand struct {
	FilterName  string   `json:"filter_name"`
	FilterValue []string `json:"filter_value"`
}

// Response holds the members that every response has.
type Response struct {
	StatusCode int    `json:"status_code"`
	RequestID  string `json:"request_id"`
}

// ClientResponse is the response to calls about one client.
type ClientResponse struct {
	Response
	M2MClient Client `json:"m2m_client"`
}

// DeleteResponse is the response to a deletion.
type DeleteResponse struct {
	Response
	ClientID string `json:"client_id"`
}

// SearchResponse holds one page of clients.
type SearchResponse struct {
	Response
	M2MClients      []Client        `json:"m2m_clients"`
	ResultsMetadata ResultsMetadata `json:"results_metadata"`
}

// ResultsMetadata describes the position of a page.
type ResultsMetadata struct {
	Total      int     `json:"total"`       // clients on all pages
	NextCursor *string `json:"next_cursor"` // null on the last page
}

// GrantClientCredentials names the grant of machines (RFC 6749 §4.4.2).
const GrantClientCredentials = "client_credentials"

// TokenRequest is a token request in JSON. A form has parameters of the same
// names.
type TokenRequest struct {
	GrantType    string `json:"grant_type"`
	ClientID     string `json:"client_id,omitempty"`
	ClientSecret string `json:"client_secret,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// TokenResponse is a token response (RFC 6749 §5.1).
type TokenResponse struct {
	Response
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"` // "bearer"
	ExpiresIn   int64  `json:"expires_in"` // seconds
}

// KeySet is the response with a JWK Set (RFC 7517 §5).
type KeySet struct {
	Keys []json.RawMessage `json:"keys"`
	Response
}

// Status returns the HTTP status of the response.
func (r Response) Status() int { return r.StatusCode }
