package m2mtest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestClaimsTemplate compares the claims of templates over one client and one request.
func TestClaimsTemplate(t *testing.T) {
	const metadata = `{"tenant": "acme", "plan": {"name": "pro", "seats": 12345678901234567890}, "tags": ["a", "b"], "none": null}`
	for _, tt := range []struct{ name, template, want string }{
		{"a member", `{"t": {{ client.trusted_metadata.tenant }}}`, `{"t":"acme"}`},
		{"without spaces", `{"t":{{client.trusted_metadata.tenant}}}`, `{"t":"acme"}`},
		{"a nested member", `{"p": {{ client.trusted_metadata.plan.name }}}`, `{"p":"pro"}`},
		{"an object with an exact number", `{"p": {{ client.trusted_metadata.plan }}}`, `{"p":{"name":"pro","seats":12345678901234567890}}`},
		{"an array", `{"tags": {{ client.trusted_metadata.tags }}}`, `{"tags":["a","b"]}`},
		{"all metadata", `{"m": {{ client.trusted_metadata }}}`, `{"m":{"plan":{"name":"pro","seats":12345678901234567890},"tags":["a","b"],"tenant":"acme"}}`},
		{"a request parameter", `{"u": {{ request.user_id }}}`, `{"u":"123"}`},
		{"inside an object and an array", `{"o": {"t": {{ client.trusted_metadata.tenant }}, "l": [1, {{ request.user_id }}]}}`, `{"o":{"l":[1,"123"],"t":"acme"}}`},
		{"a value is not a template", `{"u": {{ request.braces }}}`, `{"u":"{{ request.user_id }}"}`},
		{"literals", `{"a": "x\"y", "n": 1.50, "b": true}`, `{"a":"x\"y","b":true,"n":1.50}`},
		{"missing members are left out", `{"a": {{ client.trusted_metadata.no }}, "b": {{ client.trusted_metadata.tenant.x }}, "c": [{{ request.no }}], "d": 1}`, `{"c":[],"d":1}`},
		{"null is left out", `{"a": {{ client.trusted_metadata.none }}}`, `{}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAuthority(t, m2mtest.Options{ClaimsTemplate: tt.template})
			c := call(t, a, "POST", clients, `{"scopes": [], "trusted_metadata": `+metadata+`}`).client(t)
			form := "grant_type=client_credentials&user_id=123&braces={{+request.user_id+}}&client_id=" + c["client_id"].(string) + "&client_secret=" + c["client_secret"].(string)
			r := send(t, "POST", a.TokenURL(), form, func(r *http.Request) {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			})
			if r.status != 200 {
				t.Fatalf("status = %d, want 200: %s", r.status, r.text)
			}
			if got := customClaims(t, r.body["access_token"].(string)); got != tt.want {
				t.Errorf("custom claims = %s, want %s", got, tt.want)
			}
		})
	}
}

// customClaims returns the JSON of the claims that a template made, with numbers as they
// are written.
func customClaims(t *testing.T, token string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]json.RawMessage
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sub", "iss", "aud", "scope", "iat", "nbf", "exp"} {
		delete(claims, name)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestClaimsTemplateJSON: parameters of a JSON request keep their types.
func TestClaimsTemplateJSON(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{ClaimsTemplate: `{"u": {{ request.user.id }}, "s": {{ request.scope }}}`})
	id, secret := a.CreateClient("one", "read:a")
	body := `{"grant_type": "client_credentials", "client_id": "` + id + `", "client_secret": "` + secret + `", "scope": "read:a", "user": {"id": 7}}`
	r := send(t, "POST", a.TokenURL(), body, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
	if got := customClaims(t, r.body["access_token"].(string)); got != `{"s":"read:a","u":7}` {
		t.Errorf(`custom claims = %s, want {"s":"read:a","u":7}`, got)
	}
	big := strings.Replace(body, `{"id": 7}`, `{"id": "`+strings.Repeat("x", 5000)+`"}`, 1)
	if r := send(t, "POST", a.TokenURL(), big, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }); r.status != 400 || !strings.Contains(r.text, "4 KiB") {
		t.Errorf("the answer to claims of 5,000 bytes = %d %s, want 400 and the limit", r.status, r.text)
	}
}

// TestOptionMistakes: Start reports all of them at once, and repeats no secret.
func TestOptionMistakes(t *testing.T) {
	_, err := m2mtest.Start(&m2mtest.Options{
		ProjectID: "nonsense", TokenTTL: 1500 * 1e6, CustomDomain: "https://Login.example.com/x", Addr: "0.0.0.0:0",
		ClaimsTemplate: `{"sub": {{ user.name }}, "x": "{{ request.y }}"}`,
	})
	for _, want := range []string{"project ID", "TokenTTL", "CustomDomain", `"sub"`, "user.name", "quotation marks", "loopback"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Start = %v, want an error that says %q", err, want)
		}
	}
	for _, tt := range []struct {
		want string
		opts m2mtest.Options
	}{
		{"is no JSON object", m2mtest.Options{ClaimsTemplate: `[1]`}},
		{"malformed JSON", m2mtest.Options{ClaimsTemplate: `{`}},
		{"a name twice", m2mtest.Options{ClaimsTemplate: `{"a": 1, "a": 2}`}},
		{"without }}", m2mtest.Options{ClaimsTemplate: `{"a": {{ request.x }`}},
		{"as a name", m2mtest.Options{ClaimsTemplate: `{{{ request.x }}: 1}`}},
		{"malformed variable", m2mtest.Options{ClaimsTemplate: `{"a": {{ request..x }}}`}},
		{"client_secret", m2mtest.Options{ClaimsTemplate: `{"a": {{ request.client_secret }}}`}},
		{"unknown variable", m2mtest.Options{ClaimsTemplate: `{"a": {{ request }}}`}},
		{"unknown variable", m2mtest.Options{ClaimsTemplate: `{"a": {{ client.name }}}`}},
		{"slash at the end", m2mtest.Options{CustomDomain: "https://login.example.com/"}},
		{"lower case", m2mtest.Options{CustomDomain: "https://Login.example.com"}},
		{"not https", m2mtest.Options{CustomDomain: "http://login.example.com"}},
		{"TokenTTL", m2mtest.Options{TokenTTL: -1e9}},
		{"Hosts[1]", m2mtest.Options{Hosts: []string{"authority", "https://authority"}}},
		{"Hosts[0]", m2mtest.Options{Hosts: []string{""}}},
		{"has no port", m2mtest.Options{Addr: "localhost"}},
		{"NoServer", m2mtest.Options{NoServer: true, Hosts: []string{"authority"}}},
	} {
		if a, err := m2mtest.Start(&tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Start(%+v) = %v, want an error that says %q", tt.opts, err, tt.want)
			a.Close()
		}
	}
}
