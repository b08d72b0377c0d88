package discovery_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/issuers/discovery"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func TestIssuer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		issuer string // below the server
		path   string // where the metadata is
		asked  string // the requested paths, in this order
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
			iss, report, err := discovery.Issuer(t.Context(), name, s.options())
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

// TestVerify: a token is verified with the discovered keys, and the defaults
// refuse people.
func TestVerify(t *testing.T) {
	s, key := newSite(t), m2mtest.NewKey("ES256")
	s.serve(oidcPath, s.text(`{"issuer": "$", "jwks_uri": "$/keys"}`))
	s.serve("/keys", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{key.JWK()}})
	})
	iss, _, err := discovery.Issuer(t.Context(), s.URL, s.options())
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{iss}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: key})
	defer a.Close()
	token := func(subject string) string {
		return a.Token(m2mtest.TokenSpec{
			Issuer: s.URL, Audience: []string{api}, ClientID: "worker", Scopes: []string{"reports:read"},
			Claims: map[string]any{"sub": subject, "client_id": "worker"},
		})
	}
	client, err := v.Verify(t.Context(), token("worker"))
	if err != nil || client.ID != "worker" || client.Scopes.String() != "reports:read" {
		t.Errorf("Verify(a machine's) = %q with %q, %v, want worker with reports:read", client.ID, client.Scopes, err)
	}
	if _, err := v.Verify(t.Context(), token("ada")); !errors.Is(err, verifier.NotMachine) {
		t.Errorf("Verify(a person's) = %v, want %v", err, verifier.NotMachine)
	}
}

func TestReport(t *testing.T) {
	s := newSite(t)
	s.serve(oidcPath, s.text(`{"issuer": "$", "jwks_uri": "$/keys"}`))
	opts := s.options()
	_, report, err := discovery.Issuer(t.Context(), s.URL, opts)
	if err != nil || strings.Contains(report.String(), "\nAudiences: ") {
		t.Errorf("Issuer = %q, %v, want nothing about the audiences that were set", report, err)
	}
	opts.Audiences = nil
	iss, report, err := discovery.Issuer(t.Context(), s.URL, opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"Audiences", "Accept", "ClientIDClaims", "ScopeClaims", "TokenTypes", "Algorithms"} {
		if !strings.Contains(report.String(), "\n"+field+": ") {
			t.Errorf("Report = %q, want a line about %s", report, field)
		}
	}
	if _, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{iss}}); err == nil {
		t.Error("New accepts an issuer without audience")
	}
}

