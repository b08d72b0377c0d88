package gateway

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/m2mauth/m2mauth/internal/strictjson"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// maxTokenRequest bounds the body of a token request.
const maxTokenRequest = 16 << 10

// tokenRequest holds a token request (RFC 6749 §4.4.2). Requests that could be read in
// two ways are refused.
type tokenRequest struct {
	clientID, clientSecret string
	scope                  string
	extra                  url.Values // the parameters that the options name
	usedHeader             bool       // whether there is an Authorization header
}

// The causes of refusals, for Observe. Clients get a fixed text for each code.
var (
	errMethod       = errors.New("the method is not POST")
	errQuery        = errors.New("the URL has a query")
	errEncoding     = errors.New("the request has a Content-Encoding")
	errMediaType    = errors.New("the Content-Type is neither a form nor JSON")
	errTooLarge     = errors.New("the body is too large")
	errBody         = errors.New("the body is malformed")
	errDuplicate    = errors.New("a parameter is repeated")
	errAuthHeader   = errors.New("the Authorization header is malformed")
	errTwoWays      = errors.New("the client authenticates in two ways")
	errNoCredential = errors.New("the client ID or the secret is missing")
	errText         = errors.New("a parameter holds control characters or invalid UTF-8")
	errGrantMissing = errors.New("the grant_type is missing")
	errGrantType    = errors.New("the grant_type is not client_credentials")
	errScope        = errors.New("the scope is malformed")
)

// known returns the parameters to read. All others are ignored (RFC 6749 §3.2), but
// even their names must not be repeated.
func known(extra []string) []string {
	return append([]string{
		"grant_type", "client_id", "client_secret", "scope", "client_assertion", "client_assertion_type",
	}, extra...)
}

// read fills req, or returns a refusal.
func (req *tokenRequest) read(w http.ResponseWriter, r *http.Request, extra []string) *tokenRefusal {
	req.usedHeader = len(r.Header.Values("Authorization")) > 0
	// Parameters must not be in the URL, which logs record (RFC 6749 §2.3.1, §3.2).
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return invalidRequest(errQuery)
	}
	params, err := readParameters(w, r, known(extra))
	if err != nil {
		refused := invalidRequest(err)
		if errors.Is(err, errTooLarge) {
			refused.status = http.StatusRequestEntityTooLarge
		}
		return refused
	}
	for name, value := range params {
		// A parameter without a value counts as absent (RFC 6749 §3.2).
		if value == "" {
			delete(params, name)
		}
	}
	if refused := req.authenticate(r.Header.Values("Authorization"), params); refused != nil {
		return refused
	}
	switch params["grant_type"] {
	case stytchwire.GrantClientCredentials:
	case "":
		return invalidRequest(errGrantMissing)
	default:
		return &tokenRefusal{status: 400, code: stytchwire.OAuthUnsupportedGrantType, cause: errGrantType}
	}
	if req.clientID == "" || req.clientSecret == "" {
		return &tokenRefusal{status: 401, code: stytchwire.OAuthInvalidClient, cause: errNoCredential}
	}
	req.scope = params["scope"]
	if !validScope(req.scope) {
		return &tokenRefusal{status: 400, code: stytchwire.OAuthInvalidScope, cause: errScope}
	}
	req.extra = url.Values{}
	for _, name := range extra {
		if value := params[name]; value != "" {
			req.extra.Set(name, value)
		}
	}
	return nil
}

