package authorities

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// hydraBinary is built by "run hydra".
const hydraBinary = "bin/hydra-v2.3.0"

// Hydra runs Ory Hydra, over plain http and with an in-memory database. It
// issues RS256 JWTs or opaque tokens, as each client's access_token_strategy says,
// for audiences of the parameter "audience". Its endpoints are /oauth2/token and, at
// Admin, /admin/oauth2/introspect.
type Hydra struct {
	Issuer string
	Admin  string
	tb     testing.TB
}

// StartHydra starts an authority without clients. It ends with the test. Without
// Hydra the test is skipped, or fails if AUTHORITIES_HYDRA=required: building it
// takes minutes.
func StartHydra(tb testing.TB) *Hydra {
	tb.Helper()
	binary := filepath.Join(folder(), hydraBinary)
	if _, err := os.Stat(binary); err != nil {
		if os.Getenv("AUTHORITIES_HYDRA") == "required" {
			tb.Fatal(err)
		}
		tb.Skip("Ory Hydra is not installed: conformance/authorities/run hydra builds it")
	}
	public, admin := freePort(tb), freePort(tb)
	h := &Hydra{
		Issuer: fmt.Sprintf("http://127.0.0.1:%d/", public),
		Admin:  fmt.Sprintf("http://127.0.0.1:%d/admin", admin),
		tb:     tb,
	}
	config, err := json.Marshal(map[string]any{
		"dsn":        "memory",
		"log":        map[string]any{"level": "error"},
		"sqa":        map[string]any{"opt_out": true}, // no telemetry
		"secrets":    map[string]any{"system": []string{strings.Repeat("secret--", 4)}},
		"urls":       map[string]any{"self": map[string]any{"issuer": h.Issuer}},
		"strategies": map[string]any{"jwt": map[string]any{"scope_claim": "string"}},
		"oauth2":     map[string]any{"hashers": map[string]any{"algorithm": "pbkdf2", "pbkdf2": map[string]any{"iterations": 1}}},
		"serve": map[string]any{
			"public": map[string]any{"host": "127.0.0.1", "port": public},
			"admin":  map[string]any{"host": "127.0.0.1", "port": admin},
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	file := filepath.Join(tb.TempDir(), "hydra.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		tb.Fatal(err)
	}
	output := logFile(tb)
	cmd := exec.Command(binary, "serve", "all", "--dev", "--config", file)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	tb.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	h.await(ended, output)
	for _, set := range []string{"hydra.openid.id-token", "hydra.jwt.access-token"} {
		h.setKey(set)
	}
	return h
}

// setKey gives Hydra a key of 2048 bits. Its own would have 4096, and are made
// while the first client waits.
func (h *Hydra) setKey(set string) {
	h.tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		h.tb.Fatal(err)
	}
	status, body := h.admin("PUT", "/keys/"+set, jose.JSONWebKeySet{
		Keys: []jose.JSONWebKey{{Key: key, KeyID: set, Algorithm: "RS256", Use: "sig"}},
	})
	if status != http.StatusOK {
		h.tb.Fatalf("set the key of %s = %d %s, want 200", set, status, body)
	}
}

// await returns when the server is ready. A server that has its port from us can't
// report it, so await asks.
func (h *Hydra) await(ended <-chan struct{}, output *os.File) {
	h.tb.Helper()
	deadline, again := time.After(30*time.Second), time.NewTicker(50*time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-ended:
			h.tb.Fatalf("Hydra does not start\n%s", text(output))
		case <-deadline:
			h.tb.Fatalf("Hydra is not ready after 30 s\n%s", text(output))
		case <-again.C:
		}
		res, err := http.Get(h.Issuer + "health/ready")
		if err != nil {
			continue
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
}

// freePort returns a port that nobody listens on at this moment.
func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Register adds a client by its metadata, or changes it.
func (h *Hydra) Register(clientID string, metadata map[string]any) {
	h.tb.Helper()
	full := map[string]any{"client_id": clientID, "grant_types": []string{"client_credentials"}}
	for name, value := range metadata {
		full[name] = value
	}
	status, body := h.admin("PUT", "/clients/"+url.PathEscape(clientID), full)
	if status == http.StatusNotFound {
		status, body = h.admin("POST", "/clients", full)
	}
	if status/100 != 2 {
		h.tb.Fatalf("register %s = %d %s, want 200 or 201", clientID, status, body)
	}
}

// Trust accepts assertions by which an issuer speaks for a subject, until tomorrow.
// The key is a public JWK.
func (h *Hydra) Trust(issuer, subject string, key map[string]any, scopes ...string) {
	h.tb.Helper()
	status, body := h.admin("POST", "/trust/grants/jwt-bearer/issuers", map[string]any{
		"issuer": issuer, "subject": subject, "jwk": key, "scope": scopes,
		"expires_at": time.Now().Add(24 * time.Hour).Format(time.RFC3339),
	})
	if status != http.StatusCreated {
		h.tb.Fatalf("trust an issuer = %d %s, want 201", status, body)
	}
}

func (h *Hydra) admin(method, path string, arg any) (int, []byte) {
	h.tb.Helper()
	text, err := json.Marshal(arg)
	if err != nil {
		h.tb.Fatal(err)
	}
	req, err := http.NewRequest(method, h.Admin+path, bytes.NewReader(text))
	if err != nil {
		h.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.tb.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		h.tb.Fatal(err)
	}
	return res.StatusCode, body
}
