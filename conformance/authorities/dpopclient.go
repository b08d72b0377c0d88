package authorities

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// RunDPoPClient runs a client of npm's openid-client, which gets a bound token and
// makes the calls of config. It returns the token's type, the status of each call, and
// those of the first call without a proof and as a bearer token.
func RunDPoPClient(tb testing.TB, ca *CA, config any) (results []string) {
	tb.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(tb, "node is not installed")
	}
	dir := filepath.Join(folder(), "node")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "openid-client")); err != nil {
		missing(tb, "the npm packages are not installed")
	}
	argument, err := json.Marshal(config)
	if err != nil {
		tb.Fatal(err)
	}
	trusted := filepath.Join(tb.TempDir(), "ca.pem")
	if err := os.WriteFile(trusted, []byte(ca.PEM()), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), node, "dpopclient.mjs", string(argument))
	cmd.Dir, cmd.Stderr = dir, logFile(tb)
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+trusted)
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &results)
	}
	if err != nil {
		log, _ := os.ReadFile(cmd.Stderr.(*os.File).Name())
		tb.Fatalf("openid-client: %v\n%s%s", err, out, log)
	}
	return results
}
