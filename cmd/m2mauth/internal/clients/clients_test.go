package clients

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
)

func newAuthority(t *testing.T) *m2mtest.Authority {
	t.Helper()
	a := m2mtest.NewAuthority(nil)
	t.Cleanup(a.Close)
	t.Setenv("STYTCH_PROJECT_ID", a.ProjectID())
	t.Setenv("STYTCH_SECRET", a.Secret())
	t.Setenv("STYTCH_URL", a.URL())
	return a
}

func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

// want runs a step and checks its status, and that its output holds text.
func want(t *testing.T, status int, text string, args ...string) (stdout string) {
	t.Helper()
	got, out, errs := run(t, args...)
	if got != status || !strings.Contains(out+errs, text) {
		t.Fatalf("m2mauth clients %q = %d\n%s%s\nwant %d and %q", args, got, out, errs, status, text)
	}
	return out
}

func decode(t *testing.T, line string) (c printed) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &c); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return c
}

// TestLife creates a client, finds it, changes it, and deletes it. Its secret works.
func TestLife(t *testing.T) {
	a := newAuthority(t)
	file := filepath.Join(t.TempDir(), "secret")
	created := decode(t, want(t, 0, "", "create", "-name", "billing", "-description", "sends invoices", "-scopes", "invoices:write jobs:run",
		"-metadata", `{"tenant":"acme","n":12345678901234567890}`, "-secret-out", file, "-json"))
	secret, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 || !strings.HasSuffix(strings.TrimSpace(string(secret)), created.LastFour) {
		t.Errorf("the secret's file has mode %v, and ends in %s: %t", info.Mode(), created.LastFour, strings.HasSuffix(string(secret), created.LastFour))
	}
	source, err := stytch.TokenSource(t.Context(), a.ProjectID(), stytch.StaticCredentials(created.ID, stytch.NewSecret(strings.TrimSpace(string(secret)))),
		&stytch.TokenSourceOptions{TokenURL: a.TokenURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if _, err := source.Token(); err != nil {
		t.Errorf("Token() = %v, want one for the new secret", err)
	}

	want(t, 0, "invoices:write jobs:run", "show", "-client", created.ID)
	want(t, 0, "tenant = \"acme\"", "show", "-client", created.ID)
	want(t, 0, "12345678901234567890", "show", "-client", created.ID, "-json")
	a.CreateClient("other", "jobs:run")
	if lines := strings.Count(want(t, 0, "billing", "list", "-json"), "\n"); lines != 2 {
		t.Errorf("list -json = %d lines, want 2", lines)
	}
	for filter, value := range map[string]string{"-name": "billing", "-scopes": "invoices:write"} {
		if out := want(t, 0, created.ID, "list", "-json", filter, value); strings.Count(out, "\n") != 1 {
			t.Errorf("list %s %s = %s, want one client", filter, value, out)
		}
	}
	want(t, 0, "No client.", "list", "-name", "nobody")

	changed := decode(t, want(t, 0, "", "update", "-client", created.ID, "-scopes", "", "-metadata", `{"tenant":null,"plan":"x"}`, "-json"))
	if len(changed.Scopes) != 0 || changed.Name != "billing" || len(changed.TrustedMetadata) != 2 {
		t.Errorf("update = %+v, want no scopes, the name, n and plan", changed)
	}
	want(t, 1, "it was not deleted", "delete", "-client", created.ID, "-current", "zzzz")
	want(t, 0, "Deleted", "delete", "-client", created.ID, "-current", created.LastFour)
	want(t, 4, "not_found", "show", "-client", created.ID)
	want(t, 4, "not_found", "update", "-client", created.ID, "-name", "x")
	want(t, 4, "not_found", "delete", "-client", created.ID, "-current", created.LastFour)
}

// TestImport: a client of another authority keeps its ID and its secret.
func TestImport(t *testing.T) {
	a := newAuthority(t)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("g7-Kq2-xv9-Tm4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"create", "-name", "old", "-scopes", "jobs:run", "-client", "legacy-1", "-secret-file", file, "-json"}
	if c := decode(t, want(t, 0, "", args...)); c.ID != "legacy-1" || c.LastFour != "-Tm4" {
		t.Errorf("create = %+v, want legacy-1 with its secret", c)
	}
	source, err := stytch.TokenSource(t.Context(), a.ProjectID(), stytch.StaticCredentials("legacy-1", stytch.NewSecret("g7-Kq2-xv9-Tm4")),
		&stytch.TokenSourceOptions{TokenURL: a.TokenURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if _, err := source.Token(); err != nil {
		t.Errorf("Token() = %v, want one for the imported secret", err)
	}
	want(t, 1, "client_id is taken", args...)
	if c := decode(t, want(t, 0, "", "delete", "-client", "legacy-1", "-current", "-Tm4", "-json")); c.ID != "legacy-1" {
		t.Errorf("delete -json = %+v, want the client as it was", c)
	}
}

// TestSecretToStdout: standard output is the secret's alone.
func TestSecretToStdout(t *testing.T) {
	newAuthority(t)
	status, out, errs := run(t, "create", "-name", "billing", "-scopes", "", "-secret-out", "-")
	if status != 0 || strings.Count(out, "\n") != 1 || strings.Contains(out, " ") || strings.Contains(errs, strings.TrimSpace(out)) || !strings.Contains(errs, "billing") {
		t.Errorf("create = %d\n%s%s\nwant the secret alone on standard output", status, out, errs)
	}
}

// TestNothingOverwritten: no client is made if its secret can't be stored.
func TestNothingOverwritten(t *testing.T) {
	newAuthority(t)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("the old one"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, 1, "-secret-out", "create", "-name", "billing", "-scopes", "", "-secret-out", file)
	want(t, 0, "No client.", "list")
}

// TestHostile: what the API returns can't change the terminal.
func TestHostile(t *testing.T) {
	a := newAuthority(t)
	a.CreateClient("evil\x1b[2J\u202ename", "jobs:run")
	if out := want(t, 0, "evil", "list"); strings.ContainsAny(out, "\x1b\u202e") {
		t.Errorf("list = %q, want no control characters", out)
	}
}

func TestUsage(t *testing.T) {
	newAuthority(t)
	for _, tt := range []struct {
		name, want string
		args       []string
	}{
		{"nothing", "usage:", nil},
		{"an unknown step", "usage:", []string{"secret-typed-here"}},
		{"show without a client", "-client", []string{"show"}},
		{"create without anything", "-secret-out", []string{"create"}},
		{"an import without its secret", "-secret-file is missing", []string{"create", "-name", "n", "-scopes", "", "-client", "legacy-1"}},
		{"an import without its ID", "-client is missing", []string{"create", "-name", "n", "-scopes", "", "-secret-file", "missing"}},
		{"an import of nothing", "-secret-file: no such file", []string{"create", "-name", "n", "-scopes", "", "-client", "legacy-1", "-secret-file", "secret-typed-here"}},
		{"an import with a new secret", "-secret-out contradicts", []string{"create", "-name", "n", "-scopes", "", "-client", "legacy-1", "-secret-out", "-"}},
		{"create without scopes", "-scopes is missing", []string{"create", "-name", "n", "-secret-out", "-"}},
		{"update without a change", "nothing to update", []string{"update", "-client", "m2m-client-test-1"}},
		{"update to no name", "-name is empty", []string{"update", "-client", "m2m-client-test-1", "-name", ""}},
		{"delete without the last four", "-current", []string{"delete", "-client", "m2m-client-test-1"}},
		{"list with an empty filter", "-scopes is empty", []string{"list", "-scopes", " "}},
		{"metadata that is no object", "-metadata", []string{"create", "-name", "n", "-scopes", "", "-secret-out", "-", "-metadata", `["a"]`}},
		{"metadata with something after it", "-metadata", []string{"create", "-name", "n", "-scopes", "", "-secret-out", "-", "-metadata", `{} {}`}},
		{"another step's flag", "flag", []string{"list", "-secret-out", "x"}},
		{"an argument", "argument", []string{"list", "x"}},
		{"no time", "-timeout", []string{"list", "-timeout", "0s"}},
	} {
		status, out, errs := run(t, tt.args...)
		if status != 2 || out != "" || !strings.Contains(errs, tt.want) || strings.Contains(errs, "secret-typed-here") {
			t.Errorf("m2mauth clients %q (%s) = %d\n%s%s\nwant 2 and %q", tt.args, tt.name, status, out, errs, tt.want)
		}
	}
}
