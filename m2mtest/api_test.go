package m2mtest_test

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

const clients = "/v1/m2m/clients"

func TestCreate(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	for _, path := range []string{clients, clients + "/"} {
		r := call(t, a, "POST", path, `{"client_name": "billing", "client_description": "bills",
			"scopes": ["read:users", "write:users", "read:users"], "trusted_metadata": {"n": 12345678901234567890}}`)
		if r.status != 201 {
			t.Fatalf("POST %s = %d, want 201: %s", path, r.status, r.text)
		}
		wantMembers(t, r, "status_code", "request_id", "m2m_client")
		c := r.client(t)
		id, _ := c["client_id"].(string)
		secret, _ := c["client_secret"].(string)
		if !strings.HasPrefix(id, "m2m-client-test-") || len(id) != len("m2m-client-test-")+36 {
			t.Errorf("client_id = %q, want m2m-client-test- and a UUID", id)
		}
		if len(secret) < 40 {
			t.Errorf("len(client_secret) = %d, want at least 40", len(secret))
		}
		if !strings.Contains(r.text, "12345678901234567890") {
			t.Error("a large number of trusted_metadata did not survive")
		}
		delete(c, "trusted_metadata")
		want := map[string]any{
			"client_id": id, "client_secret": secret, "client_secret_last_four": secret[len(secret)-4:],
			"next_client_secret_last_four": nil, "client_name": "billing", "client_description": "bills",
			"status": "active", "scopes": []any{"read:users", "write:users"},
		}
		if !reflect.DeepEqual(c, want) {
			t.Errorf("m2m_client = %v, want %v", c, want)
		}
		wantGranted(t, token(t, a, id, secret), "read:users write:users")
	}
}

func TestCreateDefaults(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	c := call(t, a, "POST", clients, `{"scopes": []}`).client(t)
	if !reflect.DeepEqual(c["scopes"], []any{}) || !reflect.DeepEqual(c["trusted_metadata"], map[string]any{}) {
		t.Errorf("create(no scopes) = scopes %v, trusted_metadata %v; want [] and {}", c["scopes"], c["trusted_metadata"])
	}
}

func TestImport(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	r := call(t, a, "POST", clients, `{"client_id": "auth0|x1 ", "client_secret": "kR8-ömega-42z", "scopes": ["a"]}`)
	wantStytchError(t, r, 400, "m2m_client_invalid_client_id")
	r = call(t, a, "POST", clients, `{"client_id": "auth0|x%2F1", "client_secret": "kR8-ömega-42z", "scopes": ["a"]}`)
	if r.status != 201 || r.client(t)["client_secret"] != "kR8-ömega-42z" {
		t.Fatalf("create(imported) = %d, want 201: %s", r.status, r.text)
	}
	// Its ID travels through a path, and its secret through a form and Basic.
	if r := call(t, a, "GET", clients+"/"+url.PathEscape("auth0|x%2F1"), ""); r.status != 200 {
		t.Errorf("get(imported) = %d, want 200: %s", r.status, r.text)
	}
	id, secret := url.QueryEscape("auth0|x%2F1"), url.QueryEscape("kR8-ömega-42z")
	wantGranted(t, token(t, a, id, secret), "a")
	basic := func(r *http.Request) {
		r.SetBasicAuth(id, secret)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	wantGranted(t, send(t, "POST", a.TokenURL(), "grant_type=client_credentials", basic), "a")
}

func TestGetUpdateDelete(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	created := call(t, a, "POST", clients,
		`{"client_name": "n", "scopes": ["a"], "trusted_metadata": {"keep": 1, "drop": 2}}`).client(t)
	id, secret := created["client_id"].(string), created["client_secret"].(string)
	path := clients + "/" + id
	delete(created, "client_secret")

	r := call(t, a, "GET", path, "")
	wantMembers(t, r, "status_code", "request_id", "m2m_client")
	if r.status != 200 || !reflect.DeepEqual(r.client(t), created) {
		t.Errorf("get = %d, %v; want 200, %v", r.status, r.client(t), created)
	}

	for _, tt := range []struct {
		name, body string
		member     string
		want       any
	}{
		{"name", `{"client_name": "m"}`, "client_name", "m"},
		{"description", `{"client_description": "d"}`, "client_description", "d"},
		{"name untouched", `{}`, "client_name", "m"},
		{"scopes", `{"scopes": ["b", "c"]}`, "scopes", []any{"b", "c"}},
		{"scopes untouched by null", `{"scopes": null}`, "scopes", []any{"b", "c"}},
		{"metadata merged", `{"trusted_metadata": {"drop": null, "new": [1]}}`, "trusted_metadata", map[string]any{"keep": 1.0, "new": []any{1.0}}},
		{"scopes taken away", `{"scopes": []}`, "scopes", []any{}},
		{"inactive", `{"status": "inactive"}`, "status", "inactive"},
	} {
		r := call(t, a, "PUT", path, tt.body)
		if got := r.client(t)[tt.member]; r.status != 200 || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("update(%s) = %d, %s = %v; want %v", tt.name, r.status, tt.member, got, tt.want)
		}
		wantMembers(t, r, "status_code", "request_id", "m2m_client")
	}
	wantOAuthError(t, token(t, a, id, secret), 401, "invalid_client")
	call(t, a, "PUT", path, `{"status": "active", "scopes": ["z"]}`)
	wantGranted(t, token(t, a, id, secret), "z")

	r = call(t, a, "DELETE", path, "")
	wantMembers(t, r, "status_code", "request_id", "client_id")
	if r.status != 200 || r.body["client_id"] != id {
		t.Errorf("delete = %d, %s; want 200 and the client_id", r.status, r.text)
	}
	wantStytchError(t, call(t, a, "GET", path, ""), 404, "m2m_client_not_found")
	wantOAuthError(t, token(t, a, id, secret), 401, "invalid_client")
}

