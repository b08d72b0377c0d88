package m2mtest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// wantGranted asserts a token response and the token's scope.
func wantGranted(t *testing.T, r reply, scope string) map[string]any {
	t.Helper()
	if r.status != 200 {
		t.Fatalf("the token request = %d, want 200: %s", r.status, r.text)
	}
	wantMembers(t, r, "status_code", "request_id", "access_token", "token_type", "expires_in")
	if r.body["token_type"] != "bearer" || r.body["expires_in"] != 3600.0 {
		t.Errorf("token_type, expires_in = %v, %v; want bearer, 3600", r.body["token_type"], r.body["expires_in"])
	}
	if r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control = %q, want no-store", r.header.Get("Cache-Control"))
	}
	claims := payload(t, r.body["access_token"].(string))
	if claims["scope"] != scope {
		t.Errorf("scope = %q, want %q", claims["scope"], scope)
	}
	return claims
}

func payload(t *testing.T, token string) map[string]any {
	t.Helper()
	var claims map[string]any
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestTokenEndpoint(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	id, secret := a.CreateClient("worker", "read:users", "write:users")
	none, noneSecret := a.CreateClient("none")
	idle, idleSecret := a.CreateClient("idle", "a")
	call(t, a, "PUT", clients+"/"+idle, `{"status": "inactive"}`)

	creds := "&client_id=" + id + "&client_secret=" + secret
	const formType, jsonType = "application/x-www-form-urlencoded", "application/json"
	basic := func(id, secret string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
	}
	for _, tt := range []struct {
		name, contentType, body, authorization string

		status int
		code   string // or the granted scope
	}{
		{"form", formType, "grant_type=client_credentials" + creds, "", 200, "read:users write:users"},
		{"form with a charset", formType + ";charset=UTF-8", "grant_type=client_credentials" + creds, "", 200, "read:users write:users"},
		{"JSON", jsonType, `{"grant_type": "client_credentials", "client_id": "` + id + `", "client_secret": "` + secret + `"}`, "", 200, "read:users write:users"},
		{"JSON with other members", jsonType, `{"grant_type": "client_credentials", "client_id": "` + id + `", "client_secret": "` + secret + `", "user_id": 1}`, "", 200, "read:users write:users"},
		{"Basic and form", formType, "grant_type=client_credentials", basic(id, secret), 200, "read:users write:users"},
		{"Basic and JSON", jsonType, `{"grant_type": "client_credentials"}`, basic(id, secret), 200, "read:users write:users"},
		{"Basic, form-encoded", formType, "grant_type=client_credentials", basic(strings.ReplaceAll(id, "-", "%2D"), secret), 200, "read:users write:users"},
		{"Basic and the same client_id", formType, "grant_type=client_credentials&client_id=" + id, basic(id, secret), 200, "read:users write:users"},
		{"one scope", formType, "grant_type=client_credentials&scope=write:users" + creds, "", 200, "write:users"},
		{"scopes in the order asked for", formType, "grant_type=client_credentials&scope=write:users+read:users+write:users" + creds, "", 200, "write:users read:users"},
		{"empty scope is none", formType, "grant_type=client_credentials&scope=" + creds, "", 200, "read:users write:users"},
		{"client without scopes", formType, "grant_type=client_credentials", basic(none, noneSecret), 200, ""},

		{"the project by Basic, the client in a form", formType, "grant_type=client_credentials" + creds, basic(a.ProjectID(), a.Secret()), 200, "read:users write:users"},
		{"the project by Basic, the client in JSON", jsonType, `{"grant_type": "client_credentials", "client_id": "` + id + `", "client_secret": "` + secret + `"}`, basic(a.ProjectID(), a.Secret()), 200, "read:users write:users"},
		{"the project by Basic, a scope", formType, "grant_type=client_credentials&scope=read:users" + creds, basic(a.ProjectID(), a.Secret()), 200, "read:users"},
		{"the project by Basic, its secret wrong", formType, "grant_type=client_credentials" + creds, basic(a.ProjectID(), "wrong"), 401, "invalid_client"},
		{"the project by Basic, no secret", formType, "grant_type=client_credentials" + creds, basic(a.ProjectID(), ""), 401, "invalid_client"},
		{"the project by Basic, the client's secret wrong", formType, "grant_type=client_credentials&client_secret=wrong&client_id=" + id, basic(a.ProjectID(), a.Secret()), 401, "invalid_client"},
		{"the project by Basic alone", formType, "grant_type=client_credentials", basic(a.ProjectID(), a.Secret()), 401, "invalid_client"},
		{"the project by Basic, no secret in the body", formType, "grant_type=client_credentials&client_id=" + id, basic(a.ProjectID(), a.Secret()), 401, "invalid_client"},
		{"the project in the body", formType, "grant_type=client_credentials&client_id=" + a.ProjectID() + "&client_secret=" + a.Secret(), "", 401, "invalid_client"},

		{"no grant_type", formType, creds[1:], "", 400, "invalid_request"},
		{"empty body", formType, "", "", 400, "invalid_request"},
		{"no media type", "", "grant_type=client_credentials" + creds, "", 400, "invalid_request"},
		{"another media type", "text/plain", "grant_type=client_credentials" + creds, "", 400, "invalid_request"},
		{"malformed form", formType, "grant_type=%zz", "", 400, "invalid_request"},
		{"malformed JSON", jsonType, `{"grant_type":`, "", 400, "invalid_request"},
		{"JSON of a wrong type", jsonType, `{"grant_type": ["client_credentials"]}`, "", 400, "invalid_request"},
		{"duplicate parameter", formType, "grant_type=client_credentials&scope=a&scope=b" + creds, "", 400, "invalid_request"},
		{"duplicate member", jsonType, `{"scope": "a", "scope": "b", "grant_type": "client_credentials"}`, "", 400, "invalid_request"},
		{"huge body", formType, "grant_type=client_credentials&scope=" + strings.Repeat("x", 64<<10), "", 400, "invalid_request"},
		{"Basic and a secret in the body", formType, "grant_type=client_credentials" + creds, basic(id, secret), 400, "invalid_request"},
		{"Basic and another client_id", formType, "grant_type=client_credentials&client_id=" + none, basic(id, secret), 400, "invalid_request"},
		{"another grant", formType, "grant_type=authorization_code" + creds, "", 400, "unsupported_grant_type"},
		{"another grant without credentials", formType, "grant_type=password", "", 400, "unsupported_grant_type"},
		{"scope of another", formType, "grant_type=client_credentials&scope=admin" + creds, "", 400, "invalid_scope"},
		{"one scope of another", formType, "grant_type=client_credentials&scope=read:users+admin" + creds, "", 400, "invalid_scope"},
		{"scope within a wildcard", formType, "grant_type=client_credentials&scope=read:*" + creds, "", 400, "invalid_scope"},

		{"no credentials", formType, "grant_type=client_credentials", "", 401, "invalid_client"},
		{"no secret", formType, "grant_type=client_credentials&client_id=" + id, "", 401, "invalid_client"},
		{"wrong secret", formType, "grant_type=client_credentials&client_id=" + id + "&client_secret=x", "", 401, "invalid_client"},
		{"another's secret", formType, "grant_type=client_credentials&client_id=" + id + "&client_secret=" + noneSecret, "", 401, "invalid_client"},
		{"unknown client", formType, "grant_type=client_credentials&client_id=m2m-client-test-x&client_secret=" + secret, "", 401, "invalid_client"},
		{"inactive client", formType, "grant_type=client_credentials&client_id=" + idle + "&client_secret=" + idleSecret, "", 401, "invalid_client"},
		{"wrong secret and wrong scope", formType, "grant_type=client_credentials&scope=admin&client_id=" + id + "&client_secret=x", "", 401, "invalid_client"},
		{"Basic, wrong secret", formType, "grant_type=client_credentials", basic(id, "x"), 401, "invalid_client"},
		{"Basic, malformed", formType, "grant_type=client_credentials", "Basic ~", 401, "invalid_client"},
		{"Basic, malformed escape", formType, "grant_type=client_credentials", basic(id, "%zz"), 401, "invalid_client"},
		{"another scheme", formType, "grant_type=client_credentials", "Bearer x", 401, "invalid_client"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := send(t, "POST", a.TokenURL(), tt.body, func(r *http.Request) {
				if tt.contentType != "" {
					r.Header.Set("Content-Type", tt.contentType)
				}
				if tt.authorization != "" {
					r.Header.Set("Authorization", tt.authorization)
				}
			})
			if tt.status == 200 {
				wantGranted(t, r, tt.code)
				return
			}
			wantOAuthError(t, r, tt.status, tt.code)
			// RFC 6749 §5.2: a challenge if and only if the request had the header.
			challenged := r.header.Get("WWW-Authenticate") != ""
			if want := tt.status == 401 && tt.authorization != ""; challenged != want {
				t.Errorf("WWW-Authenticate = %q, want one: %t", r.header.Get("WWW-Authenticate"), want)
			}
		})
	}
	r := send(t, "POST", strings.Replace(a.TokenURL(), "project-test-", "project-test-x", 1), "", nil)
	wantOAuthError(t, r, 404, "invalid_request")
}

