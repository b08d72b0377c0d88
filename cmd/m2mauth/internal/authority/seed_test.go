package authority

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/stytch"
)

const seeds = `{"clients": [
	{"client_id": "m2m-client-test-billing", "client_secret": "billing-3fz9-kq71", "client_name": "billing", "client_description": "sends invoices",
	 "scopes": ["invoices:write"], "trusted_metadata": {"tenant": "acme", "n": 12345678901234567890}},
	{"client_id": "retired", "client_secret": "retired-93nx-pw4k", "status": "inactive"}
]}`

// TestSeeds: the clients of the file are there at each start, and as it says.
func TestSeeds(t *testing.T) {
	db := filepath.Join(t.TempDir(), "authority.db")
	path := file(t, "clients.json", seeds)
	claims := file(t, "claims.json", `{"tenant": {{ client.trusted_metadata.tenant }}}`)
	secret := stytch.NewSecret("billing-3fz9-kq71")
	for range 2 {
		p := start(t, db, "-clients", path, "-claims", claims)
		c, err := p.api(t).GetClient(t.Context(), "m2m-client-test-billing")
		if err != nil {
			t.Fatal(err)
		}
		if c.Name != "billing" || c.Description != "sends invoices" || c.Scopes[0] != "invoices:write" || string(c.TrustedMetadata["n"]) != "12345678901234567890" {
			t.Errorf("GetClient = %+v, want what the file says", c)
		}
		if err := p.token(t.Context(), c.ID, secret); err != nil {
			t.Errorf("a token for the seed: %v, want none", err)
		}
		if err := p.token(t.Context(), "retired", stytch.NewSecret("retired-93nx-pw4k")); err == nil || !strings.Contains(err.Error(), "invalid_client") {
			t.Errorf("a token for an inactive seed: %v, want invalid_client", err)
		}
		// The next start undoes both.
		if _, err := p.api(t).UpdateClient(t.Context(), c.ID, stytch.UpdateParams{Name: new("other"), Scopes: []string{"x"}}); err != nil {
			t.Fatal(err)
		}
		p.kill()
	}
}

// TestSeedMistakes: the file is read strictly, all mistakes are reported, and no secret.
func TestSeedMistakes(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no JSON", `clients: []`, "malformed JSON"},
		{"an array", `[]`, "malformed JSON"},
		{"null", `null`, "malformed JSON"},
		{"a member twice", `{"clients": [], "clients": []}`, "a name twice"},
		{"a secret twice", `{"clients": [{"client_id": "a", "client_secret": "` + hidden + `", "client_secret": "` + hidden + `"}]}`, "a name twice"},
		{"another member", `{"clients": [], "client": []}`, `unknown member "client"`},
		{"no clients", `{}`, "clients is no array"},
		{"an object", `{"clients": {}}`, "clients is no array"},
		{"a typing error", `{"clients": [{"client_id": "a", "client_secret": "` + hidden + `", "scope": "a"}]}`, `clients[0] has the unknown member "scope"`},
		{"another case", `{"clients": [{"Client_id": "a", "client_secret": "` + hidden + `"}]}`, "has the unknown member"},
		{"scopes as text", `{"clients": [{"client_id": "a", "client_secret": "` + hidden + `", "scopes": "a b"}]}`, "clients[0]: scopes has the wrong type"},
		{"a number for a secret", `{"clients": [{"client_id": "a", "client_secret": 12345678}]}`, "client_secret has the wrong type"},
		{"no ID", `{"clients": [{"client_secret": "` + hidden + `"}]}`, "clients[0] has no client_id"},
		{"no secret", `{"clients": [{"client_id": "a"}]}`, "clients[0] has no client_secret"},
		{"an ID twice", `{"clients": [{"client_id": "a", "client_secret": "` + hidden + `"}, {"client_id": "a", "client_secret": "` + hidden + `"}]}`, "clients[1] has the client_id of clients[0]"},
		{"an unknown status", `{"clients": [{"client_id": "a", "client_secret": "` + hidden + `", "status": "disabled"}]}`, "status is neither"},
		{"a guessable secret", `{"clients": [{"client_id": "a", "client_secret": "password"}]}`, "clients[0]: The client_secret must be"},
		{"a malformed scope", `{"clients": [{"client_id": "a", "client_secret": "` + hidden + `", "scopes": ["a b"]}]}`, "clients[0]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			args := []string{"-memory", "-addr", "127.0.0.1:0", "-clients", file(t, "clients.json", tt.text)}
			if got := Run(short(t), args, &stdout, &stderr); got != 2 || !strings.Contains(stderr.String(), tt.want) || strings.Contains(stderr.String(), hidden) {
				t.Errorf("Run = %d, %s; want 2 and %q", got, &stderr, tt.want)
			}
		})
	}
	_, err := readSeeds(file(t, "clients.json", `{"x": 1, "clients": [{"client_id": 7}, {"y": 1}]}`))
	for _, want := range []string{`"x"`, "client_id has the wrong type", "clients[0] has no client_secret", `"y"`, "clients[1] has no client_id"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("readSeeds = %v, want an error that says %q", err, want)
		}
	}
}
