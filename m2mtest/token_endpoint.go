package m2mtest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// oauthError describes an error response of the token endpoint.
type oauthError struct {
	status            int
	code, description string
}

func invalidRequest(description string) *oauthError {
	return &oauthError{400, stytchwire.OAuthInvalidRequest, description}
}

// invalidClient is the response to unknown clients, wrong secrets and inactive
// clients alike: it must not distinguish them.
func invalidClient() *oauthError {
	return &oauthError{401, stytchwire.OAuthInvalidClient, "Client authentication failed."}
}

// serveToken handles the token endpoint (RFC 6749 §3.2, §4.4).
func (a *Authority) serveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // RFC 6749 §5.1
	w.Header().Set("Pragma", "no-cache")
	result, bad := a.issue(r)
	if bad == nil {
		writeJSON(w, result)
		return
	}
	// A client that used the Authorization field gets a challenge (RFC 6749 §5.2).
	if bad.status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="m2mtest"`)
	}
	writeJSON(w, stytchwire.OAuthError{
		Response:         stytchwire.Response{StatusCode: bad.status, RequestID: a.newRequestID()},
		ErrorCode:        bad.code,
		ErrorDescription: bad.description,
		ErrorURI:         stytchwire.ErrorURL(bad.status, bad.code),
	})
}

func (a *Authority) issue(r *http.Request) (stytchwire.TokenResponse, *oauthError) {
	var none stytchwire.TokenResponse
	if r.PathValue("project_id") != a.projectID {
		return none, &oauthError{404, stytchwire.OAuthInvalidRequest, "There is no such project."}
	}
	req, parameters, bad := readTokenRequest(r)
	if bad == nil {
		bad = a.addBasic(r, &req)
	}
	if bad != nil {
		return none, bad
	}
	switch req.GrantType {
	case stytchwire.GrantClientCredentials:
	case "":
		return none, invalidRequest("The grant_type is missing.")
	default:
		return none, &oauthError{400, stytchwire.OAuthUnsupportedGrantType, "The grant_type is not client_credentials."}
	}
	c, ok := a.clients.authenticate(req.ClientID, req.ClientSecret)
	if !ok {
		return none, invalidClient()
	}
	granted, bad := grant(req.Scope, c.Scopes)
	if bad != nil {
		return none, bad
	}
	claims, bad := a.custom.claims(c.TrustedMetadata, parameters)
	if bad != nil {
		return none, bad
	}
	claims, tokenType, bad := a.bind(r, claims)
	if bad != nil {
		return none, bad
	}
	token := a.Token(TokenSpec{ClientID: c.ClientID, Scopes: granted, TTL: a.ttl, Claims: claims})
	return stytchwire.TokenResponse{
		Response:    stytchwire.Response{StatusCode: 200, RequestID: a.newRequestID()},
		AccessToken: token,
		TokenType:   tokenType,
		ExpiresIn:   int64(a.ttl.Seconds()),
	}, nil
}

// bind adds the key of the request's proof to the claims (RFC 9449 §5), and returns the
// type of the token.
func (a *Authority) bind(r *http.Request, claims map[string]any) (map[string]any, string, *oauthError) {
	proofs := r.Header["Dpop"]
	if a.proofs == nil || len(proofs) == 0 {
		return claims, "bearer", nil
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	thumbprint, err := a.proofs.CheckTokenRequest(r.Context(), dpop.Call{
		Proofs: proofs, Method: r.Method, Origin: scheme + "://" + r.Host, Path: r.URL.EscapedPath(), Now: a.now(),
	})
	if err != nil {
		return nil, "", &oauthError{400, "invalid_dpop_proof", "The DPoP proof is invalid."}
	}
	if claims == nil {
		claims = map[string]any{}
	}
	claims["cnf"] = map[string]any{"jkt": thumbprint}
	return claims, "DPoP", nil
}

// readTokenRequest reads a form or a JSON body. It returns all parameters as JSON
// besides, for the ClaimsTemplate.
func readTokenRequest(r *http.Request) (req stytchwire.TokenRequest, all map[string]json.RawMessage, bad *oauthError) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return req, nil, invalidRequest("The request body is too large or could not be read.")
	}
	malformed := invalidRequest("The request body is malformed.")
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch mediaType {
	case "application/json":
		if unmarshal(body, &req) != nil || unmarshal(body, &all) != nil {
			return req, nil, malformed
		}
		return req, all, nil
	case "application/x-www-form-urlencoded":
	default:
		return req, nil, invalidRequest("The Content-Type must be application/json or application/x-www-form-urlencoded.")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return req, nil, malformed
	}
	all = map[string]json.RawMessage{}
	for name, values := range form {
		if len(values) > 1 { // RFC 6749 §3.2
			return req, nil, invalidRequest("A parameter is included more than once.")
		}
		if all[name], err = json.Marshal(values[0]); err != nil {
			return req, nil, malformed
		}
	}
	return stytchwire.TokenRequest{
		GrantType: form.Get("grant_type"), Scope: form.Get("scope"),
		ClientID: form.Get("client_id"), ClientSecret: form.Get("client_secret"),
	}, all, nil
}

// addBasic reads credentials from HTTP Basic, which are form-encoded (RFC 6749
// §2.3.1).
//
// Some of Stytch's SDKs send the project's credentials with every call, also to
// this endpoint. Then the body authenticates the client. A wrong project secret
// is an error.
func (a *Authority) addBasic(r *http.Request, req *stytchwire.TokenRequest) *oauthError {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return nil
	}
	id, secret, ok := r.BasicAuth()
	if ok && len(values) == 1 && equal(id, a.projectID) {
		if !equal(secret, a.secret) { // not form-encoded by the SDKs
			return invalidClient()
		}
		return nil
	}
	id, idErr := url.QueryUnescape(id)
	secret, secretErr := url.QueryUnescape(secret)
	if len(values) > 1 || !ok || idErr != nil || secretErr != nil {
		return invalidClient()
	}
	// A request must use one method of authentication (RFC 6749 §2.3).
	if req.ClientSecret != "" || req.ClientID != "" && req.ClientID != id {
		return invalidRequest("The client authenticates in two ways at once.")
	}
	req.ClientID, req.ClientSecret = id, secret
	return nil
}

// grant returns the requested scopes, which must be among the client's. It
// returns all of the client's if none were requested (RFC 6749 §3.3).
func grant(requested string, registered []string) ([]string, *oauthError) {
	var granted []string
	for name := range strings.SplitSeq(requested, " ") {
		switch {
		case name == "", slices.Contains(granted, name):
		case slices.Contains(registered, name):
			granted = append(granted, name)
		default:
			return nil, &oauthError{400, stytchwire.OAuthInvalidScope, "A requested scope is not one of the client's."}
		}
	}
	if granted == nil {
		return registered, nil
	}
	return granted, nil
}
