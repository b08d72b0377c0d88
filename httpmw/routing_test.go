package httpmw_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
)

const host = "Host: example.com"

// TestMuxRefusesWhatServeMuxLetsThrough requests a guarded path in every
// spelling, without a token. The handler of a public subtree must never see
// a path that leads out of it.
func TestMuxRefusesWhatServeMuxLetsThrough(t *testing.T) {
	_, guard := newGuard(t, nil)
	s := doortest.NewSite()
	x := newMux(t, guard)
	x.Handle("/public/", scopes.Public(), s.Handler("public"))
	x.Handle("/admin", scopes.All("admin"), s.Handler("admin"))
	x.Handle("GET /get", scopes.All("admin"), s.Handler("get"))
	x.Handle("/tree/", scopes.All("admin"), s.Handler("tree"))
	x.Handle("intern.example.com/only", scopes.All("admin"), s.Handler("intern"))
	s.Serve(t, x)

	for _, tt := range []struct {
		line    string
		status  int
		reached string
	}{
		{"GET /public/x", 200, "public /public/x"},
		{"GET /public/.x", 200, "public /public/.x"},
		{"GET /public/x..y", 200, "public /public/x..y"},
		{"GET /public/...", 200, "public /public/..."},
		{"GET /admin", 401, ""},

		// Dot segments, as they stand and encoded.
		{"GET /public/%2e%2e/admin", 400, ""},
		{"GET /public/%2E./admin", 400, ""},
		{"GET /public/.%2e/admin", 400, ""},
		{"GET /public/..%2Fadmin", 400, ""},
		{"GET /public/..%2fadmin", 400, ""},
		{"GET /public%2f..%2fadmin", 400, ""},
		{"GET /public/../admin", 400, ""},
		{"GET /public/./admin", 400, ""},
		{"GET /public/%2e/admin", 400, ""},
		{"GET /public/x/..", 400, ""},
		{"GET /public/x/%2e%2e", 400, ""},
		{`GET /public/%5c..%5cadmin`, 400, ""},
		{`GET /public/..%5cadmin`, 400, ""},
		{`GET /public\..\admin`, 400, ""},
		{"GET /../admin", 400, ""},
		{"GET /./admin", 400, ""},
		{"GET /admin/.", 400, ""},
		{"GET /admin/..", 400, ""},
		{"GET /public/%252e%252e/admin", 400, ""}, // a server after the handler may decode again
		{"GET /public/%c0%ae%c0%ae/admin", 400, ""},

		// Slashes.
		{"GET //admin", 307, ""},
		{"GET //example.com/admin", 307, ""},
		{"GET ///admin", 307, ""},
		{"GET /public//admin", 307, ""},
		{"GET /public/%2fadmin", 200, "public /public//admin"}, // within its subtree
		{"GET /admin/", 404, ""},
		{"GET /tree", 307, ""},
		{"GET /tree/x", 401, ""},
		{"GET /tree//x", 307, ""},
		{"GET /tree%2fx", 404, ""},
		{"GET /%61dmin", 401, ""},
		{"GET /admin%2f", 404, ""},
		{"GET %2fadmin", 400, ""},

		// What other servers cut off a path.
		{"GET /admin;x=1", 404, ""},
		{"GET /admin;/../public/x", 400, ""},
		{"GET /public/..;/admin", 400, ""},
		{"GET /admin.", 404, ""},
		{"GET /admin%20", 404, ""},
		{"GET /admin%00", 404, ""},
		{"GET /admin%0a", 404, ""},
		{"GET /admin%3f", 404, ""},
		{"GET /admin%23", 404, ""},
		{"GET /admin?x=/public/", 401, ""},
		{"GET /ADMIN", 404, ""},
		{"GET /admin.json", 404, ""},
		{"GET /admin\u200b", 404, ""},

		// Forms of the request target (RFC 9112 §3.2).
		{"GET http://example.com/admin", 401, ""},
		{"GET http://public.example.com/admin", 401, ""},
		{"GET http://example.com/public/../admin", 400, ""},
		{"GET http://example.com//admin", 307, ""},
		{"GET http:///admin", 401, ""},
		{"GET http:/admin", 401, ""},
		{"GET http://example.com", 307, ""},
		{"GET http:admin", 307, ""}, // an opaque target has no path
		{"GET example.com/admin", 400, ""},
		{"GET admin", 400, ""},
		{"GET *", 400, ""},
		{"OPTIONS *", 200, ""}, // by net/http itself
		{"CONNECT /public/../admin", 405, ""},
		{"CONNECT /admin", 405, ""},
		{"CONNECT example.com:443", 405, ""},
		{"CONNECT http://example.com/admin", 405, ""},

		// Methods.
		{"get /admin", 401, ""},
		{"POST /admin", 401, ""},
		{"OPTIONS /admin", 401, ""},
		{"HEAD /admin", 401, ""},
		{"TRACE /admin", 401, ""},
		{"PRI /admin", 401, ""},
		{"X /admin", 401, ""},
		{"GET /get", 401, ""},
		{"HEAD /get", 401, ""}, // a pattern of GET answers it
		{"get /get", 405, ""},
		{"POST /get", 405, ""},
		{"OPTIONS /get", 405, ""},
		{"GET\t /admin", 400, ""},
		{"G\x00ET /admin", 400, ""},
		{"GET  /admin", 400, ""},
		{" GET /admin", 400, ""},
		{"(GET) /admin", 400, ""},
	} {
		t.Run(tt.line, func(t *testing.T) {
			status, reached := s.Ask(t, doortest.Raw(tt.line+" HTTP/1.1", host))
			if status != tt.status || reached != tt.reached {
				t.Errorf("%d, reached %q; want %d, %q", status, reached, tt.status, tt.reached)
			}
		})
	}
}

