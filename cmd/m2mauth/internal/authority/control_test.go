package authority

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
)

// control calls the control of p, and returns status and body.
func (p *process) control(t *testing.T, path, body string, edit func(*http.Request)) (int, map[string]any) {
	t.Helper()
	method := http.MethodPost
	if path == "/state" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(t.Context(), method, p.env["AUTHORITY_CONTROL"]+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(p.env["STYTCH_PROJECT_ID"], p.env["STYTCH_SECRET"])
	r.Header.Set("Content-Type", "application/json")
	if edit != nil {
		edit(r)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var response map[string]any
	if err := json.NewDecoder(res.Body).Decode(&response); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, response
}

// do is control for a call that must succeed.
func (p *process) do(t *testing.T, path, body string) map[string]any {
	t.Helper()
	status, response := p.control(t, path, body, nil)
	if status != 200 {
		t.Fatalf("%s %s = %d %v, want 200", path, body, status, response)
	}
	return response
}

// verifier returns one that trusts p.
func (p *process) verifier(t *testing.T) *verifier.Verifier {
	t.Helper()
	issuer, err := stytch.Issuer(p.env["STYTCH_PROJECT_ID"], nil)
	if err != nil {
		t.Fatal(err)
	}
	issuer.JWKSURL = p.env["STYTCH_URL"] + "/v1/sessions/jwks/" + p.env["STYTCH_PROJECT_ID"]
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestControlTokens(t *testing.T) {
	p := start(t, "", "-control", "127.0.0.1:0")
	v := p.verifier(t)
	for _, tt := range []struct {
		name, body string
		want       error
	}{
		{"a good one", `{"scopes": ["read:a"]}`, nil},
		{"an empty body", ``, nil},
		{"expired", `{"ttl": "-5m"}`, verifier.Expired},
		{"forged", `{"forged": true}`, verifier.BadSignature},
		{"another audience", `{"claims": {"aud": "other"}}`, verifier.Audience},
		{"no exp", `{"claims": {"exp": null}}`, verifier.ClaimMalformed},
		{"a person", `{"client_id": "user-test-1"}`, verifier.NotMachine},
		{"another alg", `{"header": {"alg": "none"}}`, verifier.Algorithm},
	} {
		token := p.do(t, "/token", tt.body)["access_token"].(string)
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, tt.want) {
			t.Errorf("Verify(%s) = %v, want %v", tt.name, err, tt.want)
		}
	}
	p.do(t, "/clock", `{"shift": "-2h"}`)
	if _, err := v.Verify(t.Context(), p.do(t, "/token", ``)["access_token"].(string)); !errors.Is(err, verifier.Expired) {
		t.Errorf("Verify(a token of two hours ago) = %v, want %v", err, verifier.Expired)
	}
	if state := p.do(t, "/state", ``); state["shift"] != "-2h0m0s" {
		t.Errorf("shift = %v, want -2h0m0s", state["shift"])
	}
}

func TestControlKeys(t *testing.T) {
	p := start(t, "", "-control", "127.0.0.1:0")
	v := p.verifier(t)
	first := p.do(t, "/state", ``)["signs"].(string)
	token := p.do(t, "/token", ``)["access_token"].(string)
	second := p.do(t, "/keys/rotate", ``)
	if kids := second["keys"].([]any); len(kids) != 2 || kids[1] != first || kids[0] != second["kid"] || second["signs"] != second["kid"] {
		t.Errorf("keys after the rotation = %v, want the new one and %s", second, first)
	}
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("Verify(a token of the old key) = %v, want nil", err)
	}
	published := p.do(t, "/keys/publish", ``)
	if published["signs"] != second["kid"] || len(published["keys"].([]any)) != 3 {
		t.Errorf("keys after publish = %v, want three, and %v signing", published, second["kid"])
	}
	kid := published["kid"].(string)
	if got := p.do(t, "/keys/sign", `{"kid": "`+kid+`"}`)["signs"]; got != kid {
		t.Errorf("signs = %v, want %s", got, kid)
	}
	if kids := p.do(t, "/keys/remove", `{"kid": "`+first+`"}`)["keys"].([]any); len(kids) != 2 {
		t.Errorf("keys after remove = %v, want two", kids)
	}
	token = p.do(t, "/token", ``)["access_token"].(string)
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("Verify(a token of the published key) = %v, want nil", err)
	}
	revoked := p.do(t, "/revoke", ``)
	if kids := revoked["keys"].([]any); len(kids) != 1 || kids[0] != revoked["kid"] {
		t.Errorf("keys after revoke = %v, want %v alone", kids, revoked["kid"])
	}
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, verifier.KeyRemoved) {
		t.Errorf("Verify(a revoked token) = %v, want %v", err, verifier.KeyRemoved)
	}
	if fetches := p.do(t, "/state", ``)["key_fetches"].(float64); fetches < 2 {
		t.Errorf("key_fetches = %v, want at least 2", fetches)
	}
}

