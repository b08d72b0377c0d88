package issuers_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/verifier"
)

// site is an https server on loopback that serves what each path says.
type site struct {
	*httptest.Server
	connections atomic.Int32

	mu    sync.Mutex
	paths map[string]http.HandlerFunc
	asked []string
}

func newSite(t *testing.T) *site {
	s := &site{paths: make(map[string]http.HandlerFunc)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.Path)
		serve := s.paths[r.URL.Path]
		s.mu.Unlock()
		if serve == nil {
			http.NotFound(w, r)
			return
		}
		serve(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.Config.ErrorLog = log.New(&bytes.Buffer{}, "", 0) // failed handshakes are meant
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// text serves a document in which $ is the server's URL.
func (s *site) text(doc string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.ReplaceAll(doc, "$", s.URL))
	}
}

func (s *site) serve(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths[path] = h
}

func (s *site) options() *issuers.DiscoverOptions {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &issuers.DiscoverOptions{Audiences: []string{api}, RootCAs: roots, AllowPrivate: true}
}

const oidcPath, oauthPath = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"

func TestDiscover(t *testing.T) {
	for _, tt := range []struct {
		name   string
		issuer string // below the server
		path   string // where the metadata is
		asked  string // what is asked for, in this order
	}{
		{"OpenID Connect", "", oidcPath, oidcPath},
		{"OAuth", "", oauthPath, oidcPath + " " + oauthPath},
		{"a slash at the end", "/", oidcPath, oidcPath},
		{"OpenID Connect below a path", "/tenant/a", "/tenant/a" + oidcPath, "/tenant/a" + oidcPath},
		{"OAuth with a path inserted", "/tenant/a", oauthPath + "/tenant/a", "/tenant/a" + oidcPath + " " + oauthPath + "/tenant/a"},
		{"OAuth with a path and a slash", "/tenant/", oauthPath + "/tenant", "/tenant" + oidcPath + " " + oauthPath + "/tenant"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			name := s.URL + tt.issuer
			s.serve(tt.path, s.text(`{"issuer": "`+name+`", "jwks_uri": "$/keys", "scopes_supported": [], "x": {"y": [1, null]}}`))
			iss, report, err := issuers.Discover(t.Context(), name, s.options())
			if err != nil {
				t.Fatal(err)
			}
			if iss.Name != name || iss.JWKSURL != s.URL+"/keys" || len(iss.Audiences) != 1 || iss.Audiences[0] != api {
				t.Errorf("issuer %q, keys %q, audiences %q", iss.Name, iss.JWKSURL, iss.Audiences)
			}
			if report.MetadataURL != s.URL+tt.path {
				t.Errorf("metadata found at %q", report.MetadataURL)
			}
			if got := strings.Join(s.asked, " "); got != tt.asked {
				t.Errorf("asked for %s, want %s", got, tt.asked)
			}
		})
	}
}

// TestDiscoverToVerify: a token is verified by what was discovered, and the
// default keeps people out.
func TestDiscoverToVerify(t *testing.T) {
	s, k := newSite(t), testKeys()
	s.serve(oidcPath, s.text(`{"issuer": "$", "jwks_uri": "$/keys"}`))
	s.serve("/keys", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(object{"keys": []object{jwk(k.sign, []string{"use", "alg"}, nil)}})
	})
	iss, report, err := issuers.Discover(t.Context(), s.URL, s.options())
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{iss}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := v.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	machine := object{"iss": s.URL, "aud": api, "sub": "worker", "client_id": "worker", "scope": "reports:read"}
	client, err := v.Verify(t.Context(), mint(t, k.sign, nil, machine))
	if err != nil || client.ID != "worker" || client.Scopes.String() != "reports:read" {
		t.Errorf("client %q with %q, error %v", client.ID, client.Scopes, err)
	}
	_, err = v.Verify(t.Context(), mint(t, k.sign, nil, with(machine, object{"sub": "ada"})))
	if !errors.Is(err, verifier.NotMachine) {
		t.Errorf("a person: %v", err)
	}
	for _, u := range report.Untold {
		if u.Field == "Audiences" {
			t.Error("the audiences were given")
		}
	}
}

