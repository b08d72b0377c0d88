package proxies

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// world holds an authority and a policy that trusts it.
type world struct {
	authority *m2mtest.Authority
	policy    *httpmw.Mux
}

func newWorld(t *testing.T) *world {
	t.Helper()
	authority, v := m2mtest.Trust(t, nil)
	return &world{authority, policyOf(t, v)}
}

func policyOf(t *testing.T, v *verifier.Verifier) *httpmw.Mux {
	t.Helper()
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := newPolicy(guard)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

// closed returns a policy whose verifier is closed.
func (*world) closed(t *testing.T) *httpmw.Mux {
	_, v := m2mtest.Trust(t, nil)
	v.Close()
	return policyOf(t, v)
}

// call makes a call with a token of the given scopes.
func (w *world) call(proxy http.Handler, call string, scopes ...string) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(call, " ")
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Authorization", "Bearer "+w.authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-7", Scopes: scopes}))
	got := httptest.NewRecorder()
	proxy.ServeHTTP(got, r)
	return got
}

// service is the service after the proxy. It has no guard, and believes the header. It
// decodes and cleans paths, as one that serves files does.
var service = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	decoded, _ := url.PathUnescape(r.URL.Path)
	fmt.Fprintf(w, "%s %s for %s", r.Method, path.Clean(decoded), strings.Join(r.Header["X-Client-Id"], "+"))
})

// testProxy checks what the service and the caller receive. malformed is the status of
// a malformed credential.
func testProxy(t *testing.T, w *world, proxy http.Handler, malformed int) {
	good := "Bearer " + w.authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-7", Scopes: []string{"orders:read"}})
	for _, tt := range []struct {
		name, call string
		header     http.Header
		status     int
		want       string // the body, or the beginning of the challenge
	}{
		{"allowed", "GET /orders?x=1", http.Header{"Authorization": {good}}, 200, "GET /orders for m2m-client-test-7"},
		{"the client names itself", "GET /orders", http.Header{"Authorization": {good}, "X-Client-Id": {"admin"}}, 200, "GET /orders for m2m-client-test-7"},
		{"twice", "GET /orders", http.Header{"Authorization": {good}, "X-Client-Id": {"admin", "root"}}, 200, "GET /orders for m2m-client-test-7"},
		{"public", "GET /health", nil, 200, "GET /health for "},
		{"public, and names itself", "GET /health", http.Header{"X-Client-Id": {"admin"}}, 200, "GET /health for "},
		{"public, with an underscore", "GET /health", http.Header{"X_client_id": {"admin"}}, 200, "GET /health for "},
		{"no token", "GET /orders", nil, 401, `Bearer realm="api", scope="orders:read"`},
		{"another method in a header", "DELETE /orders/1", http.Header{"X-Original-Method": {"GET"}, "X-Original-Uri": {"/health"}}, 401, `Bearer realm="api", scope="orders:write"`},
		{"without the scope", "DELETE /orders/1", http.Header{"Authorization": {good}}, 403, `Bearer realm="api", error="insufficient_scope", scope="orders:write"`},
		{"not a token", "GET /orders", http.Header{"Authorization": {"Bearer x"}}, 401, `Bearer realm="api", error="invalid_token"`},
		{"malformed", "GET /orders", http.Header{"Authorization": {"Bearer a b"}}, malformed, `Bearer realm="api", error="invalid_request"`},
		{"no such operation", "POST /orders", http.Header{"Authorization": {good}}, 403, ""},
		{"no such route", "GET /nothing", http.Header{"Authorization": {good}}, 403, ""},
		{"an encoded slash", "GET /files/private%2Fkeys", nil, 403, ""},
		{"encoded twice", "GET /files/private%252Fkeys", nil, 403, ""},
		{"dot segments", "GET /files/..%2Forders", nil, 403, ""},
		{"public, encoded", "GET /files/a%20b", nil, 200, "GET /files/a b for "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method, target, _ := strings.Cut(tt.call, " ")
			r := httptest.NewRequest(method, target, nil)
			r.Header = tt.header.Clone()
			if r.Header == nil {
				r.Header = http.Header{}
			}
			got := httptest.NewRecorder()
			proxy.ServeHTTP(got, r)
			text := got.Body.String()
			if got.Code != 200 {
				text = got.Header().Get("WWW-Authenticate")
			}
			if got.Code != tt.status || text != tt.want {
				t.Errorf("%s = %d %q, want %d %q", tt.call, got.Code, text, tt.status, tt.want)
			}
		})
	}
}
