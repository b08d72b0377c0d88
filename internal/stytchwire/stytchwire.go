// Package stytchwire is Stytch's M2M API as JSON: paths, requests, answers and
// both shapes of errors. What serves the API and what calls it share it, so
// that they can't drift apart.
package stytchwire

import (
	"encoding/json"
	"net/url"
)

// Where the API's calls are, below the base URL.
const (
	ClientsPath       = "/v1/m2m/clients"        // POST creates
	SearchPath        = "/v1/m2m/clients/search" // POST
	WellKnownKeysPath = "/.well-known/jwks.json" // GET; on a custom domain only
)

// ClientPath is where one client is got, updated (PUT) and deleted.
func ClientPath(clientID string) string { return ClientsPath + "/" + url.PathEscape(clientID) }

// RotationStartPath, RotationCancelPath and RotationPath are where the
// rotation of a client's secret is started, cancelled and completed, all by
// POST.
func RotationStartPath(clientID string) string  { return RotationPath(clientID) + "/start" }
func RotationCancelPath(clientID string) string { return RotationPath(clientID) + "/cancel" }
func RotationPath(clientID string) string       { return ClientPath(clientID) + "/secrets/rotate" }

// TokenPath is the token endpoint of a project (RFC 6749 §3.2).
func TokenPath(projectID string) string {
	return "/v1/public/" + url.PathEscape(projectID) + "/oauth2/token"
}

// KeysPath returns where a project's JWK Set (RFC 7517 §5) is published. B2B
// projects have a path of their own, and their SDKs know no other.
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

// Metadata is a client's trusted_metadata. Values keep their JSON text, so
// that large numbers survive.
type Metadata = map[string]json.RawMessage

// Client is an m2m_client. A secret is present only in the answer that shows
// it once: ClientSecret in that of a creation, NextClientSecret in that of the
// start of a rotation.
type Client struct {
	ClientID                 string   `json:"client_id"`
	ClientSecret             string   `json:"client_secret,omitempty"`
	NextClientSecret         string   `json:"next_client_secret,omitempty"`
	ClientName               string   `json:"client_name"`
	ClientDescription        string   `json:"client_description"`
	Status                   string   `json:"status"`
	Scopes                   []string `json:"scopes"`
	ClientSecretLastFour     string   `json:"client_secret_last_four"`
	NextClientSecretLastFour *string  `json:"next_client_secret_last_four"` // null unless a rotation is under way
	TrustedMetadata          Metadata `json:"trusted_metadata"`
}

// CreateRequest creates a client. With ClientID or ClientSecret an existing
// client of another authority is imported.
type CreateRequest struct {
	ClientID          string   `json:"client_id,omitempty"`
	ClientSecret      string   `json:"client_secret,omitempty"`
	ClientName        string   `json:"client_name,omitempty"`
	ClientDescription string   `json:"client_description,omitempty"`
	Scopes            []string `json:"scopes"`
	TrustedMetadata   Metadata `json:"trusted_metadata,omitempty"`
}

// UpdateRequest changes what it names: nil leaves a member as it is.
// TrustedMetadata is merged by its top-level members, and null removes one.
type UpdateRequest struct {
	ClientName        *string  `json:"client_name,omitzero"`
	ClientDescription *string  `json:"client_description,omitzero"`
	Status            *string  `json:"status,omitzero"`
	Scopes            []string `json:"scopes,omitzero"` // empty but not nil takes them all away
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
	Cursor string       `json:"cursor,omitempty"` // ResultsMetadata.NextCursor of the page before
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

// Operand is met by clients that have one of the values.
type Operand struct {
	FilterName  string   `json:"filter_name"`
	FilterValue []string `json:"filter_value"`
}

// Response is what every answer begins with.
type Response struct {
	StatusCode int    `json:"status_code"`
	RequestID  string `json:"request_id"`
}

// ClientResponse answers the calls about one client.
type ClientResponse struct {
	Response
	M2MClient Client `json:"m2m_client"`
}

// DeleteResponse answers a deletion.
type DeleteResponse struct {
	Response
	ClientID string `json:"client_id"`
}

// SearchResponse is one page of clients.
type SearchResponse struct {
	Response
	M2MClients      []Client        `json:"m2m_clients"`
	ResultsMetadata ResultsMetadata `json:"results_metadata"`
}

// ResultsMetadata says where a page stands among all.
type ResultsMetadata struct {
	Total      int     `json:"total"`       // on all pages together
	NextCursor *string `json:"next_cursor"` // null on the last page
}

// GrantClientCredentials is the only grant_type of machines (RFC 6749 §4.4.2).
const GrantClientCredentials = "client_credentials"

// TokenRequest is the body of a token request sent as JSON. In a form the
// members are parameters of the same names.
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

// KeySet is a JWK Set.
type KeySet struct {
	Keys []json.RawMessage `json:"keys"`
	Response
}

// Status is the HTTP status that the answer goes with.
func (r Response) Status() int { return r.StatusCode }
