package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
)

const secret = "hush-kR8z42-hush"

// endpoint is a token endpoint that counts the fetches.
type endpoint struct {
	*httptest.Server
	fetches atomic.Int64
	form    atomic.Pointer[http.Request]
	status  atomic.Int64 // 200 if zero
	life    time.Duration
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{life: time.Hour}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		e.form.Store(r)
		n := e.fetches.Add(1)
		w.Header().Set("Content-Type", "application/json")
		if status := e.status.Load(); status != 0 {
			w.WriteHeader(int(status))
			fmt.Fprint(w, `{"error":"invalid_client"}`)
			return
		}
		fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":%d}`, n, int(e.life.Seconds()))
	}))
	t.Cleanup(e.Close)
	return e
}

// flags returns flags that get a token of e, and more.
func (e *endpoint) flags(t *testing.T, folder string, more ...string) []string {
	t.Setenv("WORKER_SECRET", secret)
	return append([]string{"-token-url", e.URL + "/token", "-client-id", "worker", "-secret-env", "WORKER_SECRET", "-cache", folder}, more...)
}

// run runs the command.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

// wantRun asserts status and standard output.
func wantRun(t *testing.T, args []string, status int, stdout string) (stderr string) {
	t.Helper()
	gotStatus, got, stderr := run(t, args...)
	if gotStatus != status || got != stdout {
		t.Errorf("m2mauth token = status %d, %q, want %d, %q\n%s", gotStatus, got, status, stdout, stderr)
	}
	return stderr
}

// file returns the cache's one file.
func file(t *testing.T, folder string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(found) != 1 {
		t.Fatalf("cached files = %v, %v, want one", found, err)
	}
	return found[0]
}

// age changes the entry of the cache as if it had been fetched earlier.
func age(t *testing.T, path string, by time.Duration) {
	t.Helper()
	text, err := os.ReadFile(path)
	var e entry
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	e.FetchedAt, e.RefreshAt, e.ExpiresAt = e.FetchedAt.Add(-by), e.RefreshAt.Add(-by), e.ExpiresAt.Add(-by)
	if err := (&cache{path}).save(e); err != nil {
		t.Fatal(err)
	}
}

func TestCached(t *testing.T) {
	e, folder := newEndpoint(t), filepath.Join(t.TempDir(), "a", "b")
	args := e.flags(t, folder)
	wantRun(t, args, exitPrinted, "token-1\n")
	wantRun(t, args, exitPrinted, "token-1\n")
	wantRun(t, append(args, "-header"), exitPrinted, "Authorization: Bearer token-1\n")
	path := file(t, folder)
	for name, want := range map[string]os.FileMode{path: 0o600, path + ".lock": 0o600, folder: 0o700 | os.ModeDir} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", name, info, err, want)
		}
	}
	age(t, path, 47*time.Minute)
	wantRun(t, args, exitPrinted, "token-1\n")
	age(t, path, 2*time.Minute) // a fifth of its hour is left
	wantRun(t, args, exitPrinted, "token-2\n")
	wantRun(t, append(args, "-scope", "a b"), exitPrinted, "token-3\n") // another token
	if got := e.form.Load().Form.Get("scope"); got != "a b" {
		t.Errorf("scope = %q, want %q", got, "a b")
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "new-*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

// TestUserCacheFolder: without -cache, the user's folder holds the tokens.
func TestUserCacheFolder(t *testing.T) {
	e, home := newEndpoint(t), t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	t.Setenv("HOME", home) // for other systems
	args := e.flags(t, "")
	wantRun(t, args, exitPrinted, "token-1\n")
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	file(t, filepath.Join(user, "m2mauth", "tokens"))
	wantRun(t, args, exitPrinted, "token-1\n")
}

func TestOutage(t *testing.T) {
	e, folder := newEndpoint(t), t.TempDir()
	args := e.flags(t, folder)
	wantRun(t, args, exitPrinted, "token-1\n")
	e.status.Store(503)
	age(t, file(t, folder), 50*time.Minute)
	if stderr := wantRun(t, args, exitPrinted, "token-1\n"); !strings.Contains(stderr, "the cached token serves until") {
		t.Errorf("error = %q, want a warning", stderr)
	}
	age(t, file(t, folder), 10*time.Minute)
	wantRun(t, args, exitUnavailable, "")
	e.status.Store(401)
	wantRun(t, args, exitRefused, "")
	e.status.Store(0)
	e.Close()
	wantRun(t, args, exitUnavailable, "")
}

// TestRefresh: a refused token is replaced by one of a later second.
func TestRefresh(t *testing.T) {
	e, folder := newEndpoint(t), t.TempDir()
	args := e.flags(t, folder)
	wantRun(t, args, exitPrinted, "token-1\n")
	began := time.Now()
	wantRun(t, append(args, "-refresh"), exitPrinted, "token-2\n")
	if time.Now().Unix() == began.Unix() {
		t.Error("the new token is of the same second")
	}
	wantRun(t, args, exitPrinted, "token-2\n")
}

// TestUnsafeFiles: what others could have read or written is not printed, nor what
// is no entry.
func TestUnsafeFiles(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(path string) error
	}{
		{"others can read it", func(path string) error { return os.Chmod(path, 0o640) }},
		{"others can write it", func(path string) error { return os.Chmod(path, 0o602) }},
		{"no JSON", func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) }},
		{"no token", func(path string) error { return os.WriteFile(path, []byte("{}"), 0o600) }},
		{"removed", os.Remove},
		{"from the future", func(path string) error { age(t, path, -time.Hour); return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, folder := newEndpoint(t), t.TempDir()
			args := e.flags(t, folder)
			wantRun(t, args, exitPrinted, "token-1\n")
			path := file(t, folder)
			if err := tt.spoil(path); err != nil {
				t.Fatal(err)
			}
			wantRun(t, args, exitPrinted, "token-2\n")
			if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
				t.Errorf("%v, %v, want mode 0600", info, err)
			}
			wantRun(t, args, exitPrinted, "token-2\n")
		})
	}
}

