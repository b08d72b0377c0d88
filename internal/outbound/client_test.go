package outbound

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.255.255.254": true, "::1": true, "::ffff:127.0.0.1": true,
		"0:0:0:0:0:0:0:1": true,

		"": false, "localhost.": false, "a.localhost": false, "localhost.example.com": false, "127.0.0.1.example.com": false,
		"127.1": false, "0177.0.0.1": false, "2130706433": false, "0.0.0.0": false, "::": false, "[::1]": false, "127.0.0.1:80": false,
		"10.0.0.1": false, "172.16.0.1": false, "192.168.0.1": false, "169.254.169.254": false, "fe80::1": false, "fd00::1": false,
		"126.255.255.255": false, "128.0.0.1": false, "::2": false, "::ffff:10.0.0.1": false, "8.8.8.8": false,
		"localho\u017ft": false, // folds to "localhost" by Unicode's rules
		"0x7f.0.0.1":     false, "100.64.0.1": false, "localhost4": false, "192.168.1.1": false,
	} {
		if got := IsLoopback(host); got != want {
			t.Errorf("IsLoopback(%q) = %v, want %v", host, got, want)
		}
	}
}

func TestIsNamed(t *testing.T) {
	names := []string{"authority", "auth.example.test", "10.0.0.7"}
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8484": true, "127.0.0.1:8484": true, "[::1]:8484": true, "[::1]": true,
		"authority": true, "authority:8484": true, "AUTHORITY:8484": true, "auth.example.test.": true, "10.0.0.7:1": true,

		"": false, ":8484": false, ".": false, "evil.example:8484": false, "authority.evil.example": false,
		"evil.example/authority": false, "authorit\u0443": false, "10.0.0.8": false, "authority@evil.example": false,
	} {
		if got := IsNamed(host, names); got != want {
			t.Errorf("IsNamed(%q) = %v, want %v", host, got, want)
		}
	}
	if IsNamed("", []string{""}) {
		t.Error(`IsNamed("", [""]) = true, want false`)
	}
}

func TestParseIssuer(t *testing.T) {
	const absolute, credentials, query = "is no absolute URL", "holds credentials", "holds a query or a fragment"
	const capitals, dots, scheme = "holds capitals in its scheme or host", `holds "%2F" or dot segments`, "is not https"
	for _, tt := range []struct {
		raw      string
		insecure bool
		want     string // "": no error
	}{
		{"https://auth.example.com", false, ""},
		{"https://auth.example.com/", false, ""},
		{"https://auth.example.com:8443/Tenant/a", false, ""},
		{"https://[2001:db8::1]/x", false, ""},
		{"http://localhost:8080/realms/r", false, ""},
		{"http://127.0.0.1:8080", false, ""},
		{"http://[::1]", false, ""},
		{"http://auth.internal", true, ""},

		{"http://auth.internal", false, scheme},
		{"http://localhost.example.com", false, scheme},
		{"http://10.0.0.1", false, scheme},
		{"ftp://auth.example.com", true, scheme},
		{"", false, absolute},
		{"auth.example.com", false, absolute},
		{"https://", false, absolute},
		{"https://:443", false, absolute},
		{"https://auth.example.com:", false, absolute},
		{"https:auth.example.com", false, absolute},
		{"https:///x", false, absolute},
		{"https://auth.example.com/ ", false, absolute},
		{"https://auth.example.com/\n", false, absolute},
		{"https://auth.example.com/ü", false, absolute},
		{"https://user:pass/word@auth.example.com", false, absolute},
		{"https://a@auth.example.com", false, credentials},
		{"https://@auth.example.com", false, credentials},
		{"https://auth.example.com?x", false, query},
		{"https://auth.example.com?", false, query},
		{"https://auth.example.com#", false, query},
		{"https://auth.example.com/#x", false, query},
		{"https://AUTH.example.com", false, capitals},
		{"HTTPS://auth.example.com", false, capitals},
		{"https://auth.example.com/a%2Fb", false, dots},
		{"https://auth.example.com/a/../b", false, dots},
		{"https://auth.example.com/./b", false, dots},
		{"https://auth.example.com/%2e%2e/b", false, dots},
	} {
		_, err := ParseIssuer(tt.raw, tt.insecure)
		if got := text(err); got != tt.want {
			t.Errorf("ParseIssuer(%q, %v) = %q, want %q", tt.raw, tt.insecure, got, tt.want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		at := func(d time.Duration) string { return now.Add(d).UTC().Format(http.TimeFormat) }
		for _, tt := range []struct {
			name, value, date string
			want              time.Duration
		}{
			{"absent", "", "", 0},
			{"seconds", "120", "", 2 * time.Minute},
			{"zero", "0", "", 0},
			{"a number that is too large", "99999999999999999999", "", 1 << 31 * time.Second},
			{"a sign", "+5", "", 0},
			{"negative", "-5", "", 0},
			{"a fraction", "1.5", "", 0},
			{"hexadecimal", "0x10", "", 0},
			{"underscores", "1_0", "", 0},
			{"a duration", "5s", "", 0},
			{"a date", at(time.Minute), "", time.Minute},
			{"a date of RFC 850", now.Add(time.Minute).UTC().Format("Monday, 02-Jan-06 15:04:05 GMT"), "", time.Minute},
			{"a date that has passed", at(-time.Minute), "", 0},
			{"a date of a clock that is an hour behind", at(-59 * time.Minute), at(-time.Hour), time.Minute},
			{"a date beside a malformed Date", at(time.Minute), "yesterday", time.Minute},
			{"seconds beside a Date", "7", at(-time.Hour), 7 * time.Second},
		} {
			h := http.Header{}
			h.Set("Retry-After", tt.value)
			h.Set("Date", tt.date)
			if got := RetryAfter(h); got != tt.want {
				t.Errorf("%s: RetryAfter(%q) = %v, want %v", tt.name, tt.value, got, tt.want)
			}
		}
	})
}

func TestWithoutURL(t *testing.T) {
	refused := errors.New("refused")
	wrap := func(err error) error { return &url.Error{Op: "Get", URL: "https://user:hunter2@a.example?x", Err: err} }
	parse := func(raw string) error {
		_, err := url.Parse(raw)
		return err
	}
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"another error", refused, "refused"},
		{"a request's", wrap(refused), "refused"},
		{"of a client within a transport", wrap(fmt.Errorf("again: %w", wrap(refused))), "refused"},
		{"of url.Parse", parse("https://user:hunter2/x@a.example"), "the URL is malformed"},
		{"of url.Parse in a request's", wrap(parse("https://a.example:hunter2")), "the URL is malformed"},
	} {
		if got := WithoutURL(tt.err).Error(); got != tt.want {
			t.Errorf("%s: WithoutURL = %q, want %q", tt.name, got, tt.want)
		}
	}
	if !errors.Is(WithoutURL(wrap(refused)), refused) {
		t.Error("the cause is lost")
	}
}