// TestRawHeaders: a request with two hosts or two credentials is refused.
func TestRawHeaders(t *testing.T) {
	authority, guard := newGuard(t, nil)
	s := doortest.NewSite()
	x := newMux(t, guard)
	x.Handle("/public/", scopes.Public(), s.Handler("public"))
	x.Handle("/admin", scopes.Authenticated(), s.Handler("admin"))
	x.Handle("intern.example.com/admin", scopes.All("intern"), s.Handler("intern"))
	s.Serve(t, x)
	token := authority.Token(m2mtest.TokenSpec{})
	bearer := "Authorization: Bearer " + token

	for _, tt := range []struct {
		name    string
		line    string
		headers []string
		status  int
		reached string
	}{
		{"control", "GET /admin", []string{host, bearer}, 200, "admin /admin"},
		{"a name in any case", "GET /admin", []string{host, "aUTHORIZATION: Bearer " + token}, 200, "admin /admin"},
		{"twice in two cases", "GET /admin", []string{host, bearer, "authorization: Bearer x"}, 400, ""},
		{"an empty one beside it", "GET /admin", []string{host, "authorization:", bearer}, 400, ""},
		{"on two lines", "GET /admin", []string{host, "Authorization: Bearer", " " + token}, 200, "admin /admin"}, // RFC 9112 §5.2: as if by a space
		{"a second value on a folded line", "GET /admin", []string{host, bearer, " Bearer " + token}, 400, ""},
		{"a space before the colon", "GET /admin", []string{host, "Authorization : Bearer " + token}, 400, ""},
		{"a name with an underscore", "GET /admin", []string{host, "Authorization_: Bearer " + token}, 401, ""},
		{"a name that begins with a line feed", "GET /admin", []string{host, "X: y\n" + bearer}, 200, "admin /admin"},
		{"a bare carriage return", "GET /admin", []string{host, "X: y\r" + bearer}, 400, ""},
		{"in a trailer", "GET /admin", []string{host, "Transfer-Encoding: chunked", "Trailer: Authorization", "", "0", bearer}, 401, ""},
		{"before the headers", "GET /admin", []string{" Authorization: Bearer x", host}, 400, ""},
		{"before the headers, long", "GET /admin", []string{" " + bearer, host}, longFirstLine, ""},

		{"no host", "GET /admin", []string{bearer}, 400, ""},
		{"two hosts", "GET /admin", []string{host, "Host: intern.example.com"}, 400, ""},
		{"a host with a path", "GET /admin", []string{"Host: example.com/public"}, 400, ""},
		{"a host with a user", "GET /admin", []string{"Host: public@intern.example.com", bearer}, 400, ""},
		{"the host of another route", "GET /admin", []string{"Host: intern.example.com", bearer}, 403, ""},
		{"with a port", "GET /admin", []string{"Host: intern.example.com:8080", bearer}, 403, ""},
		{"with a trailing dot", "GET /admin", []string{"Host: intern.example.com.", bearer}, 403, ""},
		{"with a trailing dot and a port", "GET /admin", []string{"Host: intern.example.com.:80", bearer}, 403, ""},
		{"with an empty port", "GET /admin", []string{"Host: intern.example.com:", bearer}, 403, ""},
		{"in upper case", "GET /admin", []string{"Host: INTERN.example.com", bearer}, 403, ""},
		{"in upper case, as a target", "GET http://INTERN.example.com./admin", []string{host, bearer}, 403, ""},
		{"with two trailing dots", "GET /admin", []string{"Host: intern.example.com..", bearer}, 400, ""},
		{"with two ports", "GET /admin", []string{"Host: intern.example.com:80:80", bearer}, 400, ""},
		{"encoded", "GET /admin", []string{"Host: %69ntern.example.com", bearer}, 400, ""},
		{"an absolute target decides", "GET http://intern.example.com/admin", []string{host, bearer}, 403, ""},
		{"and the header does not", "GET http://example.com/admin", []string{"Host: intern.example.com", bearer}, 200, "admin /admin"},
		{"X-Forwarded-Host", "GET /admin", []string{"Host: intern.example.com", "X-Forwarded-Host: example.com", bearer}, 403, ""},

		// What some servers take for the path, or the method: CVE-2023-27487 and its kind.
		{"X-Original-URL", "GET /admin", []string{host, "X-Original-URL: /public/x"}, 401, ""},
		{"X-Rewrite-URL", "GET /admin", []string{host, "X-Rewrite-URL: /public/x"}, 401, ""},
		{"X-Envoy-Original-Path", "GET /admin", []string{host, "X-Envoy-Original-Path: /public/x"}, 401, ""},
		{"X-Forwarded-Uri", "GET /admin", []string{host, "X-Forwarded-Uri: /public/x", "X-Forwarded-Prefix: /public"}, 401, ""},
		{"X-Original-URL on a public one", "GET /public/x", []string{host, "X-Original-URL: /admin"}, 200, "public /public/x"},
		{"a method override", "POST /admin", []string{host, "X-HTTP-Method-Override: OPTIONS", "X-Method-Override: OPTIONS"}, 401, ""},
		{"a preflight", "OPTIONS /admin", []string{host, "Origin: https://example.com", "Access-Control-Request-Method: GET"}, 401, ""},
		{"an upgrade", "GET /admin", []string{host, "Upgrade: websocket", "Sec-WebSocket-Protocol: bearer, " + token}, 401, ""},
		{"a hop-by-hop token", "GET /admin", []string{host, "Connection: Authorization", bearer}, 200, "admin /admin"},
		{"an internal request", "GET /admin", []string{host, "X-Forwarded-For: 127.0.0.1", "X-Middleware-Subrequest: middleware"}, 401, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, reached := s.Ask(t, doortest.Raw(tt.line+" HTTP/1.1", tt.headers...))
			if status != tt.status || reached != tt.reached {
				t.Errorf("%d, reached %q; want %d, %q", status, reached, tt.status, tt.reached)
			}
		})
	}
	t.Run("HTTP/1.0 without a host", func(t *testing.T) {
		if status, reached := s.Ask(t, doortest.Raw("GET /admin HTTP/1.0")); status != 401 || reached != "" {
			t.Errorf("%d, reached %q; want 401", status, reached)
		}
	})
	t.Run("HTTP/0.9", func(t *testing.T) {
		// The connection may end before the answer is read.
		if status, reached := s.Ask(t, doortest.Raw("GET /admin")); status != 400 && status != 0 || reached != "" {
			t.Errorf("%d, reached %q; want 400 or nothing", status, reached)
		}
	})
}

