package token

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

func keyPEM(key crypto.Signer) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), err
}

// TestUsage: mistakes are status 2, without a request, and with nothing on standard
// output.
func TestUsage(t *testing.T) {
	t.Setenv("WORKER_SECRET", secret)
	t.Setenv("EMPTY", "")
	good := []string{"-token-url", "https://auth.example.com/token", "-client-id", "worker", "-secret-env", "WORKER_SECRET", "-cache", t.TempDir()}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "want one of -secret-file"},
		{"help", []string{"-h"}, "usage:"},
		{"an argument", append(good[:len(good):len(good)], secret), "unexpected argument"},
		{"an unknown flag", append(good[:len(good):len(good)], "-secret", secret), "a flag is unknown"},
		{"two credentials", append(good[:len(good):len(good)], "-secret-file", "x"), "want one of -secret-file"},
		{"no client ID", []string{"-token-url", "https://a.example/token", "-secret-env", "WORKER_SECRET"}, "-client-id is missing"},
		{"two client IDs", []string{"-token-url", "https://a.example/token", "-client-id", "x", "-credentials", "y"}, "leave out -client-id"},
		{"a key ID without a key", append(good[:len(good):len(good)], "-key-id", "x"), "-key-id is for -key-file"},
		{"no secret's file", []string{"-token-url", "https://a.example/token", "-client-id", "x", "-secret-file", "none"}, "-secret-file: no such file"},
		{"no key's file", []string{"-token-url", "https://a.example/token", "-client-id", "x", "-key-file", "none"}, "-key-file: no such file"},
		{"no secret in the environment", []string{"-token-url", "https://a.example/token", "-client-id", "x", "-secret-env", "EMPTY"}, "-secret-env"},
		{"no authority", []string{"-client-id", "worker", "-secret-env", "WORKER_SECRET"}, "TokenURL"},
		{"http", []string{"-token-url", "http://a.example/token", "-client-id", "x", "-secret-env", "WORKER_SECRET"}, "https"},
		{"a malformed scope", append(good[:len(good):len(good)], "-scope", `"`), "cope"},
		{"a relative resource", append(good[:len(good):len(good)], "-resource", "x"), "Resource"},
		{"a malformed duration", append(good[:len(good):len(good)], "-max-age", "soon"), "-max-age has a malformed value"},
		{"no time", append(good[:len(good):len(good)], "-timeout", "0s"), "-timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, stderr := run(t, tt.args...)
			if status != exitUsage || out != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("status %d, output %q, error %q, want 2, nothing and %q", status, out, stderr, tt.want)
			}
		})
	}
}

// TestSecretsStaySecret puts a token and a secret into every flag: no output
// repeats one.
func TestSecretsStaySecret(t *testing.T) {
	e := newEndpoint(t)
	pem, err := keyPEM(m2mtest.NewKey("ES256").Private)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, []byte(pem), 0o600); err != nil {
		t.Fatal(err)
	}
	token := "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ3b3JrZXIifQ." + strings.Repeat("c2ln", 20)
	for _, status := range []int64{0, 401, 503} {
		e.status.Store(status)
		for _, name := range []string{"token-url", "issuer", "client-id", "secret-file", "secret-env", "credentials", "key-file", "key-id", "assertion-file",
			"github-audience", "scope", "audience", "resource", "max-age", "timeout", ""} {
			for _, value := range []string{token, "client_secret=" + secret, "https://worker:" + secret + "@auth.example.com/token"} {
				args := append(e.flags(t, t.TempDir()), "-timeout", "2s", "-"+name, value)
				switch name {
				case "secret-file", "secret-env", "key-file", "assertion-file", "github-audience": // instead of a good one
					args = []string{"-token-url", e.URL, "-issuer", e.URL, "-client-id", "worker", "-cache", t.TempDir(), "-" + name, value}
				case "credentials":
					args = []string{"-token-url", e.URL, "-cache", t.TempDir(), "-" + name, value}
				case "key-id":
					args = []string{"-token-url", e.URL, "-issuer", e.URL, "-client-id", "worker", "-cache", t.TempDir(), "-key-file", key, "-" + name, value}
				case "":
					args = []string{value}
				}
				_, out, stderr := run(t, args...)
				if text := out + stderr; strings.Contains(text, secret) || strings.Contains(text, token) {
					t.Errorf("-%s: the output repeats what was given: %s", name, text)
				}
			}
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestBrokenOutput(t *testing.T) {
	e := newEndpoint(t)
	if got := Run(t.Context(), e.flags(t, t.TempDir()), broken{}, os.Stderr); got != exitUnavailable {
		t.Errorf("status %d, want %d", got, exitUnavailable)
	}
}
