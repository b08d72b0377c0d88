package stytch_test

import (
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/stytch"
)

func TestNewMistakes(t *testing.T) {
	good := stytch.NewSecret("secret-test-x")
	for _, tt := range []struct {
		name    string
		project string
		secret  stytch.Secret
		opts    stytch.Options
		want    string
	}{
		{"no project", "", good, stytch.Options{}, "no project ID"},
		{"no secret", stytchtest.Project, stytch.Secret{}, stytch.Options{}, "secret is empty"},
		{"swapped", "secret-test-x", stytch.NewSecret(stytchtest.Project), stytch.Options{}, "the ID comes first"},
		{"a newline", stytchtest.Project, stytch.NewSecret("secret-test-x\n"), stytch.Options{}, "white space"},
		{"http", stytchtest.Project, good, stytch.Options{BaseURL: "http://login.example.com"}, "not https"},
		{"http by name", stytchtest.Project, good, stytch.Options{BaseURL: "http://localhost.example.com"}, "not https"},
		{"a path", stytchtest.Project, good, stytch.Options{BaseURL: "https://login.example.com/v1"}, "has a path"},
		{"a query", stytchtest.Project, good, stytch.Options{BaseURL: "https://login.example.com?"}, "query"},
		{"a query with a secret", stytchtest.Project, good, stytch.Options{BaseURL: "https://login.example.com?secret=hush"}, "query"},
		{"a secret in the path", stytchtest.Project, good, stytch.Options{BaseURL: "https://login.example.com/hush"}, "has a path"},
		{"http and a secret", stytchtest.Project, good, stytch.Options{BaseURL: "http://login.example.com/hush"}, "not https"},
		{"the project with its secret", stytchtest.Project + ":secret-test-hush", good, stytch.Options{}, "malformed project ID of"},
		{"a user", stytchtest.Project, good, stytch.Options{BaseURL: "https://a:hush@login.example.com"}, "holds a user"},
		{"no host", stytchtest.Project, good, stytch.Options{BaseURL: "login.example.com"}, "malformed BaseURL"},
		{"another scheme", stytchtest.Project, good, stytch.Options{BaseURL: "ftp://login.example.com"}, "not https"},
		{"negative", stytchtest.Project, good, stytch.Options{Timeout: -1}, "Timeout is negative"},
		{"many retries", stytchtest.Project, good, stytch.Options{Retries: 11}, "at most 10"},
		{"all at once", "x", stytch.Secret{}, stytch.Options{BaseURL: "x", Timeout: -1}, "Timeout"},
		{"all at once", "x", stytch.Secret{}, stytch.Options{BaseURL: "x", Timeout: -1}, "secret is empty"},
	} {
		c, err := stytch.New(tt.project, tt.secret, &tt.opts)
		if err == nil || c != nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	for _, base := range []string{"", "https://login.example.com", "https://login.example.com/", "http://127.0.0.1:8080", "http://[::1]:1"} {
		if _, err := stytch.New(stytchtest.Project, good, &stytch.Options{BaseURL: base}); err != nil {
			t.Errorf("%q: %v", base, err)
		}
	}
}

// TestZeroClient checks that every call of a zero Client fails.
func TestZeroClient(t *testing.T) {
	var c stytch.Client
	_, get := c.GetClient(t.Context(), "id")
	_, _, create := c.CreateClient(t.Context(), stytch.CreateParams{})
	_, update := c.UpdateClient(t.Context(), "id", stytch.UpdateParams{})
	_, _, start := c.StartRotation(t.Context(), "id")
	_, cancel := c.CancelRotation(t.Context(), "id")
	_, complete := c.CompleteRotation(t.Context(), "id")
	errs := map[string]error{
		"GetClient": get, "CreateClient": create, "UpdateClient": update, "DeleteClient": c.DeleteClient(t.Context(), "id"),
		"StartRotation": start, "CancelRotation": cancel, "CompleteRotation": complete,
	}
	for _, err := range c.SearchClients(t.Context(), stytch.SearchParams{}) {
		errs["SearchClients"] = err
	}
	for call, err := range errs {
		want := "stytch: " + call + ": the Client is a zero value: make it with New"
		if err == nil || err.Error() != want {
			t.Errorf("%s = %v, want %s", call, err, want)
		}
	}
	if len(errs) != 8 {
		t.Errorf("calls = %d, want 8", len(errs))
	}
}
