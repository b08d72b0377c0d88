package authority

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// file writes a file of a test, and returns its path.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const hidden = "hunter2-pasted-in-the-wrong-place"

// TestUsage checks status 2 for mistakes, and 1 for an authority that can't serve.
func TestUsage(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing", "authority.db")
	for _, tt := range []struct {
		name string
		args []string
		want int
		text string
	}{
		{"help", []string{"-h"}, 2, "usage: m2mauth authority"},
		{"an argument", []string{hidden}, 2, "unexpected argument"},
		{"an unknown flag", []string{"-" + hidden}, 2, "flag is unknown"},
		{"a folder that does not exist", []string{"-addr", "127.0.0.1:0", "-file", missing}, 1, "authority.db"},
		{"not on loopback", []string{"-addr", "0.0.0.0:0", "-memory"}, 2, "-addr is not on loopback"},
		{"a control that is not on loopback", []string{"-control", ":0", "-memory"}, 2, "-control is not on loopback"},
		{"no port", []string{"-addr", hidden}, 2, "-addr: want an address and a port"},
		{"an empty control", []string{"-control", "", "-memory"}, 2, "-control: want an address and a port"},
		{"no names", []string{"-hosts", " , "}, 2, "-hosts is empty"},
		{"a URL for a name", []string{"-hosts", "authority https://" + hidden}, 2, "-hosts: name 2"},
		{"memory and a file", []string{"-memory", "-file", "x.db"}, 2, "-memory contradicts -file"},
		{"memory and old keys", []string{"-memory", "-rotate-keys"}, 2, "-rotate-keys"},
		{"an empty file", []string{"-file", ""}, 2, "-file is empty"},
		{"an empty CA", []string{"-tls-ca", ""}, 2, "-tls-ca is empty"},
		{"a life without a unit", []string{"-token-life", "90"}, 2, "-token-life"},
		{"half a second", []string{"-token-life", "1500ms"}, 2, "-token-life"},
		{"no life", []string{"-token-life", "0s"}, 2, "-token-life"},
		{"a domain with a path", []string{"-custom-domain", "https://login.example.com/" + hidden}, 2, "-custom-domain"},
		{"a domain with a slash", []string{"-custom-domain", "https://login.example.com/"}, 2, "-custom-domain is the"},
		{"no URL", []string{"-custom-domain", hidden}, 2, "malformed -custom-domain"},
		{"no template", []string{"-claims", filepath.Join(t.TempDir(), hidden)}, 2, "-claims: no such file"},
		{"a template with an unknown variable", []string{"-claims", file(t, "claims", `{"a": {{ user.name }}}`)}, 2, "-claims: the template has the unknown variable"},
		{"a CA without its key", []string{"-addr", "127.0.0.1:0", "-memory", "-tls-ca", file(t, "ca.pem", "x")}, 1, "-tls-ca: the file and its .key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			got := Run(short(t), tt.args, &stdout, &stderr)
			if got != tt.want || !strings.Contains(stderr.String(), tt.text) || stdout.Len() > 0 || strings.Contains(stderr.String(), hidden) {
				t.Errorf("Run(%q) = %d, %q, %q; want %d and %q on standard error", tt.args, got, &stdout, &stderr, tt.want, tt.text)
			}
		})
	}
}

// TestProjectUsage: a mistake in the environment is one in the usage.
func TestProjectUsage(t *testing.T) {
	t.Setenv("STYTCH_PROJECT_ID", hidden)
	var stdout, stderr strings.Builder
	if got := Run(short(t), []string{"-memory"}, &stdout, &stderr); got != 2 || !strings.Contains(stderr.String(), "STYTCH_PROJECT_ID: ") || strings.Contains(stderr.String(), hidden) {
		t.Errorf("Run = %d, %s; want 2 and STYTCH_PROJECT_ID", got, &stderr)
	}
}

// TestAllMistakes: one run reports every mistake.
func TestAllMistakes(t *testing.T) {
	clients := file(t, "clients.json", `{"clients": [{"client_id": "a b", "client_secret": "short"}]}`)
	var stdout, stderr strings.Builder
	got := Run(short(t), []string{
		"-addr", "0.0.0.0:1", "-control", "x", "-token-life", "-1s", "-custom-domain", "http://login.example.com",
		"-claims", file(t, "claims", "[]"), "-clients", clients, "-memory", "-rotate-keys",
	}, &stdout, &stderr)
	for _, want := range []string{"-addr", "-control", "-token-life", "-custom-domain", "-claims", "-rotate-keys"} {
		if got != 2 || !strings.Contains(stderr.String(), want) {
			t.Errorf("Run = %d, %s; want 2 and %q", got, &stderr, want)
		}
	}
}

// short returns a context for a Run that must not start to serve.
func short(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
