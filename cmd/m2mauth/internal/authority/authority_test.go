package authority

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchwire"
	"github.com/m2mauth/m2mauth/stytch"
)

// TestMain lets the test binary run as the command, so that tests can kill it.
func TestMain(m *testing.M) {
	if os.Getenv("AUTHORITY_TEST_CHILD") != "" {
		os.Exit(Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// process is an authority in its own process.
type process struct {
	cmd *exec.Cmd
	env map[string]string // that it printed to export
}

// arguments returns the flags of an authority that has a file, or none for "".
func arguments(file string, more []string) []string {
	args := []string{"-addr", "127.0.0.1:0", "-memory"}
	if file != "" {
		args = append(args[:2], "-file", file)
	}
	return append(args, more...)
}

func start(t *testing.T, file string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], arguments(file, args)...), env: map[string]string{}}
	p.cmd.Env = append(os.Environ(), "AUTHORITY_TEST_CHILD=1", "STYTCH_PROJECT_ID=", "STYTCH_SECRET=")
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill() })
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Register") {
		if export, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "export "); ok {
			name, value, _ := strings.Cut(export, "=")
			p.env[name] = value
		}
	}
	if len(p.env) < 3 {
		t.Fatalf("the authority did not come up: %v", p.env)
	}
	go io.Copy(io.Discard, out)
	return p
}

// kill kills the process as kill -9 does.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

func (p *process) api(t *testing.T) *stytch.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := stytch.New(p.env["STYTCH_PROJECT_ID"], stytch.NewSecret(p.env["STYTCH_SECRET"]), &stytch.Options{
		BaseURL: p.env["STYTCH_URL"], Transport: transport, Retries: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (p *process) token(ctx context.Context, id string, secret stytch.Secret) error {
	source, err := stytch.TokenSource(ctx, p.env["STYTCH_PROJECT_ID"], stytch.StaticCredentials(id, secret),
		&stytch.TokenSourceOptions{TokenURL: p.env["STYTCH_URL"] + stytchwire.TokenPath(p.env["STYTCH_PROJECT_ID"])})
	if err != nil {
		return err
	}
	_, err = source.Token()
	return err
}

// TestKill kills the authority three times during 1,000 creations by four concurrent
// callers. No acknowledged client may be lost, and the file must stay intact.
func TestKill(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	file := filepath.Join(t.TempDir(), "authority.db")
	acknowledged := map[string]stytch.Secret{}
	const total = 1000
	for _, killAt := range []int{137, 500, 863, total} {
		p := start(t, file)
		create(ctx, t, p, acknowledged, killAt, killAt < total)
		p.kill() // if it is not yet
	}
	if len(acknowledged) < total {
		t.Fatalf("%d clients were acknowledged, want %d", len(acknowledged), total)
	}
	p := start(t, file)
	found := map[string]string{}
	for machine, err := range p.api(t).SearchClients(ctx, stytch.SearchParams{PageSize: 300}) {
		if err != nil {
			t.Fatal(err)
		}
		found[machine.ID] = machine.SecretLastFour
	}
	lost, checked := 0, 0
	for id, secret := range acknowledged {
		if !strings.HasSuffix(secret.Reveal(), found[id]) || found[id] == "" {
			lost++
		}
		if checked++; checked%50 == 0 { // the secret itself works
			if err := p.token(ctx, id, secret); err != nil {
				t.Errorf("token: %v", err)
			}
		}
	}
	t.Logf("%d acknowledged, %d in the file, %d lost", len(acknowledged), len(found), lost)
	if lost > 0 {
		t.Errorf("%d acknowledged clients are lost", lost)
	}
	// At each kill, each caller may have had one creation under way.
	if unknown := len(found) - len(acknowledged); unknown < 0 || unknown > 3*4 {
		t.Errorf("%d clients that nobody was told of", unknown)
	}
}

// create registers clients up to the wanted number, and then kills the authority while
// other creations are under way.
func create(ctx context.Context, t *testing.T, p *process, acknowledged map[string]stytch.Secret, until int, kill bool) {
	t.Helper()
	api := p.api(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	var killed atomic.Bool
	for range 4 {
		wg.Go(func() {
			for {
				machine, secret, err := api.CreateClient(ctx, stytch.CreateParams{Name: "load", Scopes: []string{"a"}})
				if err != nil {
					if e, answered := errors.AsType[*stytch.Error](err); answered || !killed.Load() {
						t.Errorf("CreateClient: %v, %v", err, e)
					}
					return
				}
				mu.Lock()
				acknowledged[machine.ID] = secret
				enough := len(acknowledged) >= until
				mu.Unlock()
				if !enough {
					continue
				}
				if !kill {
					return
				}
				if killed.CompareAndSwap(false, true) {
					p.cmd.Process.Kill()
				}
			}
		})
	}
	wg.Wait()
}

// TestRestart checks that keys and secret stay after a restart, and that -rotate-keys
// adds a key.
func TestRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "authority.db")
	first := start(t, file)
	before := keys(t, first)
	machine, secret, err := first.api(t).CreateClient(t.Context(), stytch.CreateParams{})
	if err != nil {
		t.Fatal(err)
	}
	_, next, err := first.api(t).StartRotation(t.Context(), machine.ID)
	if err != nil {
		t.Fatal(err)
	}
	first.kill()

	second := start(t, file, "-rotate-keys")
	delete(first.env, "STYTCH_URL")
	url := second.env["STYTCH_URL"]
	delete(second.env, "STYTCH_URL")
	if !reflect.DeepEqual(first.env, second.env) {
		t.Error("the project has changed")
	}
	second.env["STYTCH_URL"] = url
	after := keys(t, second)
	if len(before) != 1 || len(after) != 2 || after[0] != before[0] {
		t.Errorf("keys %v, and then %v", before, after)
	}
	for _, s := range []stytch.Secret{secret, next} {
		if err := second.token(t.Context(), machine.ID, s); err != nil {
			t.Error(err)
		}
	}
	if mode, err := os.Stat(file); err != nil || mode.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", mode, err)
	}
	var stderr strings.Builder
	if status := Run(short(t), []string{"-addr", "127.0.0.1:0", "-file", file}, io.Discard, &stderr); status != 1 || !strings.Contains(stderr.String(), "in use") {
		t.Errorf("two authorities with one file = %d, %s; want 1 and in use", status, &stderr)
	}
}

func keys(t *testing.T, p *process) []string {
	t.Helper()
	res, err := http.Get(p.env["STYTCH_URL"] + stytchwire.KeysPath(p.env["STYTCH_PROJECT_ID"], false))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var kids []string
	for part := range strings.SplitSeq(string(text), `"kid":"`) {
		if kid, _, _ := strings.Cut(part, `"`); strings.HasPrefix(kid, "jwk-test-") {
			kids = append(kids, kid)
		}
	}
	return kids
}