// TestInvalidClientIsOneAnswer: the response does not reveal which clients exist.
func TestInvalidClientIsOneAnswer(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	id, secret := a.CreateClient("worker")
	texts := map[string]bool{}
	add := func(r reply) {
		delete(r.body, "request_id")
		text, _ := json.Marshal(r.body)
		texts[string(text)] = true
	}
	add(token(t, a, id, "wrong"))
	add(token(t, a, "ghost", secret))
	call(t, a, "PUT", clients+"/"+id, `{"status": "inactive"}`)
	add(token(t, a, id, secret))
	if len(texts) != 1 {
		t.Errorf("len(responses) = %d, want 1: %v", len(texts), texts)
	}
}

func TestIssuedToken(t *testing.T) {
	now := time.Unix(1_900_000_000, 0)
	a := newAuthority(t, m2mtest.Options{
		TokenTTL:       90 * time.Second,
		Now:            func() time.Time { return now },
		ClaimsTemplate: `{"tenant": {{ client.trusted_metadata.tenant }}}`,
	})
	c := call(t, a, "POST", clients, `{"scopes": ["a"], "trusted_metadata": {"tenant": "acme"}}`).client(t)
	r := token(t, a, c["client_id"].(string), c["client_secret"].(string))
	if r.body["expires_in"] != 90.0 {
		t.Errorf("expires_in = %v, want 90", r.body["expires_in"])
	}
	got := payload(t, r.body["access_token"].(string))
	want := map[string]any{
		"sub": c["client_id"], "iss": "stytch.com/" + a.ProjectID(), "aud": []any{a.ProjectID()}, "scope": "a",
		"iat": 1.9e9, "nbf": 1.9e9, "exp": 1.9e9 + 90, "tenant": "acme",
	}
	wantSame(t, got, want)
}