// TestMuxHTTP2 sends requests that HTTP/1.1 cannot express.
func TestMuxHTTP2(t *testing.T) {
	authority, guard := newGuard(t, nil)
	s := doortest.NewSite()
	x := newMux(t, guard)
	x.Handle("/public/", scopes.Public(), s.Handler("public"))
	x.Handle("/admin", scopes.Authenticated(), s.Handler("admin"))
	s.Serve(t, x)
	token := "Bearer " + authority.Token(m2mtest.TokenSpec{})
	for _, tt := range []struct {
		name    string
		fields  string // name=value, between spaces
		status  int    // 0: the stream was reset
		reached string
	}{
		{"control", ":method=GET :scheme=http :authority=a :path=/admin authorization=TOKEN", 200, "admin /admin"},
		{"no token", ":method=GET :scheme=http :authority=a :path=/admin", 401, ""},
		{"dot segments", ":method=GET :scheme=http :authority=a :path=/public/../admin", 400, ""},
		{"encoded", ":method=GET :scheme=http :authority=a :path=/public/%2e%2e/admin", 400, ""},
		{"CONNECT with a path", ":method=CONNECT :scheme=http :authority=a :path=/public/../admin", 0, ""},
		{"CONNECT", ":method=CONNECT :authority=a", 405, ""},
		{"extended CONNECT", ":method=CONNECT :protocol=websocket :scheme=http :authority=a :path=/admin", 0, ""},
		{"no leading slash", ":method=GET :scheme=http :authority=a :path=admin", 0, ""},
		{"an absolute path", ":method=GET :scheme=http :authority=a :path=http://a/admin", absolutePath, ""},
		{"an absolute path to a public one", ":method=GET :scheme=http :authority=a :path=http://a/public/../admin", absolutePublic, ""},
		{"no path", ":method=GET :scheme=http :authority=a", 0, ""},
		{"an empty path", ":method=GET :scheme=http :authority=a :path=", 0, ""},
		{"two paths", ":method=GET :scheme=http :authority=a :path=/public/x :path=/admin", 0, ""},
		{"a path behind the fields", ":method=GET :scheme=http :authority=a x=y :path=/admin", 0, ""},
		{"another scheme", ":method=GET :scheme=file :authority=a :path=/admin", 0, ""},
		{"two tokens", ":method=GET :scheme=http :authority=a :path=/admin authorization=TOKEN authorization=TOKEN", 400, ""},
		{"a name in upper case", ":method=GET :scheme=http :authority=a :path=/admin Authorization=TOKEN", 0, ""},
		{"a token in a pseudo-field", ":method=GET :scheme=http :authority=a :path=/admin :authorization=TOKEN", 0, ""},
		{"HTTP/1.1's fields", ":method=GET :scheme=http :authority=a :path=/admin connection=authorization authorization=TOKEN", 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var fields []doortest.Field
			for field := range strings.FieldsSeq(tt.fields) {
				name, value, _ := strings.Cut(field, "=")
				fields = append(fields, doortest.Field{Name: name, Value: strings.Replace(value, "TOKEN", token, 1)})
			}
			status, reached := s.Ask(t, func(conn net.Conn) (*http.Response, error) { return doortest.HTTP2(conn, fields, nil) })
			if status != tt.status || reached != tt.reached {
				t.Errorf("%d, reached %q; want %d, %q", status, reached, tt.status, tt.reached)
			}
		})
	}
}