func TestAPIErrors(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	id, _ := a.CreateClient("taken")
	const ghost = clients + "/m2m-client-test-00000000-0000-4000-8000-000000000000"
	many := `{"trusted_metadata": {` + strings.Repeat(`"k%": 1,`, 20) + `"z": 1}}`
	for n := range 20 {
		many = strings.Replace(many, "%", string(rune('a'+n)), 1)
	}
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		errorType                string
	}{
		{"create: no body", "POST", clients, ``, 400, "bad_request"},
		{"create: not JSON", "POST", clients, `client_name=x`, 400, "bad_request"},
		{"create: trailing bytes", "POST", clients, `{}{}`, 400, "bad_request"},
		{"create: duplicate member", "POST", clients, `{"scopes": ["a"], "scopes": ["b"]}`, 400, "bad_request"},
		{"create: scopes of a wrong type", "POST", clients, `{"scopes": "a"}`, 400, "bad_request"},
		{"create: malformed scope", "POST", clients, `{"scopes": ["a b"]}`, 400, "bad_request"},
		{"create: empty scope", "POST", clients, `{"scopes": [""]}`, 400, "bad_request"},
		{"create: ID taken", "POST", clients, `{"client_id": "` + id + `", "scopes": []}`, 400, "m2m_client_invalid_client_id"},
		{"create: ID with a slash", "POST", clients, `{"client_id": "a/b"}`, 400, "m2m_client_invalid_client_id"},
		{"create: ID of dots", "POST", clients, `{"client_id": ".."}`, 400, "m2m_client_invalid_client_id"},
		{"create: ID too long", "POST", clients, `{"client_id": "` + strings.Repeat("x", 129) + `"}`, 400, "m2m_client_invalid_client_id"},
		{"create: short secret", "POST", clients, `{"client_secret": "kR8-z42"}`, 400, "m2m_client_invalid_client_secret"},
		{"create: guessable secret", "POST", clients, `{"client_secret": "password123"}`, 400, "m2m_client_invalid_client_secret"},
		{"create: metadata of a wrong type", "POST", clients, `{"trusted_metadata": "x"}`, 400, "bad_request"},
		{"create: too much metadata", "POST", clients, `{"trusted_metadata": {"k": "` + strings.Repeat("x", 4096) + `"}}`, 400, "metadata_too_large"},
		{"create: too many keys of metadata", "POST", clients, many, 400, "metadata_too_many_keys"},
		{"create: long name", "POST", clients, `{"client_name": "` + strings.Repeat("ä", 257) + `"}`, 400, "m2m_client_invalid_client_name"},
		{"create: long description", "POST", clients, `{"client_description": "` + strings.Repeat("x", 1025) + `"}`, 400, "m2m_client_invalid_client_description"},
		{"create: huge body", "POST", clients, `{"client_name": "` + strings.Repeat("x", 64<<10) + `"}`, 413, "bad_request"},

		{"get: unknown", "GET", ghost, ``, 404, "m2m_client_not_found"},
		{"update: unknown", "PUT", ghost, `{}`, 404, "m2m_client_not_found"},
		{"update: not JSON", "PUT", clients + "/" + id, `x`, 400, "bad_request"},
		{"update: long name", "PUT", clients + "/" + id, `{"client_name": "` + strings.Repeat("x", 257) + `"}`, 400, "m2m_client_invalid_client_name"},
		{"update: long description", "PUT", clients + "/" + id, `{"client_description": "` + strings.Repeat("x", 1025) + `"}`, 400, "m2m_client_invalid_client_description"},
		{"update: status", "PUT", clients + "/" + id, `{"status": "Active"}`, 400, "m2m_client_invalid_status"},
		{"update: malformed scope", "PUT", clients + "/" + id, `{"scopes": ["\""]}`, 400, "bad_request"},
		{"delete: unknown", "DELETE", ghost, ``, 404, "m2m_client_not_found"},

		{"start rotation: unknown", "POST", ghost + "/secrets/rotate/start", `{}`, 404, "m2m_client_not_found"},
		{"cancel rotation: unknown", "POST", ghost + "/secrets/rotate/cancel", `{}`, 404, "m2m_client_not_found"},
		{"complete rotation: unknown", "POST", ghost + "/secrets/rotate", `{}`, 404, "m2m_client_not_found"},
		{"cancel rotation: none", "POST", clients + "/" + id + "/secrets/rotate/cancel", ``, 400, "m2m_client_not_rotating_secret"},
		{"complete rotation: none", "POST", clients + "/" + id + "/secrets/rotate", ``, 400, "m2m_client_not_rotating_secret"},

		{"search: no body", "POST", clients + "/search", ``, 400, "bad_request"},
		{"search: limit too large", "POST", clients + "/search", `{"limit": 1001}`, 400, "bad_request"},
		{"search: limit negative", "POST", clients + "/search", `{"limit": -1}`, 400, "bad_request"},
		{"search: limit of a wrong type", "POST", clients + "/search", `{"limit": "1"}`, 400, "bad_request"},
		{"search: cursor", "POST", clients + "/search", `{"cursor": "~"}`, 400, "bad_request"},
		{"search: no operator", "POST", clients + "/search", `{"query": {"operands": [{"filter_name": "scopes", "filter_value": ["a"]}]}}`, 400, "bad_request"},
		{"search: operator", "POST", clients + "/search", `{"query": {"operator": "XOR"}}`, 400, "bad_request"},
		{"search: operand of a wrong type", "POST", clients + "/search", `{"query": {"operator": "OR", "operands": [1]}}`, 400, "bad_request"},
		{"search: no filter name", "POST", clients + "/search", `{"query": {"operator": "OR", "operands": [{}]}}`, 400, "m2m_search_missing_filter_name"},
		{"search: filter name of a wrong type", "POST", clients + "/search", `{"query": {"operator": "OR", "operands": [{"filter_name": 1}]}}`, 400, "m2m_search_filter_name_must_be_string"},
		{"search: unknown filter", "POST", clients + "/search", `{"query": {"operator": "OR", "operands": [{"filter_name": "status"}]}}`, 400, "m2m_search_filter_name_not_recognized"},
		{"search: no filter value", "POST", clients + "/search", `{"query": {"operator": "OR", "operands": [{"filter_name": "scopes"}]}}`, 400, "m2m_search_missing_filter_value"},
		{"search: filter value of a wrong type", "POST", clients + "/search", `{"query": {"operator": "OR", "operands": [{"filter_name": "scopes", "filter_value": "a"}]}}`, 400, "m2m_search_expected_array_of_strings"},

		{"unknown route", "GET", "/v1/users", ``, 404, "route_not_found"},
		{"method: clients", "GET", clients, ``, 405, "method_not_allowed"},
		{"method: search", "GET", clients + "/search", ``, 405, "method_not_allowed"},
		{"method: client", "PATCH", clients + "/" + id, ``, 405, "method_not_allowed"},
		{"method: rotation", "GET", clients + "/" + id + "/secrets/rotate", ``, 405, "method_not_allowed"},
		{"method: token", "GET", "/v1/public/" + a.ProjectID() + "/oauth2/token", ``, 405, "method_not_allowed"},
		{"method: keys", "POST", "/v1/sessions/jwks/" + a.ProjectID(), ``, 405, "method_not_allowed"},
		{"B2B keys of another project", "GET", "/v1/b2b/sessions/jwks/project-test-other", ``, 404, "project_not_found"},
		{"keys of another project", "GET", "/v1/sessions/jwks/project-test-other", ``, 404, "project_not_found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantStytchError(t, call(t, a, tt.method, tt.path, tt.body), tt.status, tt.errorType)
		})
	}
	if r := call(t, a, "PATCH", clients+"/"+id, ""); r.header.Get("Allow") != "DELETE, GET, PUT" {
		t.Errorf("Allow = %q, want DELETE, GET, PUT", r.header.Get("Allow"))
	}
}

