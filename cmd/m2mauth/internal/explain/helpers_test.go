package explain

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
)

const (
	issuerName = "https://auth.example.com"
	audience   = "https://api.example.com"
)

func now() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) }

// world holds an authority whose keys are in a file.
type world struct {
	*m2mtest.Authority
	keys string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	key := m2mtest.NewKey("ES256")
	key.ID = "key-1"
	w := &world{
		Authority: m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: key, Now: now, ProjectID: "project-test-1"}),
		keys:      filepath.Join(t.TempDir(), "keys.json"),
	}
	t.Cleanup(w.Close)
	doc, err := json.Marshal(map[string]any{"keys": []any{key.JWK()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.keys, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// mint returns a good token of issuerName, changed by spec.
func (w *world) mint(spec m2mtest.TokenSpec) string {
	if spec.ClientID == "" {
		spec.ClientID = "worker-7"
	}
	if spec.Issuer == "" {
		spec.Issuer = issuerName
	}
	if spec.Audience == nil {
		spec.Audience = []string{audience}
	}
	if spec.IssuedAt.IsZero() {
		spec.IssuedAt = now().Add(-11 * time.Minute)
	}
	claims := map[string]any{"client_id": spec.ClientID, "jti": "token-1"}
	maps.Copy(claims, spec.Claims)
	spec.Claims = claims
	return w.Token(spec)
}

// flags returns the flags that trust issuerName, and more.
func (w *world) flags(more ...string) []string {
	return append([]string{"-issuer", issuerName, "-audience", audience, "-jwks-file", w.keys,
		"-now", now().Format(time.RFC3339)}, more...)
}

// explain runs the command.
func explain(t *testing.T, input string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Run(t.Context(), args, strings.NewReader(input), &out, &errs)
	return status, out.String(), errs.String()
}

// assertSecret fails if the output contains a long piece of a secret.
func assertSecret(t *testing.T, output, secret string) {
	t.Helper()
	const piece = 8
	for i := range min(max(0, len(secret)-piece), 8<<10) { // longer ones repeat themselves
		if strings.Contains(output, secret[i:i+piece]) {
			t.Fatalf("the output holds %q", secret[i:i+piece])
		}
	}
}

func signature(token string) string { return token[strings.LastIndexByte(token, '.')+1:] }
