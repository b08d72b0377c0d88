package httpmw_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// newTrusting makes a Middleware whose verifier trusts issuers of the given
// names, the last ones aliases of the first. They have no keys.
func newTrusting(t *testing.T, opts *httpmw.Options, name string, more ...string) *httpmw.Middleware {
	t.Helper()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{{
		Name: name, Aliases: more, Audiences: []string{"api"},
		FetchJWKS: func(context.Context) ([]byte, error) { return nil, errors.New("no keys") },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	guard, err := httpmw.New(v, opts)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

func nothing(http.ResponseWriter, *http.Request) {}

// TestMetadata checks the document, its URL, and the challenges that name
// it.
func TestMetadata(t *testing.T) {
	for _, tt := range []struct{ resource, path string }{
		{"https://api.example.com", "/.well-known/oauth-protected-resource"},
		{"https://api.example.com/", "/.well-known/oauth-protected-resource"},
		{"https://api.example.com:8443/orders", "/.well-known/oauth-protected-resource/orders"},
		{"https://api.example.com/orders/v1/", "/.well-known/oauth-protected-resource/orders/v1/"},
		{"http://127.0.0.1:8080/orders", "/.well-known/oauth-protected-resource/orders"},
		{"http://[::1]:8080", "/.well-known/oauth-protected-resource"},
		{"http://localhost/azAZ09~", "/.well-known/oauth-protected-resource/azAZ09~"},
	} {
		t.Run(tt.resource, func(t *testing.T) {
			guard := newTrusting(t, &httpmw.Options{Resource: tt.resource}, "stytch.com/project-test-1", "https://login.example.com")
			mux := newMux(t, guard)
			mux.HandleFunc("GET /orders", scopes.All("read:orders"), nothing)
			mux.HandleFunc("POST /orders", scopes.Any("write:orders", "admin"), nothing)
			mux.HandleFunc("GET /me", scopes.Authenticated(), nothing)
			rpc := map[string]scopes.Requirement{"/orders.v1.Orders/List": scopes.All("read:orders", "audit")}
			meta, err := guard.Metadata(mux.Operations(), maps.All(rpc))
			if err != nil {
				t.Fatal(err)
			}
			mux.Handle(meta.Pattern(), scopes.Public(), meta)

			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest("GET", tt.path, nil))
			want := `{"resource":"` + tt.resource + `","authorization_servers":["https://login.example.com"],` +
				`"scopes_supported":["admin","audit","read:orders","write:orders"],"bearer_methods_supported":["header"]}`
			if w.Code != 200 || w.Body.String() != want {
				t.Errorf("%d %s, want %s", w.Code, w.Body, want)
			}
			if w.Header().Get("Content-Type") != "application/json" || !strings.Contains(w.Header().Get("Cache-Control"), "max-age") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("header %v", w.Header())
			}
			w = httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest("HEAD", tt.path, nil))
			if w.Code != 200 {
				t.Errorf("HEAD: %d", w.Code)
			}
			w = httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest("GET", strings.TrimSuffix(tt.path, "/")+"/below", nil))
			if w.Code != 404 {
				t.Errorf("below it: %d", w.Code)
			}

			r := httptest.NewRequest("GET", "/orders", nil)
			r.Host = "evil.example"
			r.Header.Set("X-Forwarded-Host", "evil.example")
			w = httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			challenge := `Bearer realm="api", scope="read:orders", resource_metadata="` + meta.URL() + `"`
			if got := w.Header().Get("WWW-Authenticate"); w.Code != 401 || got != challenge {
				t.Errorf("challenge %s, want %s", got, challenge)
			}
			if meta.URL() != origin(tt.resource)+tt.path {
				t.Errorf("URL %s", meta.URL())
			}
		})
	}
}

func TestMetadataNamesAnAuthorityOnLoopback(t *testing.T) {
	const want = `{"resource":"http://127.0.0.1:8080/mcp","authorization_servers":["http://127.0.0.1:8080"],"bearer_methods_supported":["header"]}`
	guard := newTrusting(t, &httpmw.Options{Resource: "http://127.0.0.1:8080/mcp"}, "http://127.0.0.1:8080")
	meta, err := guard.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	meta.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := w.Body.String(); got != want {
		t.Errorf("metadata = %s, want %s", got, want)
	}
}

