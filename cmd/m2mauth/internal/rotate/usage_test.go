package rotate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUsage: mistakes are status 2, without a request and with nothing on standard
// output.
func TestUsage(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing", []string{"rotate"}, "usage:"},
		{"an unknown step", []string{"rotate", w.secret}, "usage:"},
		{"help", []string{"rotate", "start", "-h"}, "usage:"},
		{"an argument", []string{"disable", w.id}, "unexpected argument"},
		{"an unknown flag", []string{"disable", "-x"}, "a flag is unknown"},
		{"no client", []string{"disable"}, "-client is missing"},
		{"an empty client", []string{"disable", "-client", ""}, "-client is missing"},
		{"a client of spaces", []string{"disable", "-client", " "}, "-client is missing"},
		{"a client with a line's end", []string{"disable", "-client", "a\nb"}, "-client:"},
		{"no file", []string{"rotate", "start", "-client", w.id}, "-secret-out is missing"},
		{"no next", []string{"rotate", "complete", "-client", w.id}, "-next:"},
		{"a whole secret", []string{"rotate", "complete", "-client", w.id, "-next", w.secret}, "-next:"},
		{"an end that is too short", []string{"rotate", "cancel", "-client", w.id, "-next", "abc"}, "-next:"},
		{"no current", []string{"enable", "-client", w.id}, "-current:"},
		{"no time", []string{"disable", "-client", w.id, "-timeout", "0s"}, "-timeout"},
		{"no project", []string{"disable", "-client", w.id, "-project", ""}, "project ID"},
		{"no project's file", []string{"disable", "-client", w.id, "-project-secret-file", "none"}, "-project-secret-file: no such file"},
		{"http", []string{"disable", "-client", w.id, "-url", "http://a.example"}, "BaseURL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, stderr := run(t, tt.args...)
			if status != 2 || out != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("status %d, output %q, error %q, want 2, nothing and %q", status, out, stderr, tt.want)
			}
			if strings.Contains(stderr, w.secret) {
				t.Error("the error repeats a secret")
			}
		})
	}
	if c := w.client(t); c.Status != "active" || c.NextSecretLastFour != "" {
		t.Errorf("the client has changed: %+v", c)
	}
}

// TestSecretsStaySecret puts a secret into every flag: no output repeats it.
func TestSecretsStaySecret(t *testing.T) {
	w := newWorld(t)
	project := filepath.Join(t.TempDir(), "project")
	if err := os.WriteFile(project, []byte(w.Secret()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, base := range [][]string{
		{"rotate", "start", "-client", w.id, "-secret-out", w.file("no/file")},
		{"rotate", "complete", "-client", w.id, "-next", "abcd"}, {"rotate", "cancel", "-client", w.id, "-next", "abcd"},
		{"disable", "-client", w.id}, {"enable", "-client", w.id, "-current", "abcd"},
	} {
		for _, flag := range []string{"client", "secret-out", "current", "next", "timeout", "project", "project-secret-file", "url"} {
			for _, secret := range []string{"secret-test-correcthorse", "https://a:correcthorse@127.0.0.1:1", "Bearer eyJhbGciOiJub25lIn0.correcthorse.x"} {
				args := append(base[:len(base):len(base)], "-project-secret-file", project, "-"+flag, secret)
				t.Chdir(t.TempDir())
				if _, out, stderr := run(t, args...); strings.Contains(out+stderr, "correcthorse") {
					t.Errorf("m2mauth %q repeats the secret: %s%s", args, out, stderr)
				}
			}
		}
	}
}