func TestControlOutages(t *testing.T) {
	p := start(t, "", "-control", "127.0.0.1:0", "-clients", file(t, "clients.json", seeds))
	request := func() (int, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, "GET", p.env["STYTCH_URL"]+"/v1/sessions/jwks/"+p.env["STYTCH_PROJECT_ID"], nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		res.Body.Close()
		return res.StatusCode, nil
	}
	for _, tt := range []struct {
		name, body string
		status     int
		err        string
	}{
		{"503 everywhere", ``, 503, ""},
		{"a status", `{"endpoints": ["keys"], "status": 429, "header": {"Retry-After": "1"}}`, 429, ""},
		{"another endpoint", `{"endpoints": ["token", "clients"]}`, 200, ""},
		{"down", `{"how": "drop"}`, 0, "EOF"},
		{"hanging", `{"how": "hang"}`, 0, "deadline exceeded"},
	} {
		p.do(t, "/outage/start", tt.body)
		status, err := request()
		if status != tt.status || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("GET keys during %s = %d, %v; want %d and %q", tt.name, status, err, tt.status, tt.err)
		}
		p.do(t, "/outage/end", ``)
	}
	p.do(t, "/outage/start", `{"requests": 1}`)
	for _, want := range []int{503, 200} {
		if status, err := request(); status != want {
			t.Errorf("GET keys during an outage of one request = %d, %v; want %d", status, err, want)
		}
	}
	// reset ends the outage, and leaves the seeds alone.
	if _, _, err := p.api(t).CreateClient(t.Context(), stytch.CreateParams{Name: "more"}); err != nil {
		t.Fatal(err)
	}
	p.do(t, "/outage/start", `{}`)
	p.do(t, "/clock", `{"shift": "1h"}`)
	if state := p.do(t, "/reset", ``); state["shift"] != "0s" {
		t.Errorf("shift after reset = %v, want 0s", state["shift"])
	}
	n := 0
	for _, err := range p.api(t).SearchClients(t.Context(), stytch.SearchParams{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("clients after reset = %d, want the 2 of the file", n)
	}
}

// TestControlRefuses: strangers, web pages and mistakes.
func TestControlRefuses(t *testing.T) {
	p := start(t, "", "-control", "127.0.0.1:0", "-hosts", "authority")
	for _, tt := range []struct {
		name, path, body string
		edit             func(*http.Request)
		want             int
		text             string
	}{
		{"a name of -hosts", "/state", ``, func(r *http.Request) { r.Host = "authority:8485" }, 200, ""},
		{"another name", "/state", ``, func(r *http.Request) { r.Host = "evil.example" }, 421, "-hosts"},
		{"no credentials", "/revoke", ``, func(r *http.Request) { r.Header.Del("Authorization") }, 401, "HTTP Basic"},
		{"a wrong secret", "/revoke", ``, func(r *http.Request) { r.SetBasicAuth(p.env["STYTCH_PROJECT_ID"], "x") }, 401, "HTTP Basic"},
		{"another project", "/revoke", ``, func(r *http.Request) { r.SetBasicAuth("x", p.env["STYTCH_SECRET"]) }, 401, "HTTP Basic"},
		{"a form", "/revoke", ``, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 400, "application/json"},
		{"a GET", "/revoke", ``, func(r *http.Request) { r.Method = "GET" }, 405, "POST"},
		{"an unknown call", "/keys", ``, nil, 404, "no such call"},
		{"no object", "/revoke", `[]`, nil, 400, "JSON object"},
		{"a member twice", "/clock", `{"shift": "1h", "shift": "2h"}`, nil, 400, "duplicate"},
		{"an unknown member", "/outage/start", `{"endpoint": "keys"}`, nil, 400, "unknown member"},
		{"a wrong type", "/outage/start", `{"requests": "1"}`, nil, 400, "wrong type"},
		{"an unknown endpoint", "/outage/start", `{"endpoints": ["jwks"]}`, nil, 400, "endpoints"},
		{"an unknown way", "/outage/start", `{"how": "slow"}`, nil, 400, "how"},
		{"a status of a drop", "/outage/start", `{"how": "drop", "status": 500}`, nil, 400, "belong"},
		{"no status", "/outage/start", `{"status": 1}`, nil, 400, "200 to 599"},
		{"less than none", "/outage/start", `{"requests": -1}`, nil, 400, "requests"},
		{"no shift", "/clock", ``, nil, 400, "shift"},
		{"a century", "/clock", `{"shift": "876000h"}`, nil, 400, "ten years"},
		{"an unknown key", "/keys/sign", `{"kid": "x"}`, nil, 400, "no published key"},
		{"an unknown key to remove", "/keys/remove", `{"kid": "x"}`, nil, 400, "no published key"},
		{"members for none", "/keys/rotate", `{"kid": "x"}`, nil, 400, "unknown member"},
		{"no ttl", "/token", `{"ttl": "0s"}`, nil, 400, "ttl"},
	} {
		status, response := p.control(t, tt.path, tt.body, tt.edit)
		text, _ := response["error"].(string)
		if status != tt.want || !strings.Contains(text, tt.text) {
			t.Errorf("%s = %d %v, want %d and %q", tt.name, status, response, tt.want, tt.text)
		}
	}
}