func TestDiscoverUntold(t *testing.T) {
	s := newSite(t)
	s.serve(oidcPath, s.text(`{"issuer": "$", "jwks_uri": "$/keys"}`))
	opts := s.options()
	opts.Audiences = nil
	iss, report, err := issuers.Discover(t.Context(), s.URL, opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"Audiences", "Accept", "ClientIDClaims", "ScopeClaims", "TokenTypes", "Algorithms"} {
		if !strings.Contains(report.String(), "\n"+field+": ") {
			t.Errorf("nothing about %s in %q", field, report)
		}
	}
	if _, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{iss}}); err == nil {
		t.Error("an issuer without audience")
	}
}

func TestDiscoverRefuses(t *testing.T) {
	redirect := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", code) }
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
	}
	for _, tt := range []struct {
		name string
		doc  string
		serv http.HandlerFunc // instead of doc
		want issuers.DiscoveryReason
	}{
		{"nothing there", "", status(404), issuers.Unreachable},
		{"an error", "", status(500), issuers.Unreachable},
		{"no content", "", status(204), issuers.Unreachable},
		{"301", "", redirect(301), issuers.Redirected},
		{"302", "", redirect(302), issuers.Redirected},
		{"307", "", redirect(307), issuers.Redirected},
		{"308", "", redirect(308), issuers.Redirected},
		{"a broken connection", "", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, issuers.Unreachable},

		{"another issuer", `{"issuer": "https://evil.example.com", "jwks_uri": "$/keys"}`, nil, issuers.IssuerMismatch},
		{"a slash more", `{"issuer": "$/", "jwks_uri": "$/keys"}`, nil, issuers.IssuerMismatch},
		{"in other letters", `{"issuer": "HTTPS://127.0.0.1", "jwks_uri": "$/keys"}`, nil, issuers.IssuerMismatch},
		{"a template", `{"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0", "jwks_uri": "$/keys"}`, nil, issuers.IssuerMismatch},
		{"no issuer", `{"jwks_uri": "$/keys"}`, nil, issuers.IssuerMismatch},
		{"an issuer that is null", `{"issuer": null, "jwks_uri": "$/keys"}`, nil, issuers.IssuerMismatch},
		{"in another spelling of the name", `{"Issuer": "$", "jwks_uri": "$/keys"}`, nil, issuers.IssuerMismatch},

		{"a page", `<html>`, nil, issuers.MalformedMetadata},
		{"empty", ` `, nil, issuers.MalformedMetadata},
		{"an array", `[{"issuer": "$", "jwks_uri": "$/keys"}]`, nil, issuers.MalformedMetadata},
		{"two issuers", `{"issuer": "$", "issuer": "$", "jwks_uri": "$/keys"}`, nil, issuers.MalformedMetadata},
		{"two issuers, one escaped", `{"issuer": "$", "\u0069ssuer": "$", "jwks_uri": "$/keys"}`, nil, issuers.MalformedMetadata},
		{"a duplicate further in", `{"issuer": "$", "jwks_uri": "$/keys", "x": [{"y": 1, "y": 2}]}`, nil, issuers.MalformedMetadata},
		{"something behind it", `{"issuer": "$", "jwks_uri": "$/keys"} {}`, nil, issuers.MalformedMetadata},
		{"invalid UTF-8", "{\"issuer\": \"$\", \"jwks_uri\": \"$/keys\", \"x\": \"\xff\"}", nil, issuers.MalformedMetadata},
		{"a lone surrogate", `{"issuer": "$", "jwks_uri": "$/keys", "x": "\ud800"}`, nil, issuers.MalformedMetadata},
		{"a list of issuers", `{"issuer": ["$"], "jwks_uri": "$/keys"}`, nil, issuers.MalformedMetadata},
		{"too long", `{"issuer": "$", "jwks_uri": "$/keys", "x": "` + strings.Repeat("x", 300<<10) + `"}`, nil, issuers.MalformedMetadata},
		{"too long, with spaces", `{"issuer": "$", "jwks_uri": "$/keys"}` + strings.Repeat(" ", 300<<10), nil, issuers.MalformedMetadata},
		{"too long, compressed", "", bomb, issuers.MalformedMetadata},
		{"deep", `{"issuer": "$", "jwks_uri": "$/keys", "x": ` + strings.Repeat("[", 100_000), nil, issuers.MalformedMetadata},
		{"no keys", `{"issuer": "$"}`, nil, issuers.MalformedMetadata},

		{"keys by http", `{"issuer": "$", "jwks_uri": "http://127.0.0.1/keys"}`, nil, issuers.MalformedURL},
		{"keys in a file", `{"issuer": "$", "jwks_uri": "file:///etc/keys"}`, nil, issuers.MalformedURL},
		{"keys at a relative address", `{"issuer": "$", "jwks_uri": "/keys"}`, nil, issuers.MalformedURL},
		{"keys with credentials", `{"issuer": "$", "jwks_uri": "https://a:b@127.0.0.1/keys"}`, nil, issuers.MalformedURL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			serve := tt.serv
			if serve == nil {
				serve = s.text(tt.doc)
			}
			s.serve(oidcPath, serve)
			s.serve(oauthPath, serve)
			s.serve("/elsewhere", s.text(`{"issuer": "$", "jwks_uri": "$/keys"}`))
			iss, _, err := issuers.Discover(t.Context(), s.URL, s.options())
			wantOnly(t, err, tt.want)
			if iss.Name != "" {
				t.Error("an issuer beside the error")
			}
			for _, path := range []string{oidcPath, oauthPath} {
				if !strings.Contains(err.Error(), s.URL+path) {
					t.Errorf("error %q does not name %s", err, path)
				}
			}
		})
	}
}