func TestRefusals(t *testing.T) {
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
		want discovery.Reason
	}{
		{"nothing there", "", status(404), discovery.Unreachable},
		{"an error", "", status(500), discovery.Unreachable},
		{"no content", "", status(204), discovery.Unreachable},
		{"301", "", redirect(301), discovery.Redirected},
		{"302", "", redirect(302), discovery.Redirected},
		{"307", "", redirect(307), discovery.Redirected},
		{"308", "", redirect(308), discovery.Redirected},
		{"a broken connection", "", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, discovery.Unreachable},

		{"another issuer", `{"issuer": "https://evil.example.com", "jwks_uri": "$/keys"}`, nil, discovery.IssuerMismatch},
		{"a slash more", `{"issuer": "$/", "jwks_uri": "$/keys"}`, nil, discovery.IssuerMismatch},
		{"in other letters", `{"issuer": "HTTPS://127.0.0.1", "jwks_uri": "$/keys"}`, nil, discovery.IssuerMismatch},
		{"a template", `{"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0", "jwks_uri": "$/keys"}`, nil, discovery.IssuerMismatch},
		{"no issuer", `{"jwks_uri": "$/keys"}`, nil, discovery.IssuerMismatch},
		{"an issuer that is null", `{"issuer": null, "jwks_uri": "$/keys"}`, nil, discovery.IssuerMismatch},
		{"in another spelling of the name", `{"Issuer": "$", "jwks_uri": "$/keys"}`, nil, discovery.IssuerMismatch},

		{"a page", `<html>`, nil, discovery.MalformedMetadata},
		{"empty", ` `, nil, discovery.MalformedMetadata},
		{"an array", `[{"issuer": "$", "jwks_uri": "$/keys"}]`, nil, discovery.MalformedMetadata},
		{"two issuers", `{"issuer": "$", "issuer": "$", "jwks_uri": "$/keys"}`, nil, discovery.MalformedMetadata},
		{"two issuers, one escaped", `{"issuer": "$", "\u0069ssuer": "$", "jwks_uri": "$/keys"}`, nil, discovery.MalformedMetadata},
		{"a duplicate further in", `{"issuer": "$", "jwks_uri": "$/keys", "x": [{"y": 1, "y": 2}]}`, nil, discovery.MalformedMetadata},
		{"something behind it", `{"issuer": "$", "jwks_uri": "$/keys"} {}`, nil, discovery.MalformedMetadata},
		{"invalid UTF-8", "{\"issuer\": \"$\", \"jwks_uri\": \"$/keys\", \"x\": \"\xff\"}", nil, discovery.MalformedMetadata},
		{"a lone surrogate", `{"issuer": "$", "jwks_uri": "$/keys", "x": "\ud800"}`, nil, discovery.MalformedMetadata},
		{"a list of issuers", `{"issuer": ["$"], "jwks_uri": "$/keys"}`, nil, discovery.MalformedMetadata},
		{"too long", `{"issuer": "$", "jwks_uri": "$/keys", "x": "` + strings.Repeat("x", 300<<10) + `"}`, nil, discovery.MalformedMetadata},
		{"too long, with spaces", `{"issuer": "$", "jwks_uri": "$/keys"}` + strings.Repeat(" ", 300<<10), nil, discovery.MalformedMetadata},
		{"too long, compressed", "", bomb, discovery.MalformedMetadata},
		{"deep", `{"issuer": "$", "jwks_uri": "$/keys", "x": ` + strings.Repeat("[", 100_000), nil, discovery.MalformedMetadata},
		{"no keys", `{"issuer": "$"}`, nil, discovery.MalformedMetadata},

		{"keys by http", `{"issuer": "$", "jwks_uri": "http://127.0.0.1/keys"}`, nil, discovery.MalformedURL},
		{"two URLs in one", `{"issuer": "$", "jwks_uri": "https://keys.example.comhttp://x"}`, nil, discovery.MalformedURL},
		{"keys in a file", `{"issuer": "$", "jwks_uri": "file:///etc/keys"}`, nil, discovery.MalformedURL},
		{"keys at a relative address", `{"issuer": "$", "jwks_uri": "/keys"}`, nil, discovery.MalformedURL},
		{"keys with credentials", `{"issuer": "$", "jwks_uri": "https://a:b@127.0.0.1/keys"}`, nil, discovery.MalformedURL},
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
			iss, _, err := discovery.Issuer(t.Context(), s.URL, s.options())
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
func wantOnly(t *testing.T, err error, want discovery.Reason) {
	t.Helper()
	all := []discovery.Reason{
		discovery.MalformedURL, discovery.Unreachable, discovery.PrivateAddress, discovery.Redirected, discovery.MalformedMetadata, discovery.IssuerMismatch,
	}
	for _, reason := range all {
		if errors.Is(err, reason) != (reason == want) {
			t.Errorf("error %v: is %s: %v", err, reason, reason != want)
		}
	}
	if e, ok := errors.AsType[*discovery.Error](err); !ok || e.Reason != want || e.URL == "" {
		t.Errorf("error %v is no DiscoveryError of %s", err, want)
	}
}

// bomb is 1 MiB, in 1 KiB.
func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	if _, err := z.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
		return // the client stopped reading
	}
	z.Close()
}

// TestBothLocations: if one location fails, the other can succeed.
func TestBothLocations(t *testing.T) {
	s := newSite(t)
	s.serve(oidcPath, s.text(`{"issuer": "https://evil.example.com", "jwks_uri": "https://evil.example.com/keys"}`))
	s.serve(oauthPath, s.text(`{"issuer": "$", "jwks_uri": "$/keys"}`))
	iss, report, err := discovery.Issuer(t.Context(), s.URL, s.options())
	if err != nil || iss.JWKSURL != s.URL+"/keys" || report.MetadataURL != s.URL+oauthPath {
		t.Errorf("keys %q by %q, error %v", iss.JWKSURL, report.MetadataURL, err)
	}
}

// TestPrivateAddresses: without AllowPrivate, no connection is made to this
// machine, by any name.
func TestPrivateAddresses(t *testing.T) {
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
			_, _, err := discovery.Issuer(t.Context(), "https://"+host+":"+port, opts)
			wantOnly(t, err, discovery.PrivateAddress)
		})
	}
	if n := s.connections.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}
