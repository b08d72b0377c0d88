package authorities

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// spireBinary is built by "run spire".
const spireBinary = "bin/spire-server-v1.13.3"

// SPIRE runs SPIRE's server for one trust domain, without agents: the server's own
// command mints JWT-SVIDs.
type SPIRE struct {
	tb     testing.TB
	socket string
}

// StartSPIRE starts a server for a trust domain. With a jwtIssuer, its JWT-SVIDs have that
// "iss"; without, they have none. It ends with the test. Without the binary the test is
// skipped, or fails if AUTHORITIES_SPIRE=required: building it takes minutes.
func StartSPIRE(tb testing.TB, trustDomain, jwtIssuer string) *SPIRE {
	tb.Helper()
	binary := filepath.Join(folder(), spireBinary)
	if _, err := os.Stat(binary); err != nil {
		if os.Getenv("AUTHORITIES_SPIRE") == "required" {
			tb.Fatal(err)
		}
		tb.Skip("SPIRE is not installed: conformance/authorities/run spire builds it")
	}
	dir, err := os.MkdirTemp("", "spire") // a short path, for the socket
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	s := &SPIRE{tb: tb, socket: filepath.Join(dir, "api.sock")}
	config := fmt.Sprintf(`
server {
	bind_address = "127.0.0.1"
	bind_port = %d
	socket_path = %q
	trust_domain = %q
	data_dir = %q
	jwt_issuer = %q
	log_level = "ERROR"
}
plugins {
	DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = %q } }
	KeyManager "memory" { plugin_data {} }
	NodeAttestor "join_token" { plugin_data {} }
}
`, freePort(tb), s.socket, trustDomain, dir, jwtIssuer, filepath.Join(dir, "data.sqlite3"))
	file := filepath.Join(dir, "server.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	output := logFile(tb)
	cmd := exec.Command(binary, "run", "-config", file)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	s.await(output)
	return s
}

// await returns when the server is ready.
func (s *SPIRE) await(output *os.File) {
	s.tb.Helper()
	deadline, again := time.After(30*time.Second), time.NewTicker(50*time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-deadline:
			s.tb.Fatalf("SPIRE is not ready after 30 s\n%s", text(output))
		case <-again.C:
		}
		if _, err := s.command("healthcheck"); err == nil {
			return
		}
	}
}

// Mint returns a JWT-SVID.
func (s *SPIRE) Mint(spiffeID, audience string) string {
	s.tb.Helper()
	return s.must("jwt", "mint", "-spiffeID", spiffeID, "-audience", audience)
}

// Bundle returns the trust domain's bundle, for issuers.SPIFFEOptions.FetchBundle.
func (s *SPIRE) Bundle(context.Context) ([]byte, error) {
	text, err := s.command("bundle", "show", "-format", "spiffe")
	return []byte(text), err
}

// RotateKey replaces the key for JWT-SVIDs. The bundle keeps the old one.
func (s *SPIRE) RotateKey() {
	s.tb.Helper()
	prepared := s.must("localauthority", "jwt", "prepare")
	fields := strings.Fields(prepared)
	for i, field := range fields {
		if field == "ID:" && i+1 < len(fields) {
			s.must("localauthority", "jwt", "activate", "-authorityID", fields[i+1])
			return
		}
	}
	s.tb.Fatalf("localauthority jwt prepare printed no authority ID:\n%s", prepared)
}

func (s *SPIRE) must(words ...string) string {
	s.tb.Helper()
	text, err := s.command(words...)
	if err != nil {
		s.tb.Fatal(err)
	}
	return text
}

func (s *SPIRE) command(words ...string) (string, error) {
	args := append(words, "-socketPath", s.socket)
	out, err := exec.Command(filepath.Join(folder(), spireBinary), args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("spire-server %s: %w: %s", strings.Join(words, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
