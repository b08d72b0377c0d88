package telemetry_test

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/telemetry"
	"github.com/m2mauth/m2mauth/verifier"
)

// statusOf returns the page of a Verifier that trusts a local authority.
func statusOf(t *testing.T, c telemetry.StatusConfig) http.Handler {
	t.Helper()
	if c.Verifier == nil {
		var cfg verifier.Config
		if c.Recent != nil {
			cfg.Observe = []func(context.Context, verifier.Decision){c.Recent.Observe}
		}
		_, c.Verifier = m2mtest.Trust(t, &cfg)
	}
	h, err := telemetry.Status(c)
	if err != nil {
		t.Fatalf("Status() = %v", err)
	}
	return h
}

// localRequest returns a request of a client on this machine.
func localRequest(method, target string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Host, r.RemoteAddr = "localhost:8080", "127.0.0.1:50000"
	return r
}

func get(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestStatusAccess: the page answers local clients that use a local name, and the
// Hosts that are named.
func TestStatusAccess(t *testing.T) {
	_, v := m2mtest.Trust(t, nil)
	for _, test := range []struct {
		name         string
		hosts        []string
		remote, host string
		header       string // one that is set
		want         int
	}{
		{"loopback by name", nil, "127.0.0.1:1", "localhost:8080", "", 200},
		{"in capitals, with a dot", nil, "127.0.0.1:1", "LOCALHOST.", "", 200},
		{"loopback by address", nil, "127.0.0.9:1", "127.0.0.2", "", 200},
		{"IPv6", nil, "[::1]:1", "[::1]:8080", "", 200},
		{"IPv6 without a port", nil, "[::1]:1", "[::1]", "", 200},
		{"IPv4 in IPv6", nil, "[::ffff:127.0.0.1]:1", "localhost", "", 200},

		{"DNS rebinding", nil, "127.0.0.1:1", "evil.example", "", 421},
		{"a name that begins like a local one", nil, "127.0.0.1:1", "localhost.evil.example", "", 421},
		{"a name that ends like a local one", nil, "127.0.0.1:1", "127.0.0.1.evil.example", "", 421},
		{"another name for loopback", nil, "127.0.0.1:1", "0", "", 421},
		{"the unspecified address", nil, "127.0.0.1:1", "0.0.0.0", "", 421},
		{"no Host", nil, "127.0.0.1:1", "", "", 421},
		{"a malformed Host", nil, "127.0.0.1:1", "localhost@evil", "", 421},
		{"another machine", nil, "192.0.2.7:1", "localhost", "", 421},
		{"a private network", nil, "10.0.0.7:1", "127.0.0.1", "", 421},
		{"an unknown client", nil, "@", "localhost", "", 421},
		{"through a proxy on this machine", nil, "127.0.0.1:1", "localhost", "X-Forwarded-For", 421},
		{"through a proxy, RFC 7239", nil, "127.0.0.1:1", "127.0.0.1", "Forwarded", 421},
		{"through a proxy, Via", nil, "127.0.0.1:1", "127.0.0.1", "Via", 421},

		{"a named host", []string{"status.example.com"}, "192.0.2.7:1", "status.example.com", "", 200},
		{"a named host, through a proxy", []string{"Status.Example.com."}, "192.0.2.7:1", "status.example.COM:443", "X-Forwarded-For", 200},
		{"a named address", []string{"2001:db8::1"}, "192.0.2.7:1", "[2001:DB8::1]:80", "", 200},
		{"another host than the named one", []string{"status.example.com"}, "192.0.2.7:1", "other.example.com", "", 421},
		{"a named host does not open a local name", []string{"status.example.com"}, "192.0.2.7:1", "localhost", "", 421},
		{"a local client beside a named host", []string{"status.example.com"}, "127.0.0.1:1", "localhost", "", 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := statusOf(t, telemetry.StatusConfig{Verifier: v, Hosts: test.hosts})
			r := httptest.NewRequest("GET", "/status", nil)
			r.RemoteAddr, r.Host = test.remote, test.host
			if test.header != "" {
				r.Header.Set(test.header, "x")
			}
			w := get(h, r)
			if w.Code != test.want {
				t.Errorf("GET from %s for %q = %d, want %d", test.remote, test.host, w.Code, test.want)
			}
			if test.want == 421 && strings.Contains(w.Body.String(), "stytch.com") {
				t.Errorf("the refusal says %q, want nothing of the service", w.Body)
			}
		})
	}
}