// TestNoCache: a token that can't be kept is printed all the same.
func TestNoCache(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("as root: a folder in place of the file stands for a folder without write permission")
	}
	e, folder := newEndpoint(t), t.TempDir()
	args := e.flags(t, folder)
	wantRun(t, args, exitPrinted, "token-1\n")
	path := file(t, folder)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if stderr := wantRun(t, args, exitPrinted, "token-2\n"); !strings.Contains(stderr, "can't be cached") {
		t.Errorf("error = %q, want a warning", stderr)
	}
}

// TestParallelRuns: many processes at once cause one fetch, and all print its token.
func TestParallelRuns(t *testing.T) {
	e, folder := newEndpoint(t), t.TempDir()
	args := e.flags(t, folder)
	var runs sync.WaitGroup
	for range 10 {
		runs.Go(func() { wantRun(t, args, exitPrinted, "token-1\n") })
	}
	runs.Wait()
	if got := e.fetches.Load(); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
}

// TestLockIsHeld: a run fetches by itself if another one holds the lock for too
// long.
func TestLockIsHeld(t *testing.T) {
	e, folder := newEndpoint(t), t.TempDir()
	args := e.flags(t, folder)
	wantRun(t, args, exitPrinted, "token-1\n")
	age(t, file(t, folder), 2*time.Hour)
	unlock, err := (&cache{file(t, folder)}).lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	o, err := parse(args)
	if err != nil {
		t.Fatal(err)
	}
	source, kept, err := o.open()
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	var warning error
	c := &command{source: source, cache: kept, patience: time.Millisecond, now: time.Now}
	got, err := c.token(t.Context(), func(err error) { warning = err })
	if got != "token-2" || err != nil || !errors.Is(warning, errBusy) {
		t.Errorf("token() = %q, %v with warning %v, want token-2 with %v", got, err, warning, errBusy)
	}
	wantRun(t, args, exitPrinted, "token-2\n") // from the cache, without the lock
}

// TestClients: each kind of credentials gets to the authority as it should.
func TestClients(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	jwt := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"x"}`)) + ".c2ln"
	github := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"value":%q}`, jwt)
	}))
	defer github.Close()
	t.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", github.URL+"/?api-version=2")
	t.Setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request")
	key := m2mtest.NewKey("ES256")
	jwk := key.JWK()
	private, err := keyPEM(key.Private)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		args  []string
		check func(r *http.Request) bool
	}{
		{"a secret in a file", []string{"-client-id", "worker", "-secret-file", write("secret", secret+"\n")}, basic},
		{"a secret in the environment", []string{"-client-id", "worker", "-secret-env", "WORKER_SECRET"}, basic},
		{"ID and secret in a file", []string{"-credentials", write("both.json", `{"client_id":"worker","client_secret":"`+secret+`"}`)}, basic},
		{"a key", []string{"-client-id", "worker", "-key-file", write("key.pem", private), "-key-id", jwk["kid"].(string), "-issuer", "https://auth.example.com"},
			func(r *http.Request) bool { return strings.Count(r.Form.Get("client_assertion"), ".") == 2 }},
		{"an assertion", []string{"-client-id", "worker", "-assertion-file", write("jwt", jwt)},
			func(r *http.Request) bool { return r.Form.Get("client_assertion") == jwt }},
		{"GitHub Actions", []string{"-client-id", "worker", "-github-audience", "https://auth.example.com"},
			func(r *http.Request) bool { return r.Form.Get("client_assertion") == jwt }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEndpoint(t)
			t.Setenv("WORKER_SECRET", secret)
			args := append([]string{"-token-url", e.URL + "/token", "-cache", t.TempDir(), "-audience", "a b", "-resource", "https://a.example"}, tt.args...)
			wantRun(t, args, exitPrinted, "token-1\n")
			if e.fetches.Load() == 0 {
				return
			}
			r := e.form.Load()
			if !tt.check(r) {
				t.Errorf("the request's form is %v, want the client's authentication", r.Form)
			}
			if got := r.Form["audience"]; len(got) != 2 {
				t.Errorf("audience = %q, want two", got)
			}
			if got := r.Form.Get("resource"); got != "https://a.example" {
				t.Errorf("resource = %q, want https://a.example", got)
			}
		})
	}
}

func basic(r *http.Request) bool {
	id, got, ok := r.BasicAuth()
	return ok && id == "worker" && got == secret
}

// TestIssuer: metadata name the token endpoint.
func TestIssuer(t *testing.T) {
	e := newEndpoint(t)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("/.well-known/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":%q}`, server.URL, server.URL+"/token")
	})
	mux.Handle("/token", e.Config.Handler)
	t.Setenv("WORKER_SECRET", secret)
	wantRun(t, []string{"-issuer", server.URL, "-client-id", "worker", "-secret-env", "WORKER_SECRET", "-cache", t.TempDir()}, exitPrinted, "token-1\n")
}

// TestMaxAge: tokens whose lifetime the authority does not tell serve for -max-age.
func TestMaxAge(t *testing.T) {
	e, folder := newEndpoint(t), t.TempDir()
	args := e.flags(t, folder, "-max-age", "10m")
	wantRun(t, args, exitPrinted, "token-1\n")
	age(t, file(t, folder), 9*time.Minute)
	wantRun(t, args, exitPrinted, "token-2\n")
}
