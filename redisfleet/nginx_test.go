package redisfleet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// replica is one of two token endpoints behind nginx.
type replica struct {
	*httptest.Server
	answers atomic.Int64
}

func newReplica(t *testing.T, authority *m2mtest.Authority, limits *gateway.TokenEndpointOptions) *replica {
	t.Helper()
	r := &replica{}
	opts := *limits
	opts.BaseURL, opts.Transport = "http://localhost", &stytchtest.Transport{Handler: authority}
	opts.Observe = func(context.Context, gateway.Answer) { r.answers.Add(1) }
	var err error
	opts.ClientAddr, err = gateway.Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}.ClientAddr()
	if err != nil {
		t.Fatal(err)
	}
	h, err := gateway.NewTokenEndpoint(authority.ProjectID(), &opts)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = httptest.NewServer(h)
	t.Cleanup(r.Close)
	return r
}

// nginx starts a proxy that takes turns between servers, and returns its address.
func nginx(t *testing.T, servers ...string) string {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/nginx")
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("nginx is not installed: apt-get install nginx")
		}
		t.Skip("nginx is not installed: apt-get install nginx")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "nginx.sock") // a free port could be taken before nginx listens
	config := fmt.Sprintf(`
daemon off; master_process off; pid %[1]s/pid; error_log stderr crit;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	upstream replicas { server %[2]s; }
	server {
		listen unix:%[3]s proxy_protocol;
		set_real_ip_from unix:; real_ip_header proxy_protocol;
		location / {
			proxy_pass http://replicas;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		}
	}
}`, dir, strings.Join(servers, "; server "), socket)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-p", dir, "-c", file)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	redistest.Eventually(t, "nginx listens", func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return socket
}

// from returns a client that connects to nginx from addr.
func from(socket, addr string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
			if err == nil { // as a load balancer tells nginx the address
				_, err = fmt.Fprintf(conn, "PROXY TCP4 %s 127.0.0.1 1000 443\r\n", addr)
			}
			return conn, err
		},
	}, Timeout: 10 * time.Second}
}

// TestReplicasBehindProxy runs two token endpoints behind a real nginx. They count the
// failures of a client's address together, whichever replica it reaches and whatever
// it claims to be, and one of them may go away.
func TestReplicasBehindProxy(t *testing.T) {
	t.Parallel()
	store := redistest.Start(t, redistest.Options{})
	authority := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
	id, secret := authority.CreateClient("customer")
	var replicas [2]*replica
	for i := range replicas {
		replicas[i] = newReplica(t, authority, &gateway.TokenEndpointOptions{
			Failures: gateway.Limit{PerSecond: 0.001, Burst: 4}, Limiter: newLimits(t, store.Addr()),
		})
	}
	socket := nginx(t, replicas[0].Listener.Addr().String(), replicas[1].Listener.Addr().String())
	ask := func(addr, secret, forwarded string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://login.example/oauth2/token",
			strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		res, err := from(socket, addr).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var body struct {
			Error string `json:"error"`
			Token string `json:"access_token"`
		}
		text, err := io.ReadAll(res.Body)
		if err != nil || json.Unmarshal(text, &body) != nil || (body.Token == "") != (res.StatusCode != 200) {
			t.Fatalf("status %d with %v in %q, want JSON as RFC 6749 has it", res.StatusCode, err, text)
		}
		return res, body.Error
	}
	want := func(what, addr, secret, forwarded string, status int) {
		t.Helper()
		res, code := ask(addr, secret, forwarded)
		if res.StatusCode != status {
			t.Errorf("%s: status %d, error %q, want %d", what, res.StatusCode, code, status)
		}
		if status == 429 && res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", what)
		}
	}
	for range 4 {
		want("a guess", "192.0.2.1", "wrong-secret", "", 401)
	}
	for i, r := range replicas {
		if n := r.answers.Load(); n != 2 {
			t.Fatalf("replica %d answered %d of 4 requests, want 2", i, n)
		}
	}
	for range 2 {
		want("the budget of both is spent", "192.0.2.1", secret, "", 429)
		want("a forged address", "192.0.2.1", "wrong-secret", "203.0.113.9", 429)
		want("a forged proxy", "192.0.2.1", "wrong-secret", "203.0.113.9, 127.0.0.1", 429)
		want("the customer's own address", "192.0.2.2", secret, "", 200)
		want("somebody who names the customer's address", "192.0.2.3", secret, "192.0.2.2", 200)
	}
	replicas[0].Close()
	for range 4 {
		want("one replica is left", "192.0.2.2", secret, "", 200)
		want("its budget is that of both", "192.0.2.1", secret, "", 429)
	}
}
