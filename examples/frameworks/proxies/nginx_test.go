package proxies

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
)

// startNginx starts nginx with nginx.conf before a policy and a service, and returns
// the socket that it listens on.
func startNginx(t *testing.T, policy, service http.Handler, change ...string) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/nginx") // where Debian has it
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	conf, err := os.ReadFile("nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	// t.TempDir is too long for the name of a socket.
	dir, err := os.MkdirTemp("", "nginx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	text := strings.NewReplacer(append([]string{"/run/orders", dir}, change...)...).Replace(string(conf))
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, handler := range map[string]http.Handler{"policy": policy, "orders": service} {
		if handler == nil {
			continue // it is down
		}
		l, err := net.Listen("unix", filepath.Join(dir, name+".sock"))
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: handler}
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
	}
	var log strings.Builder
	cmd := exec.Command(program, "-p", dir, "-c", "nginx.conf", "-e", "stderr",
		"-g", "daemon off; master_process off; pid nginx.pid; error_log stderr error;")
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill(); <-ended })
	socket := filepath.Join(dir, "nginx.sock")
	for {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return socket
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ended:
			t.Fatalf("nginx ended: %s", log.String())
		case <-t.Context().Done():
		}
	}
}

// over sends requests to a socket, byte for byte: a client of net/http would clean
// them.
func over(socket string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n", r.Method, r.RequestURI, r.Host, len(body))
		for name, values := range r.Header {
			for _, value := range values {
				fmt.Fprintf(conn, "%s: %s\r\n", name, value)
			}
		}
		fmt.Fprintf(conn, "\r\n%s", body)
		res, err := http.ReadResponse(bufio.NewReader(conn), r)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		defer res.Body.Close()
		for name, values := range res.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(res.StatusCode)
		io.Copy(w, res.Body)
	})
}

// trimmed are the attacks that HTTP/1.1 makes good calls of (RFC 9112 §5.1).
var trimmed = []string{
	"credential: space before", "credential: tab before", "credential: space after", "credential: tab after", "credential: line feed",
}

func TestNginxAttack(t *testing.T) {
	w := newWorld(t)
	attack.Run(t, attack.Target{
		Authority: w.authority, Handler: over(startNginx(t, authRequest(w.policy), service)), HTTP: attack.Operations(w.policy.Operations()),
		Skip: func(name string) bool { return slices.Contains(trimmed, name) },
	})
}

func TestNginx(t *testing.T) {
	w := newWorld(t)
	testProxy(t, w, over(startNginx(t, authRequest(w.policy), service)), http.StatusUnauthorized)
}

// TestNginxUndecided: an outage of the authority keeps its status, and a policy that
// is down is an outage.
func TestNginxUndecided(t *testing.T) {
	w := newWorld(t)
	answer := func(status int) http.Handler {
		return authRequest(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
		}))
	}
	for _, tt := range []struct {
		name   string
		policy http.Handler
		status int
		retry  string
	}{
		{"the authority is down", answer(503), 503, "7"},
		{"a flood of unknown keys", answer(429), 429, "7"},
		{"the verifier is closed", authRequest(w.closed(t)), 503, ""},
		{"the policy is down", nil, 503, ""},
		{"the policy has a fault", http.NotFoundHandler(), 503, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := w.call(over(startNginx(t, tt.policy, service)), "GET /orders", "orders:read")
			if got.Code != tt.status || got.Header().Get("Retry-After") != tt.retry || got.Header().Get("WWW-Authenticate") != "" {
				t.Errorf("GET /orders = %d %v, want %d, Retry-After %q and no challenge", got.Code, got.Header(), tt.status, tt.retry)
			}
		})
	}
}

// TestNginxTraps shows what nginx does if the configuration is slightly different.
func TestNginxTraps(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name, from, to string
		call, want     string
	}{
		{"return comes before auth_request",
			"location / {", "location = /export { return 200 open; }\nlocation / {", "GET /export", "200 open"},
		{"a location with a proxy_set_header of its own inherits none",
			"proxy_pass http://orders;", "proxy_set_header X-Trace 1;\nproxy_pass http://orders;", "GET /health", "200 GET /health for admin"},
		{"without @refused, a 403 has no challenge",
			"error_page 403 = @refused;", "", "GET /orders", "403 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", strings.TrimPrefix(tt.call, "GET "), nil)
			r.Header.Set("X-Client-Id", "admin")
			if strings.HasPrefix(tt.want, "403") {
				r.Header.Set("Authorization", "Bearer "+w.authority.Token(m2mtest.TokenSpec{Scopes: []string{"other"}}))
			}
			got := httptest.NewRecorder()
			over(startNginx(t, authRequest(w.policy), service, tt.from, tt.to)).ServeHTTP(got, r)
			text := fmt.Sprintf("%d %s", got.Code, got.Body)
			if got.Code == 403 {
				text = fmt.Sprintf("%d %s", got.Code, got.Header().Get("WWW-Authenticate"))
			}
			if text != tt.want {
				t.Errorf("%s = %q, want %q: has nginx changed?", tt.call, text, tt.want)
			}
		})
	}
}