// TestStatusHeaders: every response has the headers that protect it.
func TestStatusHeaders(t *testing.T) {
	h := statusOf(t, telemetry.StatusConfig{})
	foreign := localRequest("GET", "/")
	foreign.Host = "evil.example"
	for name, r := range map[string]*http.Request{
		"the page": localRequest("GET", "/"), "a refusal": foreign, "another method": localRequest("POST", "/"),
	} {
		header := get(h, r).Header()
		for key, want := range map[string]string{
			"Cache-Control":                "no-store",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Referrer-Policy":              "no-referrer",
			"Vary":                         "Accept",
			"X-Content-Type-Options":       "nosniff",
		} {
			if got := header.Get(key); got != want {
				t.Errorf("%s: %s = %q, want %q", name, key, got, want)
			}
		}
		policy := header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "style-src 'sha256-"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: Content-Security-Policy = %q, want %s", name, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
			t.Errorf("%s: Content-Security-Policy = %q, want no exception", name, policy)
		}
	}
}

// TestStatusMethods: GET and HEAD, and nothing else.
func TestStatusMethods(t *testing.T) {
	h := statusOf(t, telemetry.StatusConfig{})
	for _, test := range []struct {
		method string
		want   int
	}{{"GET", 200}, {"HEAD", 200}, {"POST", 405}, {"PUT", 405}, {"DELETE", 405}, {"OPTIONS", 405}, {"TRACE", 405}} {
		w := get(h, localRequest(test.method, "/"))
		if w.Code != test.want {
			t.Errorf("%s = %d, want %d", test.method, w.Code, test.want)
		}
		if allow := w.Header().Get("Allow"); test.want == 405 && allow != "GET, HEAD" {
			t.Errorf("%s: Allow = %q, want GET, HEAD", test.method, allow)
		}
		if test.method == "HEAD" && w.Body.Len() > 0 {
			t.Errorf("HEAD has a body of %d bytes, want none", w.Body.Len())
		}
	}
}

// TestStatusAccept: JSON for those who prefer it, HTML for all others.
func TestStatusAccept(t *testing.T) {
	h := statusOf(t, telemetry.StatusConfig{})
	const html, asJSON = "text/html; charset=utf-8", "application/json"
	for _, test := range []struct{ name, accept, want string }{
		{"none", "", html},
		{"anything", "*/*", html},
		{"a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", html},
		{"JSON", "application/json", asJSON},
		{"JSON in capitals, or anything", "Application/JSON, */*;q=0.1", asJSON},
		{"JSON rather than HTML", "text/html;q=0.5, application/json;q=0.9", asJSON},
		{"HTML rather than JSON", "text/html, application/json;q=0.9", html},
		{"no JSON", "application/json;q=0", html},
		{"a malformed quality", "application/json;q=x", html},
	} {
		r := localRequest("GET", "/")
		r.Header.Set("Accept", test.accept)
		if got := get(h, r).Header().Get("Content-Type"); got != test.want {
			t.Errorf("%s: Content-Type for Accept: %s = %q, want %q", test.name, test.accept, got, test.want)
		}
	}
}

// TestStatusConfig: every mistake is reported at once.
func TestStatusConfig(t *testing.T) {
	h, err := telemetry.Status(telemetry.StatusConfig{
		Hosts:      []string{"https://status.example.com", "", "a/b", "a b", "[::1", "example.com:80"},
		Operations: []iter.Seq2[string, scopes.Requirement]{nil},
	})
	if err == nil || h != nil {
		t.Fatalf("Status() = %v, %v, want an error", h, err)
	}
	for _, want := range []string{
		"Verifier is nil", "Operations[0] is nil", `Hosts[0] is "https://status.example.com"`, `Hosts[1] is ""`,
		`Hosts[2] is "a/b"`, `Hosts[3] is "a b"`, `Hosts[4] is "[::1"`, `Hosts[5] is "example.com:80"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Status() = %v, want it to report %s", err, want)
		}
	}
	if _, err := telemetry.Status(telemetry.StatusConfig{Verifier: new(verifier.Verifier)}); err == nil {
		t.Error("Status() of a zero Verifier = nil, want an error")
	}
}