// authenticate reads the client's credentials from the Authorization header or the
// body. A client must not use both (RFC 6749 §2.3).
func (req *tokenRequest) authenticate(header []string, params map[string]string) *tokenRefusal {
	req.clientID, req.clientSecret = params["client_id"], params["client_secret"]
	// An assertion is another way to authenticate (RFC 7521 §4.2). It is not
	// supported: alone, it leaves the client without credentials.
	asserted := params["client_assertion"] != "" || params["client_assertion_type"] != ""
	if len(header) == 0 {
		if asserted && req.clientSecret != "" {
			return invalidRequest(errTwoWays)
		}
		return nil
	}
	if len(header) > 1 {
		return invalidRequest(errTwoWays)
	}
	if asserted || req.clientSecret != "" {
		return invalidRequest(errTwoWays)
	}
	scheme, encoded, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(scheme, "Basic") {
		req.clientID = ""
		return nil // unsupported, and refused as invalid_client
	}
	id, secret, ok := basicCredentials(encoded)
	if !ok {
		return invalidRequest(errAuthHeader)
	}
	// Some libraries repeat the client ID in the body. A different one is refused.
	if req.clientID != "" && req.clientID != id {
		return invalidRequest(errTwoWays)
	}
	req.clientID, req.clientSecret = id, secret
	return nil
}

// basicCredentials decodes the credentials of HTTP Basic (RFC 7617 §2). Both halves
// are form-encoded (RFC 6749 §2.3.1).
func basicCredentials(encoded string) (id, secret string, ok bool) {
	text, err := base64.StdEncoding.DecodeString(strings.TrimLeft(encoded, " "))
	id, secret, found := strings.Cut(string(text), ":")
	id, idErr := url.QueryUnescape(id)
	secret, secretErr := url.QueryUnescape(secret)
	if err != nil || !found || idErr != nil || secretErr != nil || !plainText(id) || !plainText(secret) {
		return "", "", false
	}
	return id, secret, true
}

// readParameters reads the known parameters from the body, a form or a JSON object.
// It refuses repeated names.
func readParameters(w http.ResponseWriter, r *http.Request, known []string) (map[string]string, error) {
	// net/http does not decode what a request says is encoded, and what stands
	// in between might.
	if len(r.Header.Values("Content-Encoding")) > 0 {
		return nil, errEncoding
	}
	types := r.Header.Values("Content-Type")
	if len(types) != 1 {
		return nil, errMediaType
	}
	mediaType, attributes, err := mime.ParseMediaType(types[0])
	if err != nil || attributes["charset"] != "" && !strings.EqualFold(attributes["charset"], "utf-8") {
		return nil, errMediaType
	}
	read := parseForm
	switch mediaType {
	case "application/x-www-form-urlencoded":
	case "application/json":
		read = parseJSON
	default:
		return nil, errMediaType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTokenRequest))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, errBody
	}
	params, err := read(string(body), known)
	if err != nil {
		return nil, err
	}
	for _, value := range params {
		if !plainText(value) {
			return nil, errText
		}
	}
	return params, nil
}

func parseForm(body string, known []string) (map[string]string, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, errBody
	}
	params := map[string]string{}
	for name, values := range form {
		if len(values) > 1 { // RFC 6749 §3.2
			return nil, errDuplicate
		}
		if !utf8.ValidString(name) || !utf8.ValidString(values[0]) {
			return nil, errText
		}
		if slices.Contains(known, name) {
			params[name] = values[0]
		}
	}
	return params, nil
}

func parseJSON(body string, known []string) (map[string]string, error) {
	doc, err := strictjson.Parse(body, strictjson.Limits{Depth: 32, Members: 1024}, nil)
	switch {
	case errors.Is(err, strictjson.ErrDuplicate):
		return nil, errDuplicate
	case err != nil:
		return nil, errBody
	}
	params := map[string]string{}
	for _, member := range doc {
		if !slices.Contains(known, member.Name) || member.Value.JSON() == "null" { // null counts as absent
			continue
		}
		text, ok := member.Value.Text()
		if !ok {
			return nil, errBody
		}
		params[member.Name] = text
	}
	return params, nil
}

// plainText reports whether s is valid UTF-8 without control characters. It admits
// more than RFC 6749 Appendix A, because imported secrets may hold any letter.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 })
}

// validScope reports whether scope has the form of RFC 6749 §3.3, or is empty, which
// requests all scopes.
func validScope(scope string) bool {
	return scope == "" || stytchwire.CheckScopes(strings.Split(scope, " ")) == nil
}
