package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// asCommand is set where the test binary has to be the command.
const asCommand = "M2MAUTH_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// recipe is a script of docs/calling.md.
type recipe struct{ heading, script string }

// recipes returns the shell blocks of docs/calling.md, and the scripts in its YAML
// blocks, each with the heading above it.
func recipes(t *testing.T) []recipe {
	t.Helper()
	text, err := os.ReadFile("../../docs/calling.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []recipe
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		heading, _, _ := strings.Cut(section, "\n")
		for _, m := range regexp.MustCompile("(?s)```(sh|yaml)\n(.*?)```").FindAllStringSubmatch(section, -1) {
			script := m[2]
			if m[1] == "yaml" {
				script = scriptIn(script)
			}
			if !strings.Contains(script, "m2mauth token") {
				t.Fatalf("%s: the block has no command:\n%s", heading, m[2])
			}
			found = append(found, recipe{heading, script})
		}
	}
	return found
}

// scriptIn returns the block scalar that calls m2mauth.
func scriptIn(yaml string) string {
	for _, part := range regexp.MustCompile(`(?m)^ *(?:- |run: )\|\n`).Split(yaml, -1)[1:] {
		indent := part[:len(part)-len(strings.TrimLeft(part, " "))]
		var script strings.Builder
		for line := range strings.Lines(part) {
			text, ok := strings.CutPrefix(line, indent)
			if !ok {
				break
			}
			script.WriteString(text)
		}
		if strings.Contains(script.String(), "m2mauth token") {
			return script.String()
		}
	}
	return ""
}

// calledWorld is an authority with metadata, and a guarded service.
type calledWorld struct {
	auth, api *httptest.Server
	fetches   atomic.Int64
	revoked   atomic.Int64 // how many of the tokens, the first ones
}

const (
	recipeSecret    = "hush-kR8z42-hush"
	recipeAssertion = "e30.eyJzdWIiOiJ3b3JrbG9hZCJ9.c2ln"
)

func newCalledWorld(t *testing.T) *calledWorld {
	t.Helper()
	w := &calledWorld{}
	authority, v := m2mtest.Trust(t, &verifier.Config{Check: func(_ context.Context, c verifier.Client, _ verifier.Request) error {
		var claims struct{ N int64 }
		if err := c.Claims(&claims); err != nil || claims.N <= w.revoked.Load() {
			return verifier.Revoked
		}
		return nil
	}})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/", func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, `{"issuer":%q,"token_endpoint":%q}`, w.auth.URL, w.auth.URL+"/token")
	})
	mux.HandleFunc("GET /github", func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, `{"value":%q}`, recipeAssertion)
	})
	mux.HandleFunc("POST /token", func(rw http.ResponseWriter, r *http.Request) {
		_, secret, _ := r.BasicAuth()
		if secret != recipeSecret && r.FormValue("client_assertion") != recipeAssertion {
			rw.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(rw, `{"error":"invalid_client"}`)
			return
		}
		token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"reports:read"}, Claims: map[string]any{"N": w.fetches.Add(1)}})
		fmt.Fprintf(rw, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, token)
	})
	w.auth = httptest.NewServer(mux)
	t.Cleanup(w.auth.Close)
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	guarded, err := httpmw.NewMux(guard)
	if err != nil {
		t.Fatal(err)
	}
	guarded.HandleFunc("GET /reports", scopes.All("reports:read"), func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, "the reports")
	})
	w.api = httptest.NewServer(guarded)
	t.Cleanup(w.api.Close)
	return w
}

// TestRecipes runs the scripts of docs/calling.md against an authority and a guarded
// service: with addresses and paths of this test, and otherwise unchanged.
func TestRecipes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the recipes are for POSIX shells")
	}
	for _, program := range []string{"sh", "bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	found := recipes(t)
	if len(found) != 4 {
		t.Fatalf("%d recipes, want 4", len(found))
	}
	for i, r := range found {
		t.Run(fmt.Sprint(i, " ", r.heading), func(t *testing.T) {
			w := newCalledWorld(t)
			if strings.Contains(r.script, "-refresh") {
				w.revoked.Store(1)
			}
			folder := t.TempDir()
			prepare(t, folder)
			output := w.run(t, folder, r)
			if !strings.Contains(output, "the reports") {
				t.Errorf("the script prints %q, want the reports", output)
			}
			want := 1 + w.revoked.Load()
			if got := w.fetches.Load(); got != want {
				t.Errorf("%d fetches, want %d", got, want)
			}
			w.run(t, folder, r)
			if got := w.fetches.Load(); got != want {
				t.Errorf("%d fetches after the second run, want %d", got, want)
			}
		})
	}
}

// run runs the script in the shell that its platform uses, and returns its output
// and the file that it writes.
func (w *calledWorld) run(t *testing.T, folder string, r recipe) string {
	t.Helper()
	shell := []string{"sh", "-c"}
	if strings.HasPrefix(r.heading, "GitHub") {
		shell = []string{"bash", "-e", "-c"}
	}
	script := strings.NewReplacer(
		"https://auth.example.com", w.auth.URL,
		"https://api.example.com", w.api.URL,
		"/etc/worker/secret", filepath.Join(folder, "secret"),
		"/var/run/secrets/authority/token", filepath.Join(folder, "token"),
		"/tmp/tokens", filepath.Join(folder, "tokens"),
	).Replace(r.script)
	cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:], script)...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "HOME="+folder, "XDG_CACHE_HOME="+filepath.Join(folder, "cache"),
		"ACTIONS_ID_TOKEN_REQUEST_URL="+w.auth.URL+"/github?api-version=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=request")
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("the script fails: %v\n%s", err, output)
	}
	written, _ := os.ReadFile(filepath.Join(folder, "reports.txt"))
	return string(output) + string(written)
}

// prepare fills folder with the command and the files that scripts read.
func prepare(t *testing.T, folder string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"m2mauth": "#!/bin/sh\n" + asCommand + "=1 exec '" + self + "' \"$@\"\n",
		"secret":  recipeSecret + "\n",
		"token":   recipeAssertion,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
