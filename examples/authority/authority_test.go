package authority_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const repository = "../.."

// images answers for a registry: every image is empty, on every platform.
type images struct{}

func (images) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	config, err := json.Marshal(ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"}})
	return ref, digest.FromBytes(config), config, err
}

// lint returns what BuildKit's own linter reports about a Dockerfile.
func lint(t *testing.T, text []byte) []string {
	t.Helper()
	source := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", text)
	source.Definition = &llb.Definition{}
	result, err := dockerfile2llb.DockerfileLint(t.Context(), text, dockerfile2llb.ConvertOpt{
		MetaResolver: images{}, SourceMap: source,
	})
	if err != nil {
		t.Fatal(err)
	}
	var reports []string
	for _, w := range result.Warnings {
		reports = append(reports, w.RuleName+": "+w.Detail)
	}
	if result.Error != nil {
		reports = append(reports, result.Error.Message)
	}
	return reports
}

// TestDockerfile: BuildKit's linter reports nothing, and what is copied exists.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "cmd/m2mauth/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	if reports := lint(t, text); len(reports) > 0 {
		t.Errorf("lint(Dockerfile) = %q, want no report", reports)
	}
	if reports := lint(t, []byte("FROM scratch as x\nENV SECRET_TOKEN=x\nCMD x\n")); len(reports) < 3 {
		t.Errorf("lint(a bad Dockerfile) = %q, want three reports", reports)
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "COPY" || strings.HasPrefix(words[1], "--from") {
			continue
		}
		for _, source := range words[1 : len(words)-1] {
			if _, err := os.Stat(filepath.Join(repository, source)); err != nil {
				t.Errorf("COPY %s: %v", source, err)
			}
		}
	}
}

// TestCompose starts what compose.yaml starts, without containers: the command of the
// authority, its health check, and the caller.
func TestCompose(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"compose.yaml"}, cli.WithInterpolation(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	service, caller := project.Services["authority"], project.Services["caller"]
	for _, port := range service.Ports {
		if port.HostIP != "127.0.0.1" {
			t.Errorf("port %s is published at %q, want 127.0.0.1", port.Published, port.HostIP)
		}
	}
	if caller.DependsOn["authority"].Condition != types.ServiceConditionHealthy {
		t.Errorf("caller depends on %v, want a healthy authority", caller.DependsOn)
	}

	command := filepath.Join(t.TempDir(), "m2mauth")
	if runtime.GOOS == "windows" {
		command += ".exe"
	}
	if out, err := exec.CommandContext(t.Context(), "go", "-C", filepath.Join(repository, "cmd/m2mauth"), "build", "-o", command, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	folder := t.TempDir()
	here := strings.NewReplacer("/ca/", folder+"/", "/data/", folder+"/", "/etc/m2mauth/", "./", "0.0.0.0:8484", "127.0.0.1:0", "0.0.0.0:8485", "127.0.0.1:0")
	env := os.Environ()
	for name, value := range service.Environment {
		env = append(env, name+"="+here.Replace(*value))
	}
	address := startAuthority(t, exec.CommandContext(t.Context(), command, replaced(here, service.Command)...), env)

	check := exec.CommandContext(t.Context(), command, service.HealthCheck.Test[2:]...)
	check.Env = append(env, "STYTCH_URL=https://"+strings.Replace(address, "127.0.0.1", "localhost", 1))
	if out, err := check.CombinedOutput(); err != nil || !strings.Contains(string(out), "m2m-client-test-billing") {
		t.Errorf("the health check = %v, %s; want the client of the file", err, out)
	}
	if _, err := exec.LookPath("curl"); err != nil && os.Getenv("CI") == "" {
		t.Skip("curl is not installed: the caller is not tried")
	}
	curl := append([]string{"--connect-to", "authority:8484:" + address}, replaced(here, caller.Command)...)
	if out, err := exec.CommandContext(t.Context(), "curl", curl...).CombinedOutput(); err != nil || !strings.Contains(string(out), `"access_token"`) {
		t.Errorf("the caller = %v, %s; want a token", err, out)
	}
}

func replaced(r *strings.Replacer, args []string) []string {
	var all []string
	for _, arg := range args {
		all = append(all, r.Replace(arg))
	}
	return all
}

// startAuthority starts the command, and returns where it listens.
func startAuthority(t *testing.T, cmd *exec.Cmd, env []string) (address string) {
	t.Helper()
	cmd.Env, cmd.Stderr = env, os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() && address == "" {
		_, address, _ = strings.Cut(lines.Text(), "STYTCH_URL=https://")
	}
	if address == "" {
		t.Fatalf("%q did not print its URL", cmd.Args)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return address
}