// wantOnly checks that err has this reason, in every attempt.
func wantOnly(t *testing.T, err error, want issuers.DiscoveryReason) {
	t.Helper()
	all := []issuers.DiscoveryReason{
		issuers.MalformedURL, issuers.Unreachable, issuers.PrivateAddress, issuers.Redirected, issuers.MalformedMetadata, issuers.IssuerMismatch,
	}
	for _, reason := range all {
		if errors.Is(err, reason) != (reason == want) {
			t.Errorf("error %v: is %s: %v", err, reason, reason != want)
		}
	}
	if e, ok := errors.AsType[*issuers.DiscoveryError](err); !ok || e.Reason != want || e.URL == "" {
		t.Errorf("error %v is no DiscoveryError of %s", err, want)
	}
}

// bomb is 4 MiB, in 4 KiB.
func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	for range 4 {
		if _, err := z.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
			return // the client has had enough
		}
	}
	z.Close()
}

// TestDiscoverTriesBoth: what one place gets wrong, the other may get right.
func TestDiscoverTriesBoth(t *testing.T) {
	s := newSite(t)
	s.serve(oidcPath, s.text(`{"issuer": "https://evil.example.com", "jwks_uri": "https://evil.example.com/keys"}`))
	s.serve(oauthPath, s.text(`{"issuer": "$", "jwks_uri": "$/keys"}`))
	iss, report, err := issuers.Discover(t.Context(), s.URL, s.options())
	if err != nil || iss.JWKSURL != s.URL+"/keys" || report.MetadataURL != s.URL+oauthPath {
		t.Errorf("keys %q by %q, error %v", iss.JWKSURL, report.MetadataURL, err)
	}
}