func TestAPICredentials(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	id, secret := a.CreateClient("c")
	for _, tt := range []struct {
		name string
		edit func(*http.Request)
	}{
		{"none", nil},
		{"wrong secret", func(r *http.Request) { r.SetBasicAuth(a.ProjectID(), "x") }},
		{"wrong project", func(r *http.Request) { r.SetBasicAuth("project-test-other", a.Secret()) }},
		{"a client's", func(r *http.Request) { r.SetBasicAuth(id, secret) }},
		{"empty", func(r *http.Request) { r.SetBasicAuth("", "") }},
		{"not Basic", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+a.Secret()) }},
		{"malformed", func(r *http.Request) { r.Header.Set("Authorization", "Basic ~") }},
	} {
		for _, path := range []string{clients, clients + "/", clients + "/search", clients + "/" + id + "/secrets/rotate/start"} {
			t.Run(tt.name+path, func(t *testing.T) {
				r := send(t, "POST", a.URL()+path, `{}`, tt.edit)
				wantStytchError(t, r, 401, "unauthorized_credentials")
				if !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Basic ") {
					t.Errorf("WWW-Authenticate = %q, want Basic", r.header.Get("WWW-Authenticate"))
				}
			})
		}
	}
}

// TestContentType: a body must be JSON and declare it, as at Stytch. curl -d
// declares a form.
func TestContentType(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	for _, tt := range []struct {
		name, contentType, body string
		status                  int
	}{
		{"JSON", "application/json", `{}`, 201},
		{"JSON with a charset", "application/json; charset=utf-8", `{}`, 201},
		{"JSON in capitals", "Application/JSON", `{}`, 201},
		{"none", "", `{}`, 400},
		{"curl -d", "application/x-www-form-urlencoded", `{}`, 400},
		{"text", "text/plain", `{}`, 400},
		{"a relative of JSON", "application/problem+json", `{}`, 400},
	} {
		r := send(t, "POST", a.URL()+clients, tt.body, func(r *http.Request) {
			r.SetBasicAuth(a.ProjectID(), a.Secret())
			r.Header.Set("Content-Type", tt.contentType)
		})
		if r.status != tt.status {
			t.Errorf("create(%s) = %d, want %d: %s", tt.name, r.status, tt.status, r.text)
		}
		if tt.status == 400 {
			wantStytchError(t, r, 400, "bad_request")
		}
	}
	// Names are counted in characters, and these are just short enough.
	if r := call(t, a, "POST", clients, `{"client_name": "`+strings.Repeat("ä", 256)+`", "client_description": "`+strings.Repeat("ä", 1024)+`"}`); r.status != 201 {
		t.Errorf("create(long names) = %d, want 201: %s", r.status, r.text)
	}
}

func TestLoopbackOnly(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	for _, tt := range []struct {
		host string
		want int
	}{
		{"localhost", 200}, {"localhost:1", 200}, {"127.0.0.1", 200}, {"[::1]:80", 200},
		{"evil.example", 421}, {"10.0.0.1:80", 421}, {"localhost.evil.example", 421}, {"127.0.0.1.evil.example:80", 421},
	} {
		r := send(t, "GET", a.Issuer().JWKSURL, "", func(r *http.Request) { r.Host = tt.host })
		if r.status != tt.want {
			t.Errorf("GET(Host %s) = %d, want %d", tt.host, r.status, tt.want)
		}
	}
	if u, _ := url.Parse(a.URL()); u.Hostname() != "127.0.0.1" {
		t.Errorf("URL() = %s, want the host 127.0.0.1", a.URL())
	}
}
