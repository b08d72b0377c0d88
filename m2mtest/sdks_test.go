package m2mtest_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestOtherSDKs sends what Stytch's SDKs in other languages send. Its Go and Node
// SDKs themselves are run in examples/thirdparty.
//
// Python and Ruby send the project's credentials and JSON on every call, the token
// call included; Java does so too. Python omits what is None, Ruby what is nil.
func TestOtherSDKs(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	id, secret := a.CreateClient("one", "read:a")
	credentials := fmt.Sprintf(`"grant_type": "client_credentials", "client_id": %q, "client_secret": %q`, id, secret)
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		member                   string // that the answer has
	}{
		{"Python: token", "POST", "/v1/public/" + a.ProjectID() + "/oauth2/token", `{` + credentials + `}`, 200, "access_token"},
		{"Python: token with scopes", "POST", "/v1/public/" + a.ProjectID() + "/oauth2/token", `{` + credentials + `, "scope": "read:a"}`, 200, "access_token"},
		{"Ruby: token with no scopes", "POST", "/v1/public/" + a.ProjectID() + "/oauth2/token", `{` + credentials + `, "scope": ""}`, 200, "access_token"},
		{"Java: token with a null scope", "POST", "/v1/public/" + a.ProjectID() + "/oauth2/token", `{` + credentials + `, "scope": null}`, 200, "access_token"},
		{"Python: keys", "GET", "/v1/sessions/jwks/" + a.ProjectID(), ``, 200, "keys"},
		{"Python: B2B keys", "GET", "/v1/b2b/sessions/jwks/" + a.ProjectID(), ``, 200, "keys"},
		{"Ruby: keys with an empty query", "GET", "/v1/sessions/jwks/" + a.ProjectID() + "?", ``, 200, "keys"},
		{"Python: create", "POST", "/v1/m2m/clients", `{"scopes": ["read:a"], "client_name": "two"}`, 201, "m2m_client"},
		{"Java: create with nulls", "POST", "/v1/m2m/clients", `{"scopes": [], "client_id": null, "client_secret": null, "client_name": null, "client_description": null, "trusted_metadata": null}`, 201, "m2m_client"},
		{"Ruby: get", "GET", "/v1/m2m/clients/" + id, ``, 200, "m2m_client"},
		{"Ruby: get with an empty query", "GET", "/v1/m2m/clients/" + id + "?", ``, 200, "m2m_client"},
		{"Python: search", "POST", "/v1/m2m/clients/search", `{}`, 200, "m2m_clients"},
		{"Python: search with an empty query", "POST", "/v1/m2m/clients/search", `{"query": {}}`, 200, "m2m_clients"},
		{"Java: search with nulls", "POST", "/v1/m2m/clients/search", `{"cursor": null, "limit": null, "query": null}`, 200, "m2m_clients"},
		{"Ruby: search with an operator alone", "POST", "/v1/m2m/clients/search", `{"query": {"operator": "OR"}}`, 200, "m2m_clients"},
		{"Python: update", "PUT", "/v1/m2m/clients/" + id, `{"client_name": "uno"}`, 200, "m2m_client"},
		{"Java: update with nulls", "PUT", "/v1/m2m/clients/" + id, `{"client_name": null, "client_description": null, "status": null, "scopes": null, "trusted_metadata": null}`, 200, "m2m_client"},
		{"Python: start a rotation", "POST", "/v1/m2m/clients/" + id + "/secrets/rotate/start", `{}`, 200, "m2m_client"},
		{"Ruby: cancel a rotation", "POST", "/v1/m2m/clients/" + id + "/secrets/rotate/cancel", ``, 200, "m2m_client"},
		{"Go: start a rotation", "POST", "/v1/m2m/clients/" + id + "/secrets/rotate/start", `{"client_id": "` + id + `"}`, 200, "m2m_client"},
		{"Java: complete a rotation", "POST", "/v1/m2m/clients/" + id + "/secrets/rotate", `{}`, 200, "m2m_client"},
		{"Python: delete", "DELETE", "/v1/m2m/clients/" + id, ``, 200, "client_id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := send(t, tt.method, a.URL()+tt.path, tt.body, func(r *http.Request) {
				r.SetBasicAuth(a.ProjectID(), a.Secret())
				r.Header.Set("Content-Type", "application/json")
			})
			if _, ok := r.body[tt.member]; r.status != tt.status || !ok {
				t.Errorf("status = %d, want %d with %s\n%s", r.status, tt.status, tt.member, r.text)
			}
		})
	}
}
