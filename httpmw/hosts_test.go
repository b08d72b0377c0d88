package httpmw_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/m2mauth/m2mauth/scopes"
)

// TestMuxHosts asks for the guarded host of a Mux in every spelling.
func TestMuxHosts(t *testing.T) {
	_, guard := newGuard(t, nil)
	var seen string
	x := newMux(t, guard)
	see := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Host })
	x.Handle("/", scopes.Public(), see)
	x.Handle("Admin.example.com./", scopes.All("admin"), see)
	x.Handle("www.example.com/", scopes.Public(), see)
	x.Handle("[2001:DB8::1]/", scopes.All("admin"), see)
	x.Handle("CONNECT admin.example.com/tunnel", scopes.All("admin"), see)
	x.Handle("CONNECT /tunnel", scopes.Public(), see)
	for _, tt := range []struct {
		method, host, target string
		want                 int
		seen                 string
	}{
		{"GET", "admin.example.com", "", 401, ""},
		{"GET", "ADMIN.example.com", "", 401, ""},
		{"GET", "admin.example.com.", "", 401, ""},
		{"GET", "admin.example.com:443", "", 401, ""},
		{"GET", "Admin.Example.COM.:443", "", 401, ""},
		{"GET", "admin.example.com:", "", 401, ""},
		{"GET", "admin.example.com..", "", 400, ""},
		{"GET", "admin.example.com:1:2", "", 400, ""},
		{"GET", "admin.example.com/", "", 400, ""},
		{"GET", "admin%2eexample.com", "", 400, ""},
		{"GET", "admin.example.com\u3002", "", 400, ""},
		{"GET", "admin.example.com ", "", 400, ""},
		{"GET", "x@admin.example.com", "", 400, ""},
		{"GET", "admin.example.com,www.example.com", "", 400, ""},
		{"GET", "[2001:db8::1]", "", 401, ""},
		{"GET", "[2001:db8::1]:443", "", 401, ""},
		{"GET", "[2001:DB8::1]:443", "", 401, ""},
		{"GET", "[2001:db8::1", "", 400, ""},
		{"GET", "[2001:db8::1]x", "", 400, ""},
		{"GET", "[2001:db8::2]:443", "", 200, "2001:db8::2"},
		{"GET", "", "", 200, ""},
		{"GET", "www.example.com:8080", "", 200, "www.example.com:8080"},
		{"GET", "WWW.example.com:8080", "", 200, "www.example.com"},
		{"GET", "other.example.com", "", 200, "other.example.com"},
		{"GET", "www.example.com", "admin.example.com", 400, ""}, // as HTTP/2 can carry it
		{"GET", "www.example.com", "WWW.example.com:80", 200, "www.example.com"},
		{"CONNECT", "admin.example.com:443", "", 401, ""},
		{"CONNECT", "ADMIN.example.com:443", "", 401, ""},
		{"CONNECT", "www.example.com:443", "", 200, "www.example.com"},
	} {
		seen = ""
		w := httptest.NewRecorder()
		u := &url.URL{Path: "/tunnel", Host: tt.target}
		x.ServeHTTP(w, &http.Request{Method: tt.method, URL: u, Host: tt.host, Header: http.Header{}})
		if w.Code != tt.want || seen != tt.seen {
			t.Errorf("%s, Host: %q, target %q = %d, the handler saw %q; want %d, %q", tt.method, tt.host, tt.target, w.Code, seen, tt.want, tt.seen)
		}
	}
}
