package thirdparty

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestStytchNode calls the local authority with Stytch's own Node SDK. It is skipped
// unless stytchnode/run has installed the SDK.
func TestStytchNode(t *testing.T) {
	if _, err := os.Stat("stytchnode/node_modules/stytch"); err != nil {
		if os.Getenv("STYTCH_NODE") == "required" {
			t.Fatal(err)
		}
		t.Skip("the SDK is not installed: run stytchnode/run")
	}
	for _, project := range []string{"project-test-", "project-live-"} {
		a := m2mtest.NewAuthority(&m2mtest.Options{ProjectID: project + "00000000-0000-4000-8000-000000000000"})
		cmd := exec.CommandContext(t.Context(), "node", "calls.mjs")
		cmd.Dir = "stytchnode"
		cmd.Env = append(os.Environ(),
			"STYTCH_URL="+a.URL(), "STYTCH_PROJECT_ID="+a.ProjectID(), "STYTCH_SECRET="+a.Secret())
		out, err := cmd.CombinedOutput()
		a.Close()
		if err != nil || strings.Count(string(out), "ok ") != 2 {
			t.Errorf("node calls.mjs (%s) = %v, want two times ok\n%s", project, err, out)
		}
	}
}
