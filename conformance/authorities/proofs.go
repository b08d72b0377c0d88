package authorities

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// ProofTarget is the request that proofs are made for.
type ProofTarget struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	Token  string `json:"token"`
}

// ForeignProof is a DPoP proof of a library of npm.
type ForeignProof struct {
	By         string `json:"by"`  // the library, and the algorithm if it offers several
	Thumbprint string `json:"jkt"` // of its key
	Proof      string `json:"proof"`
}

// ProofCheck is a call whose token and proof oauth4webapi is to check.
type ProofCheck struct {
	ProofTarget
	Proof string `json:"proof"`
}

// ProofExchange is the input of RunProofs: the request to make proofs for, and the requests
// whose proofs to check. Issuer issued the tokens of these for Audience, signed by a key of
// JWKS.
type ProofExchange struct {
	Produce  ProofTarget     `json:"produce"`
	Check    []ProofCheck    `json:"check"`
	Issuer   string          `json:"issuer"`
	Audience string          `json:"audience"`
	JWKS     json.RawMessage `json:"jwks"`
}

// RunProofs returns a proof of each library of npm for x.Produce, and what oauth4webapi
// says of each of x.Check: "" if it accepts the call.
func RunProofs(tb testing.TB, x ProofExchange) (produced []ForeignProof, checked []string) {
	tb.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(tb, "node is not installed")
	}
	dir := filepath.Join(folder(), "node")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "oidc-client-ts")); err != nil {
		missing(tb, "the npm packages are not installed")
	}
	if x.Check == nil {
		x.Check = []ProofCheck{}
	}
	input, err := json.Marshal(x)
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), node, "proofs.mjs")
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(input), logFile(tb)
	out, err := cmd.Output()
	var answer struct {
		Produced []ForeignProof `json:"produced"`
		Checked  []string       `json:"checked"`
	}
	if err == nil {
		err = json.Unmarshal(out, &answer)
	}
	if err == nil && len(answer.Checked) != len(x.Check) {
		tb.Fatalf("proofs.mjs checked %d calls, want %d", len(answer.Checked), len(x.Check))
	}
	if err != nil {
		log, _ := os.ReadFile(cmd.Stderr.(*os.File).Name())
		tb.Fatalf("proofs.mjs: %v\n%s%s", err, out, log)
	}
	return answer.Produced, answer.Checked
}
