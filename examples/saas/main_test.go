package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// world is the running SaaS.
type world struct {
	t   *testing.T
	url string
	log *bytes.Buffer
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, log: new(bytes.Buffer)}
	server := httptest.NewUnstartedServer(nil)
	w.url = "http://" + server.Listener.Addr().String()
	handler, stop := newSaaS(w.url, filepath.Join(t.TempDir(), "index.db"), slog.New(slog.NewTextHandler(w.log, nil)))
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(func() { server.Close(); stop() })
	return w
}

// person is somebody with a browser's cookies.
type person struct {
	w      *world
	client *http.Client
}

func (w *world) signIn(user string) *person {
	w.t.Helper()
	jar, _ := cookiejar.New(nil)
	p := &person{w, &http.Client{Jar: jar}}
	if status, _ := p.send("POST", "/account/login/"+user, "", nil); status != 200 {
		w.t.Fatalf("login of %s: status %d, want 200", user, status)
	}
	return p
}

func (p *person) send(method, path, body string, header http.Header) (int, string) {
	p.w.t.Helper()
	req, err := http.NewRequest(method, p.w.url+path, strings.NewReader(body))
	if err != nil {
		p.w.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := p.client.Do(req)
	if err != nil {
		p.w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// call makes a call of the JSON API that must succeed.
func (p *person) call(method, path, body string) (out response) {
	p.w.t.Helper()
	status, text := p.send(method, path, body, http.Header{"Idempotency-Key": {path + body}})
	if err := json.Unmarshal([]byte(text), &out); status != 200 || err != nil {
		p.w.t.Fatalf("%s %s: status %d, %v: %s", method, path, status, err, text)
	}
	return out
}

const registration = `{"name":"export","scopes":["read:reports"]}`

// TestTenants lets a tenant try everything with a machine of another.
func TestTenants(t *testing.T) {
	w := start(t)
	ann, bob := w.signIn("ann"), w.signIn("bob")
	made := ann.call("POST", "/account/clients", registration)
	id := made.Clients[0].ID
	if again := ann.call("POST", "/account/clients", registration); again.Secret != "" || again.Clients[0].ID != id {
		t.Errorf("the same registration again = %+v, want the same client without secret", again)
	}
	if all := bob.call("GET", "/account/clients", ""); len(all.Clients) != 0 || all.Tenant != "globex" {
		t.Errorf("Bob's list = %+v, want none", all)
	}
	for _, act := range []string{"rename", "disable", "enable", "rotate", "complete", "cancel", "delete", "unknown"} {
		const body = `{"name":"mine","last_four":"abcd"}`
		theirs, text := bob.send("POST", "/account/clients/"+id+"/"+act, body, nil)
		nobodys, want := bob.send("POST", "/account/clients/m2m-client-test-1/"+act, body, nil)
		if theirs != 404 || nobodys != 404 || text != want {
			t.Errorf("%s of Ann's machine by Bob: status %d %s, want 404 %s", act, theirs, text, want)
		}
	}
	if all := ann.call("GET", "/account/clients", ""); len(all.Clients) != 1 || all.Clients[0].Name != "export" || !all.Clients[0].Active {
		t.Errorf("Ann's list = %+v, want her machine unchanged", all)
	}
	log := w.log.String()
	if strings.Count(log, "event.actor=bob@globex.example") != 15 || strings.Count(log, "event.foreign=true") != 7 {
		t.Errorf("the audit log lacks Bob's attempts:\n%s", log)
	}
	if strings.Contains(log, made.Secret) {
		t.Error("the audit log holds a secret")
	}
}

// TestRefused makes requests that are refused before anything happens.
func TestRefused(t *testing.T) {
	w := start(t)
	ann := w.signIn("ann")
	stranger := &person{w, &http.Client{}}
	for _, tt := range []struct {
		name   string
		who    *person
		method string
		body   string
		header http.Header
		status int
		want   string
	}{
		{"no session", stranger, "GET", "", nil, 401, "sign in first"},
		{"another's cookie", stranger, "GET", "", http.Header{"Cookie": {"session=guessed"}}, 401, "sign in first"},
		{"another site, by fetch metadata", ann, "POST", registration, http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403, "cross-origin"},
		{"another site of the same company", ann, "POST", registration, http.Header{"Sec-Fetch-Site": {"same-site"}}, 403, "cross-origin"},
		{"another site, by origin", ann, "POST", registration, http.Header{"Origin": {"https://evil.example"}}, 403, "cross-origin"},
		{"a chosen ID", ann, "POST", `{"name":"x","client_id":"m2m-client-test-1"}`, nil, 400, "not the expected JSON"},
		{"a tenant", ann, "POST", `{"name":"x","tenant_id":"globex"}`, nil, 400, "not the expected JSON"},
		{"a form", ann, "POST", "name=x", nil, 400, "not the expected JSON"},
		{"no key", ann, "POST", registration, nil, 400, "the key is empty"},
		{"an unlisted scope", ann, "POST", `{"name":"x","scopes":["admin"]}`, http.Header{"Idempotency-Key": {"1"}}, 400, "can't be given"},
		{"a large body", ann, "POST", `{"name":"` + strings.Repeat("x", 17<<10) + `"}`, nil, 400, "not the expected JSON"},
	} {
		status, text := tt.who.send(tt.method, "/account/clients", tt.body, tt.header)
		if status != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s: status %d %s, want %d with %q", tt.name, status, text, tt.status, tt.want)
		}
	}
	if all := ann.call("GET", "/account/clients", ""); len(all.Clients) != 0 {
		t.Errorf("Ann has %d machines, want 0", len(all.Clients))
	}
}

// TestHeaders checks what the page and the JSON API tell the browser.
func TestHeaders(t *testing.T) {
	w := start(t)
	for _, path := range []string{"/account/", "/account/page.js", "/account/clients"} {
		res, err := http.Get(w.url + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
				"form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", path, name, got, want)
			}
		}
	}
}