func TestReadBody(t *testing.T) {
	for _, n := range []int{0, 1, 9, 10} {
		got, err := ReadBody(bytes.NewReader(make([]byte, n)), 10)
		if len(got) != n || err != nil {
			t.Errorf("ReadBody(%d bytes, 10) = %d bytes, %v", n, len(got), err)
		}
	}
	long := bytes.NewReader(make([]byte, 100))
	if got, err := ReadBody(long, 10); got != nil || !errors.Is(err, ErrTooLong) {
		t.Errorf("ReadBody(100 bytes, 10) = %d bytes, %v, want %v", len(got), err, ErrTooLong)
	}
	if read := 100 - long.Len(); read > 512 {
		t.Errorf("ReadBody(100 bytes, 10) read %d bytes", read)
	}
}

// TestTransports checks that each transport refuses long headers, that no client
// follows a redirect, and which connections are kept.
func TestTransports(t *testing.T) {
	var opened atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			w.Header().Set("X-Long", strings.Repeat("x", 65<<10))
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/elsewhere":
			t.Error("a redirect was followed")
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	for _, tt := range []struct {
		name      string
		transport http.RoundTripper
		want      int32 // connections for four requests
	}{
		{"none idle", NewTransport(0), 4},
		{"some idle", NewTransport(2), 1},
		{"the default", nil, 1},
		{"direct", NewDirectTransport(nil, nil), 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opened.Store(0)
			client := NewClient(tt.transport)
			defer client.CloseIdleConnections()
			for range 3 {
				res, err := client.Get(s.URL)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
			}
			res, err := client.Post(s.URL+"/redirect", "text/plain", strings.NewReader("secret"))
			if err != nil || res.StatusCode != http.StatusTemporaryRedirect {
				t.Fatalf("Post(/redirect) = %v, %v, want 307", res, err)
			}
			res.Body.Close()
			if got := opened.Load(); got != tt.want {
				t.Errorf("%d connections, want %d", got, tt.want)
			}
			if _, err := client.Get(s.URL + "/long"); err == nil || !strings.Contains(err.Error(), "exceeded") {
				t.Errorf("Get(/long) = %v, want an error about its headers", err)
			}
		})
	}
}

func TestDirectTransportControl(t *testing.T) {
	refused := errors.New("refused")
	transport := NewDirectTransport(nil, func(string, string, syscall.RawConn) error { return refused })
	if _, err := NewClient(transport).Get("http://127.0.0.1:1"); !errors.Is(err, refused) {
		t.Errorf("Get = %v, want %v", err, refused)
	}
}

// TestProxyPassword: the error about a malformed proxy quotes its URL in
// net/http.
func TestProxyPassword(t *testing.T) {
	standard := http.DefaultTransport
	defer func() { http.DefaultTransport = standard }()
	malformed := standard.(*http.Transport).Clone()
	malformed.Proxy = func(*http.Request) (*url.URL, error) {
		return nil, errors.New(`invalid proxy address "http://user:hunter2@proxy.example:x"`)
	}
	http.DefaultTransport = malformed
	_, err := NewClient(NewTransport(0)).Get("http://a.example")
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "HTTPS_PROXY") {
		t.Errorf("Get = %v", err)
	}
	http.DefaultTransport = http.NewFileTransport(http.Dir(t.TempDir()))
	if got := NewTransport(0); got != http.DefaultTransport {
		t.Errorf("NewTransport = %T, want the program's own", got)
	}
}

// TestNewTransportCopies checks that NewTransport changes a copy: the program's
// own requests go on as before.
func TestNewTransportCopies(t *testing.T) {
	program := http.DefaultTransport.(*http.Transport)
	keepAlives, limit := !program.DisableKeepAlives, program.MaxResponseHeaderBytes
	ours := NewTransport(0).(*http.Transport)
	if ours == program || !program.DisableKeepAlives != keepAlives || program.MaxResponseHeaderBytes != limit {
		t.Error("NewTransport(0) changed http.DefaultTransport")
	}
	if ours.DialContext == nil || ours.Proxy == nil || ours.TLSHandshakeTimeout == 0 {
		t.Error("NewTransport(0) lacks settings of http.DefaultTransport")
	}
}
