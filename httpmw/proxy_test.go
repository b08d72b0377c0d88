package httpmw_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
)

// proxied is a service behind a reverse proxy that ends TLS.
type proxied struct {
	proxy, service *httptest.Server
	signer         *dpop.Signer
	token          string
}

// newProxied returns a service whose Origin is the URL of the proxy and prefix. route
// returns the handler of the proxy, for the address of the service. wrap changes the
// service.
func newProxied(t *testing.T, prefix string, route func(service *url.URL) http.Handler, wrap func(*httpmw.Middleware) http.Handler) proxied {
	t.Helper()
	var routed http.Handler // set before the first call
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { routed.ServeHTTP(w, r) }))
	proxy.EnableHTTP2 = true
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	signer, err := dpop.NewSigner(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	authority, m := newProofGuard(t, httpmw.Options{Origin: proxy.URL + prefix})
	service := httptest.NewServer(wrap(m))
	t.Cleanup(service.Close)
	address, err := url.Parse(service.URL)
	if err != nil {
		t.Fatal(err)
	}
	routed = route(address)
	token := authority.Token(m2mtest.TokenSpec{Claims: map[string]any{"cnf": map[string]any{"jkt": signer.Key().Thumbprint()}}})
	return proxied{proxy, service, signer, token}
}

// request returns a GET with a proof for the URL of the proxy that the client calls.
func (p proxied) request(t *testing.T, target string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", p.proxy.URL+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := p.signer.Key().Proof(dpop.Request{Method: r.Method, URL: r.URL, Token: p.token})
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "DPoP "+p.token)
	r.Header.Set("DPoP", proof)
	return r
}

// send returns the status and the body of the response.
func (p proxied) send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	res, err := p.proxy.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// guardAll guards every path of the service by one handler.
func guardAll(m *httpmw.Middleware) http.Handler {
	return m.Require(scopes.Authenticated())(named("x"))
}

// forward sends requests on, with the Host of the service.
func forward(to *url.URL) http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
	}}
}

// TestProofThroughProxies calls services behind real proxies that end TLS. The client
// signs the URL that it calls.
func TestProofThroughProxies(t *testing.T) {
	keepsHost := func(to *url.URL) http.Handler {
		return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
		}}
	}
	strips := func(to *url.URL) http.Handler { return http.StripPrefix("/api", forward(to)) }
	adds := func(to *url.URL) http.Handler {
		return forward(&url.URL{Scheme: to.Scheme, Host: to.Host, Path: "/internal"})
	}
	decodes := func(to *url.URL) http.Handler {
		return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.URL.RawPath = ""
		}}
	}
	mounted := func(m *httpmw.Middleware) http.Handler {
		inner, outer := newMux(t, m), newMux(t, m)
		inner.Handle("GET /orders", scopes.Authenticated(), named("x"))
		outer.Mount("/v1/", inner)
		return outer
	}
	stripped := func(m *httpmw.Middleware) http.Handler { return http.StripPrefix("/v1", guardAll(m)) }
	for _, tt := range []struct {
		name, prefix string
		route        func(*url.URL) http.Handler
		wrap         func(*httpmw.Middleware) http.Handler
		target       string // as the client calls it
		want         int
	}{
		{"the Host of the service", "", forward, guardAll, "/orders?q=/x", 200},
		{"the Host of the proxy", "", keepsHost, guardAll, "/orders", 200},
		{"no path", "", forward, guardAll, "", 200},
		{"an escaped slash", "", forward, guardAll, "/a%2Fb", 200},
		{"an escaped letter", "", forward, guardAll, "/%61%7e", 200},
		{"a space and an umlaut", "", forward, guardAll, "/a%20%C3%A4", 200},
		{"a prefix that the proxy removes", "/api", strips, guardAll, "/api/orders", 200},
		{"the same, an escaped slash", "/api", strips, guardAll, "/api/a%2Fb", 200},
		{"the same, and the Origin has no prefix", "", strips, guardAll, "/api/orders", 401},
		{"the Origin has a prefix that the proxy passes on", "/api", forward, guardAll, "/api/orders", 401},
		{"a prefix that the proxy adds", "", adds, guardAll, "/orders", 401},
		{"a proxy that decodes the path", "", decodes, guardAll, "/a%2Fb", 401},
		{"Mount", "", forward, mounted, "/v1/orders", 200},
		{"Mount, and a prefix that the proxy removes", "/api", strips, mounted, "/api/v1/orders", 200},
		{"StripPrefix", "", forward, stripped, "/v1/orders", 200},
		{"StripPrefix, and a prefix that the proxy removes", "/api", strips, stripped, "/api/v1/a%2Fb", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProxied(t, tt.prefix, tt.route, tt.wrap)
			if status, body := p.send(t, p.request(t, tt.target)); status != tt.want {
				t.Errorf("GET %s = %d %s, want %d", tt.target, status, body, tt.want)
			}
		})
	}
}

// TestProofStolenAtAProxy: what a proxy saw is of no use again, neither through the
// proxy, nor at the service, nor with the Host of the service.
func TestProofStolenAtAProxy(t *testing.T) {
	p := newProxied(t, "", forward, guardAll)
	used := p.request(t, "/orders")
	if status, body := p.send(t, used); status != http.StatusOK {
		t.Fatalf("GET /orders = %d %s, want 200", status, body)
	}
	again := used.Clone(t.Context())
	direct := used.Clone(t.Context())
	direct.URL.Scheme, direct.URL.Host, direct.Host = "http", p.service.Listener.Addr().String(), ""
	elsewhere := p.request(t, "/orders")
	elsewhere.URL.Path = "/admin"
	for name, r := range map[string]*http.Request{"through the proxy": again, "at the service": direct, "for another path": elsewhere} {
		if status, body := p.send(t, r); status != http.StatusUnauthorized {
			t.Errorf("GET with a stolen proof %s = %d %s, want 401", name, status, body)
		}
	}
}