// TestRotation rotates a machine's secret, which gets tokens all the time.
func TestRotation(t *testing.T) {
	w := start(t)
	ann := w.signIn("ann")
	made := ann.call("POST", "/account/clients", registration)
	path := "/account/clients/" + made.Clients[0].ID
	works := func(secret string, want bool) {
		t.Helper()
		if text, err := w.reports(made.Clients[0].ID, secret); (err == nil) != want || want && text != "reports of acme\n" {
			t.Errorf("reports = %q, %v, want success: %t", text, err, want)
		}
	}
	works(made.Secret, true)
	rotating := ann.call("POST", path+"/rotate", "")
	works(made.Secret, true)
	works(rotating.Secret, true)
	ann.call("POST", path+"/complete", fmt.Sprintf(`{"last_four":%q}`, rotating.Clients[0].NextSecretLastFour))
	works(made.Secret, false)
	works(rotating.Secret, true)
	ann.call("POST", path+"/disable", "")
	works(rotating.Secret, false)
}

// reports calls the API as a machine with golang.org/x/oauth2.
func (w *world) reports(id, secret string) (string, error) {
	config := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: w.url + "/oauth2/token", AuthStyle: oauth2.AuthStyleInHeader}
	res, err := config.Client(w.t.Context()).Get(w.url + "/v1/reports")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

// needs skips a test for want of a program, except where the script run has installed it.
func needs(t *testing.T, ok bool, what string) {
	t.Helper()
	if ok {
		return
	}
	if os.Getenv("SAAS_EXAMPLE") == "required" {
		t.Fatalf("%s is missing", what)
	}
	t.Skipf("%s is missing: see the script run", what)
}

// TestForeignMachines calls the API with programs of others.
func TestForeignMachines(t *testing.T) {
	w := start(t)
	for user, tenant := range map[string]string{"ann": "acme", "bob": "globex"} {
		made := w.signIn(user).call("POST", "/account/clients", registration)
		id := made.Clients[0].ID
		t.Run("curl/"+tenant, func(t *testing.T) {
			_, err := exec.LookPath("curl")
			needs(t, err == nil, "curl")
			const script = `curl -sSf -u "$1:$2" -d grant_type=client_credentials "$0/oauth2/token" |
				sed 's/.*"access_token":"\([^"]*\)".*/header = "Authorization: Bearer \1"/' |
				curl -sSf -K - "$0/v1/reports"`
			out, err := exec.CommandContext(t.Context(), "sh", "-c", script, w.url, id, made.Secret).CombinedOutput()
			if want := "reports of " + tenant + "\n"; err != nil || string(out) != want {
				t.Errorf("curl = %q, %v, want %q", out, err, want)
			}
		})
		t.Run("openid-client/"+tenant, func(t *testing.T) {
			_, err := os.Stat("look/node_modules/openid-client")
			needs(t, err == nil, "openid-client")
			cmd := exec.CommandContext(t.Context(), "node", "machine.mjs", w.url, id, made.Secret)
			cmd.Dir = "look"
			out, err := cmd.CombinedOutput()
			if want := fmt.Sprintf("body 200 reports of %s\nbasic 200 reports of %[1]s\n", tenant); err != nil || string(out) != want {
				t.Errorf("node machine.mjs = %q, %v, want %q", out, err, want)
			}
		})
	}
}

// TestPage uses the page in Chromium. page.mjs says what must hold.
func TestPage(t *testing.T) {
	_, err := os.Stat("look/node_modules/playwright-core")
	needs(t, err == nil && os.Getenv("SAAS_EXAMPLE") == "required", "playwright-core")
	w := start(t)
	arg, _ := json.Marshal(map[string]string{
		"base": w.url, "pictures": os.Getenv("PICTURES"),
		"hostile": "<img src=x onerror=hit=1><script>hit=1</script>" + strings.Repeat("W", 60),
	})
	cmd := exec.CommandContext(t.Context(), "node", "page.mjs", string(arg))
	cmd.Dir = "look"
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("node page.mjs = %v", err)
	}
}

// TestIndex opens the index again: it keeps its records.
func TestIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	for i, want := range []string{"", "0"} {
		store := openIndex(path)
		err := store.Update(t.Context(), "acme", func(old []byte) ([]byte, error) {
			if string(old) != want {
				t.Errorf("record = %q, want %q", old, want)
			}
			return fmt.Append(nil, i), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		failing := store.Update(t.Context(), "acme", func([]byte) ([]byte, error) { return []byte("x"), net.ErrClosed })
		if failing != net.ErrClosed {
			t.Errorf("Update = %v, want the error of change", failing)
		}
		store.db.Close()
	}
}

// TestOwnCode counts the lines of the example, as its page in docs promises: without
// comments, imports, and the login that it replaces.
func TestOwnCode(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "login.go" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, code, _ := strings.Cut(string(text), "\n)\n") // after the imports
		for line := range strings.Lines(code) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				lines++
			}
		}
	}
	if lines >= 150 || lines < 100 {
		t.Errorf("%d lines, want less than 150", lines)
	}
}
