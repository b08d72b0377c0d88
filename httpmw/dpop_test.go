package httpmw_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

func newProofGuard(t *testing.T, opts httpmw.Options) (*m2mtest.Authority, *httpmw.Middleware) {
	t.Helper()
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true})
	t.Cleanup(authority.Close)
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: []string{"ES256"}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}, DPoP: checker})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	m, err := httpmw.New(v, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return authority, m
}

// TestProofTarget calls a handler behind what changes the URL of a request: the
// proof names the URL that the client used.
func TestProofTarget(t *testing.T) {
	p := prooftest.New(t)
	for _, tt := range []struct {
		name, origin string
		wrap         func(http.Handler) http.Handler
		target, htu  string // as the service sees it, as the client calls it
		edit         func(*http.Request)
		want         int
	}{
		{name: "plain", origin: "https://a.example", target: "/orders", htu: "https://a.example/orders", want: 200},
		{name: "with a query", origin: "https://a.example", target: "/orders?q=/x", htu: "https://a.example/orders", want: 200},
		{name: "an escaped slash", origin: "https://a.example", target: "/a%2Fb", htu: "https://a.example/a%2fb", want: 200},
		{name: "an escaped slash that the proof decodes", origin: "https://a.example", target: "/a%2Fb", htu: "https://a.example/a/b", want: 401},
		{name: "absolute form", origin: "https://a.example", target: "http://other.example/orders", htu: "https://a.example/orders", want: 200},
		{name: "a proxy that removes a prefix", origin: "https://a.example/api", target: "/orders", htu: "https://a.example/api/orders", want: 200},
		{name: "the same, without the prefix in the proof", origin: "https://a.example/api", target: "/orders", htu: "https://a.example/orders", want: 401},
		{name: "a proxy that ends TLS", origin: "https://a.example", target: "/orders", htu: "http://a.example/orders", want: 401},
		{name: "StripPrefix", origin: "https://a.example", target: "/api/orders", htu: "https://a.example/api/orders", want: 200,
			wrap: func(h http.Handler) http.Handler { return http.StripPrefix("/api", h) }},
		{name: "StripPrefix, and the proof names the rest", origin: "https://a.example", target: "/api/orders", htu: "https://a.example/orders", want: 401,
			wrap: func(h http.Handler) http.Handler { return http.StripPrefix("/api", h) }},
		{name: "Host and forwarded headers of a thief", origin: "https://a.example", target: "/orders", htu: "https://evil.example/orders", want: 401,
			edit: func(r *http.Request) {
				r.Host = "evil.example"
				r.Header.Set("X-Forwarded-Host", "evil.example")
				r.Header.Set("Forwarded", "host=evil.example;proto=https")
			}},
	} {
		authority, m := newProofGuard(t, httpmw.Options{Origin: tt.origin})
		token := authority.Token(m2mtest.TokenSpec{Claims: map[string]any{"cnf": map[string]any{"jkt": p.Thumbprint()}}})
		h := m.Require(scopes.Authenticated())(named("x"))
		if tt.wrap != nil {
			h = tt.wrap(h)
		}
		r := httptest.NewRequest("GET", tt.target, nil)
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", p.Sign(t, p.Header(), prooftest.Claims("GET", tt.htu, token, time.Now())))
		if tt.edit != nil {
			tt.edit(r)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("GET %s, proof for %s (%s) = %d, want %d", tt.target, tt.htu, tt.name, w.Code, tt.want)
		}
	}
}

// TestProofMount: Mux.Mount changes the path of the request, not what a proof must
// name.
func TestProofMount(t *testing.T) {
	p := prooftest.New(t)
	authority, m := newProofGuard(t, httpmw.Options{Origin: "https://a.example"})
	inner := newMux(t, m)
	inner.Handle("GET /orders", scopes.Authenticated(), named("x"))
	outer := newMux(t, m)
	outer.Mount("/v1/", inner)
	token := authority.Token(m2mtest.TokenSpec{Claims: map[string]any{"cnf": map[string]any{"jkt": p.Thumbprint()}}})
	for htu, want := range map[string]int{"https://a.example/v1/orders": 200, "https://a.example/orders": 401} {
		r := httptest.NewRequest("GET", "/v1/orders", nil)
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", p.Sign(t, p.Header(), prooftest.Claims("GET", htu, token, time.Now())))
		w := httptest.NewRecorder()
		outer.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("GET /v1/orders, proof for %s = %d, want %d", htu, w.Code, want)
		}
	}
}

func TestProofMetadata(t *testing.T) {
	_, m := newProofGuard(t, httpmw.Options{Origin: "https://a.example", Resource: "https://a.example", ProofsRequired: true})
	meta, err := m.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	meta.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	const want = `"dpop_signing_alg_values_supported":["ES256"],"dpop_bound_access_tokens_required":true`
	if !strings.Contains(w.Body.String(), want) {
		t.Errorf("metadata = %s, want %s in it", w.Body, want)
	}
}

// TestProofsNeedOrigin: without an Origin, nothing can be compared with "htu".
func TestProofsNeedOrigin(t *testing.T) {
	checker, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true})
	defer authority.Close()
	for name, tt := range map[string]struct {
		checker *dpop.Checker
		opts    *httpmw.Options
		want    string
	}{
		"no options":                 {checker, nil, "Options.Origin is empty"},
		"no Origin":                  {checker, &httpmw.Options{}, "Options.Origin is empty"},
		"an Origin":                  {checker, &httpmw.Options{Origin: "https://a.example"}, ""},
		"required and not taken":     {nil, &httpmw.Options{ProofsRequired: true}, "Options.ProofsRequired is set"},
		"neither taken nor required": {nil, nil, ""},
	} {
		v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}, DPoP: tt.checker})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		_, err = httpmw.New(v, tt.opts)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New(%s) = %v, want %q", name, err, tt.want)
		}
	}
}

// TestProofOfNestedGuards: guards that a request passes one inside the other take its
// proof once together, and the next request needs a proof of its own.
func TestProofOfNestedGuards(t *testing.T) {
	p := prooftest.New(t)
	authority, m := newProofGuard(t, httpmw.Options{Origin: "https://a.example"})
	token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"read"}, Claims: map[string]any{"cnf": map[string]any{"jkt": p.Thumbprint()}}})
	for _, tt := range []struct {
		name string
		need scopes.Requirement // of the inner guard
		want []int              // of a request, and of a second one with the same proof
	}{
		{"the inner one is met", scopes.All("read"), []int{200, 401}},
		{"the inner one requires more", scopes.All("write"), []int{403, 401}},
	} {
		h := m.Require(scopes.Authenticated())(m.Require(tt.need)(named("x")))
		proof := p.Sign(t, p.Header(), prooftest.Claims("GET", "https://a.example/x", token, time.Now()))
		for i, want := range tt.want {
			r := httptest.NewRequest("GET", "/x", nil)
			r.Header.Set("Authorization", "DPoP "+token)
			r.Header.Set("DPoP", proof)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("GET, %s, request %d with the proof = %d, want %d", tt.name, i+1, w.Code, want)
			}
		}
	}
}