// TestCatchAll: if only GET of a path is guarded, its other methods go to
// the catch-all route, as CheckCoverage reports, and nowhere else.
func TestCatchAll(t *testing.T) {
	_, guard := newGuard(t, nil)
	s := doortest.NewSite()
	x := newMux(t, guard)
	x.Handle("GET /admin", scopes.All("admin"), s.Handler("admin"))
	x.Handle("/", scopes.Public(), s.Handler("rest"))
	s.Serve(t, x)
	if err := x.CheckCoverage(); err == nil || !strings.Contains(err.Error(), "GET /admin") {
		t.Errorf("CheckCoverage: %v", err)
	}
	for line, want := range map[string]string{
		"GET /admin": "401 ", "HEAD /admin": "401 ",
		"get /admin": "400 ", "POST /admin": "200 rest /admin", "OPTIONS /admin": "200 rest /admin",
		"GET /x/%2e%2e/admin": "400 ", "POST //admin": "307 ", "CONNECT /admin": "405 ",
	} {
		if status, reached := s.Ask(t, doortest.Raw(line+" HTTP/1.1", host)); fmt.Sprint(status, " ", reached) != want {
			t.Errorf("%s: %d %s, want %s", line, status, reached, want)
		}
	}
}

// TestMuxConnectIfRegistered: a pattern that names CONNECT accepts it.
func TestMuxConnectIfRegistered(t *testing.T) {
	_, guard := newGuard(t, nil)
	s := doortest.NewSite()
	x := newMux(t, guard)
	x.Handle("CONNECT /tunnel", scopes.Public(), s.Handler("tunnel"))
	x.Handle("/admin", scopes.All("admin"), s.Handler("admin"))
	s.Serve(t, x)
	for line, want := range map[string]string{
		"CONNECT /tunnel": "200 tunnel /tunnel", "CONNECT /admin": "401 ", "CONNECT /tunnel/../admin": "400 ",
	} {
		if status, reached := s.Ask(t, doortest.Raw(line+" HTTP/1.1", host)); fmt.Sprint(status, " ", reached) != want {
			t.Errorf("%s: %d %s, want %s", line, status, reached, want)
		}
	}
}

// TestMuxAnswersAreNotStored: a cache that stored an answer would send it to
// other callers.
func TestMuxAnswersAreNotStored(t *testing.T) {
	_, guard := newGuard(t, nil)
	x := newMux(t, guard)
	for _, r := range []*http.Request{
		{Method: "CONNECT", URL: &url.URL{Path: "/"}, Header: http.Header{}},
		{Method: "GET", URL: &url.URL{Path: "/public/../admin"}, Header: http.Header{}},
	} {
		w := httptest.NewRecorder()
		x.ServeHTTP(w, r)
		if got := w.Header().Get("Cache-Control"); got != "no-store" || w.Code != 400 && w.Code != 405 {
			t.Errorf("%s %s: %d, Cache-Control %q", r.Method, r.URL, w.Code, got)
		}
	}
}