// TestDiscoverPrivate: without leave, no connection is made to this machine,
// by whatever name.
func TestDiscoverPrivate(t *testing.T) {
	s := newSite(t)
	s.serve(oidcPath, s.text(`{"issuer": "$", "jwks_uri": "$/keys"}`))
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::1]", "[::]"} {
		t.Run(host, func(t *testing.T) {
			opts := s.options()
			opts.AllowPrivate = false
			_, _, err := issuers.Discover(t.Context(), "https://"+host+":"+port, opts)
			wantOnly(t, err, issuers.PrivateAddress)
		})
	}
	if n := s.connections.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestDiscoverURL(t *testing.T) {
	for _, u := range []string{
		"", "auth.example.com", "http://auth.example.com", "http://127.0.0.1", "https://", "https:auth.example.com", "ftp://auth.example.com",
		"https://a@auth.example.com", "https://auth.example.com?x=1", "https://auth.example.com?", "https://auth.example.com#", "https://auth.example.com/#x",
		"https://auth.example.com/a/../b", "https://auth.example.com/%2e%2e/b", "https://auth.example.com/a%2Fb", "https://AUTH.example.com",
		"https://auth.example.com/ ", "https://auth.example.com/\n", "https://auth.example.com/ü",
	} {
		t.Run(u, func(t *testing.T) {
			_, _, err := issuers.Discover(t.Context(), u, nil)
			if u == "" {
				// A DiscoveryError without URL: there was none.
				if !errors.Is(err, issuers.MalformedURL) {
					t.Errorf("error %v", err)
				}
				return
			}
			wantOnly(t, err, issuers.MalformedURL)
		})
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestDiscoverTransport: one that is given makes all requests.
func TestDiscoverTransport(t *testing.T) {
	requests := 0
	own := transport(func(r *http.Request) (*http.Response, error) {
		requests++
		w := httptest.NewRecorder()
		fmt.Fprint(w, `{"issuer": "https://auth.example.com", "jwks_uri": "https://auth.example.com/keys"}`)
		return w.Result(), nil
	})
	opts := &issuers.DiscoverOptions{JWKS: verifier.JWKSOptions{Transport: own, MaxStale: time.Hour}}
	iss, _, err := issuers.Discover(t.Context(), "https://auth.example.com", opts)
	if err != nil || requests != 1 || iss.JWKS.Transport == nil || iss.JWKS.MaxStale != time.Hour {
		t.Errorf("%d requests, options %+v, error %v", requests, iss.JWKS, err)
	}
}

func TestDiscoverMistakes(t *testing.T) {
	_, _, err := issuers.Discover(t.Context(), "http://auth.example.com", &issuers.DiscoverOptions{
		AllowPrivate: true,
		JWKS: verifier.JWKSOptions{
			Transport: http.DefaultTransport, InsecureHTTP: true, FetchTimeout: time.Minute, MaxBytes: 1,
		},
	})
	for _, want := range []string{"is not https", "AllowPrivate", "InsecureHTTP", "FetchTimeout is 1m0s", "MaxBytes is 1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestDiscoverIsBounded(t *testing.T) {
	s, done := newSite(t), make(chan struct{})
	hang := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"issuer": "`)
		http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-done:
		}
		panic(http.ErrAbortHandler) // or the document would be complete in the end
	}
	s.serve(oidcPath, hang)
	s.serve(oauthPath, hang)
	t.Cleanup(func() { close(done) })
	opts := s.options()
	opts.JWKS.FetchTimeout = 250 * time.Millisecond
	_, _, err := issuers.Discover(t.Context(), s.URL, opts)
	wantOnly(t, err, issuers.Unreachable)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := issuers.Discover(ctx, s.URL, s.options()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestDiscoverCertificate(t *testing.T) {
	s := newSite(t)
	s.serve(oidcPath, s.text(`{"issuer": "$", "jwks_uri": "$/keys"}`))
	opts := s.options()
	opts.RootCAs = nil
	_, _, err := issuers.Discover(t.Context(), s.URL, opts)
	wantOnly(t, err, issuers.Unreachable)
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("error %v", err)
	}
}

func ExampleDiscover() {
	// An authority of the company's own, with a private CA.
	authority := httptest.NewUnstartedServer(nil)
	authority.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer": "https://%s/tenant", "jwks_uri": "https://%[1]s/keys"}`, r.Host)
	})
	authority.StartTLS()
	defer authority.Close()
	roots := x509.NewCertPool()
	roots.AddCert(authority.Certificate())

	issuer, report, err := issuers.Discover(context.Background(), authority.URL+"/tenant", &issuers.DiscoverOptions{
		Audiences:    []string{"https://api.example.com"},
		RootCAs:      roots,
		AllowPrivate: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.TrimPrefix(issuer.JWKSURL, authority.URL))
	for _, u := range report.Untold {
		fmt.Printf("%s: %s\n", u.Field, u.Holds)
	}
	// Output:
	// /keys
	// Accept: verifier.SubjectIsClient
	// ClientIDClaims: client_id
	// ScopeClaims: scope, then scp
	// TokenTypes: at+jwt and JWT
	// Algorithms: RS256, ES256 and EdDSA
}