// TestMetadataLeavesOut: empty members are left out. An issuer that is not
// an https URL is not an authorization server.
func TestMetadataLeavesOut(t *testing.T) {
	const want = `{"resource":"https://api.example.com","bearer_methods_supported":["header"]}`
	for _, issuer := range []string{
		"stytch.com/project-test-1", "http://auth.example.com", "http://127.0.0.1.example.com", "https://", "https:opaque",
		"https://user@auth.example.com", "https://auth.example.com/?q=1", "https://auth.example.com/#f", "\x7f",
	} {
		guard := newTrusting(t, &httpmw.Options{Resource: "https://api.example.com"}, issuer)
		meta, err := guard.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		meta.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Body.String() != want {
			t.Errorf("issuer %q: %s", issuer, w.Body)
		}
		w = httptest.NewRecorder()
		meta.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
		if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST: %d %v", w.Code, w.Header())
		}
	}
}

// TestResourceMistakes: New refuses a malformed resource identifier, and
// Metadata requires one.
func TestResourceMistakes(t *testing.T) {
	v := &verifier.Verifier{}
	for _, id := range []string{
		"http://api.example.com", "http://localhost.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1", "http://192.168.1.1", "http://[fd00::1]", "api.example.com", "/orders",
		"https://", "https:///orders", "https://:443", "https://api.example.com:", "https:api.example.com",
		"https://api.example.com?q", "https://api.example.com/?q=1", "https://api.example.com/#f", "https://api.example.com#",
		"https://user@api.example.com", "https://user:secret@api.example.com", "HTTPS://api.example.com", "https://API.example.com",
		"https://api.example.com/a/../b", "https://api.example.com/a//b", "https://api.example.com/%2e", "https://api.example.com/a b",
		`https://api.example.com/"`, `https://api.example.com/\`, "https://api.example.com/{id}", "https://api.example.com/\r\nX: y",
		"https://api.example.com/é", "ftp://api.example.com", "ftp://localhost", "ftp://127.0.0.1/orders", "javascript:alert(1)", " https://api.example.com",
	} {
		if m, err := httpmw.New(v, &httpmw.Options{Resource: id}); m != nil || err == nil || !strings.Contains(err.Error(), "Resource") {
			t.Errorf("%q: got %v, %v", id, m, err)
		}
	}
	for _, guard := range []*httpmw.Middleware{nil, {}} {
		if _, err := guard.Metadata(); err == nil || !strings.Contains(err.Error(), "Options.Resource is empty") {
			t.Errorf("Metadata() = %v, want an error", err)
		}
	}
	if _, err := newTrusting(t, nil, "i").Metadata(); err == nil || !strings.Contains(err.Error(), "Options.Resource is empty") {
		t.Errorf("without a resource: %v", err)
	}
}

// TestResourceInChallenges: every challenge names the metadata. A call that is
// refused as Unavailable gets no challenge.
func TestResourceInChallenges(t *testing.T) {
	guard, err := httpmw.New(new(verifier.Verifier), &httpmw.Options{Realm: "orders", Resource: "https://api.example.com/orders"})
	if err != nil {
		t.Fatal(err)
	}
	const meta = `, resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/orders"`
	for _, tt := range []struct {
		err  *verifier.Error
		want string
	}{
		{&verifier.Error{Code: verifier.NoCredentials}, `Bearer realm="orders"` + meta},
		{&verifier.Error{Code: verifier.InvalidRequest}, `Bearer realm="orders", error="invalid_request"` + meta},
		{&verifier.Error{Code: verifier.InvalidToken}, `Bearer realm="orders", error="invalid_token"` + meta},
		{&verifier.Error{Code: verifier.InsufficientScope, Need: scopes.All("a")},
			`Bearer realm="orders", error="insufficient_scope", scope="a"` + meta},
		{&verifier.Error{Code: verifier.Unavailable}, ""},
	} {
		w := httptest.NewRecorder()
		guard.WriteError(w, nil, tt.err)
		if got := w.Header().Get("WWW-Authenticate"); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
}

// origin is the URL up to its path.
func origin(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}
