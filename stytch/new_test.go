package stytch_test

import (
	"strings"
	"testing"

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
		{"no secret", testProject, stytch.Secret{}, stytch.Options{}, "secret is empty"},
		{"swapped", "secret-test-x", stytch.NewSecret(testProject), stytch.Options{}, "the ID comes first"},
		{"a newline", testProject, stytch.NewSecret("secret-test-x\n"), stytch.Options{}, "white space"},
		{"http", testProject, good, stytch.Options{BaseURL: "http://login.example.com"}, "not https"},
		{"http by name", testProject, good, stytch.Options{BaseURL: "http://localhost.example.com"}, "not https"},
		{"a path", testProject, good, stytch.Options{BaseURL: "https://login.example.com/v1"}, "has a path"},
		{"a query", testProject, good, stytch.Options{BaseURL: "https://login.example.com?"}, "query"},
		{"a query with a secret", testProject, good, stytch.Options{BaseURL: "https://login.example.com?secret=hush"}, "query"},
		{"a secret in the path", testProject, good, stytch.Options{BaseURL: "https://login.example.com/hush"}, "has a path"},
		{"http and a secret", testProject, good, stytch.Options{BaseURL: "http://login.example.com/hush"}, "not https"},
		{"the project with its secret", testProject + ":secret-test-hush", good, stytch.Options{}, "malformed project ID of"},
		{"a user", testProject, good, stytch.Options{BaseURL: "https://a:hush@login.example.com"}, "holds a user"},
		{"no host", testProject, good, stytch.Options{BaseURL: "login.example.com"}, "malformed BaseURL"},
		{"another scheme", testProject, good, stytch.Options{BaseURL: "ftp://login.example.com"}, "not https"},
		{"negative", testProject, good, stytch.Options{Timeout: -1}, "Timeout is negative"},
		{"many retries", testProject, good, stytch.Options{Retries: 11}, "at most 10"},
		{"all at once", "x", stytch.Secret{}, stytch.Options{BaseURL: "x", Timeout: -1}, "Timeout"},
		{"all at once", "x", stytch.Secret{}, stytch.Options{BaseURL: "x", Timeout: -1}, "secret is empty"},
	} {
		c, err := stytch.New(tt.project, tt.secret, &tt.opts)
		if err == nil || c != nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	for _, base := range []string{"", "https://login.example.com", "https://login.example.com/", "http://127.0.0.1:8080", "http://[::1]:1"} {
		if _, err := stytch.New(testProject, good, &stytch.Options{BaseURL: base}); err != nil {
			t.Errorf("%q: %v", base, err)
		}
	}
}
