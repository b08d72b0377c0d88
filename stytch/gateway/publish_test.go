package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

func get(h http.Handler, method string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/keys", nil)
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func newKeySet(t *testing.T, transport http.RoundTripper) http.Handler {
	t.Helper()
	h, err := gateway.NewKeySet(stytchtest.Project, &gateway.KeySetOptions{BaseURL: "http://localhost", Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func kids(t *testing.T, w *httptest.ResponseRecorder) []string {
	t.Helper()
	var set map[string][]map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil || w.Code != 200 || len(set) != 1 {
		t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	var ids []string
	for _, key := range set["keys"] {
		ids = append(ids, key["kid"].(string))
	}
	return ids
}

func TestKeySetHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true, ProjectID: stytchtest.Project})
		d := &stytchtest.Transport{Handler: a}
		h := newKeySet(t, d)

		w := get(h, "GET", nil)
		if got := kids(t, w); !reflect.DeepEqual(got, a.Keys()) {
			t.Errorf("keys %q, want %q", got, a.Keys())
		}
		if ct, cc := w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"); ct != "application/jwk-set+json" || cc != "public, max-age=300" {
			t.Errorf("Content-Type %q, Cache-Control %q", ct, cc)
		}
		etag := w.Header().Get("ETag")
		pass(4 * time.Minute)
		if w := get(h, "GET", http.Header{"If-None-Match": {etag}}); w.Code != 304 || w.Header().Get("Cache-Control") != "public, max-age=60" {
			t.Errorf("status %d, %q", w.Code, w.Header())
		}
		if w := get(h, "HEAD", nil); w.Code != 200 || w.Body.Len() != 0 {
			t.Errorf("HEAD: status %d, %d bytes", w.Code, w.Body.Len())
		}
		if w := get(h, "POST", nil); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST: status %d", w.Code)
		}
		if d.Count() != 1 {
			t.Errorf("%d fetches, want 1", d.Count())
		}

		a.RotateKeys()
		pass(time.Minute)
		w = get(h, "GET", http.Header{"If-None-Match": {etag}})
		if got := kids(t, w); len(got) != 2 || w.Header().Get("ETag") == etag {
			t.Errorf("after a rotation: %q", got)
		}
	})
}

func TestKeySetHandlerOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true, ProjectID: stytchtest.Project})
		d := &stytchtest.Transport{Handler: a}
		h := newKeySet(t, d)
		a.Fail(m2mtest.Outage{Body: "hush"})
		for range 10 {
			if w := get(h, "GET", nil); w.Code != 503 || w.Header().Get("Retry-After") != "5" || strings.Contains(w.Body.String(), "hush") {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		}
		if d.Count() != 1 {
			t.Errorf("%d fetches, want 1 in 5 s", d.Count())
		}
		a.Restore()
		pass(5 * time.Second)
		kids(t, get(h, "GET", nil))

		a.Fail(m2mtest.Outage{})
		pass(23 * time.Hour)
		if w := get(h, "GET", nil); len(kids(t, w)) != 1 || w.Header().Get("Cache-Control") != "public, max-age=0" {
			t.Errorf("the copy does not serve: %q", w.Header())
		}
		pass(time.Hour)
		if w := get(h, "GET", nil); w.Code != 503 {
			t.Errorf("a copy of a day ago: status %d", w.Code)
		}
	})
}

// TestKeySetHandlerOneFetch checks that requests wait for the first fetch, and for no
// later one.
func TestKeySetHandlerOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true, ProjectID: stytchtest.Project})
		d := &stytchtest.Transport{Handler: a}
		h := newKeySet(t, d)
		a.Fail(m2mtest.Outage{Hang: true})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if w := get(h, "GET", nil); w.Code != 200 {
					t.Errorf("status %d", w.Code)
				}
			})
		}
		synctest.Wait()
		a.Restore()
		wg.Wait()
		if d.Count() != 1 {
			t.Errorf("%d fetches, want 1", d.Count())
		}
		pass(5 * time.Minute)
		a.Fail(m2mtest.Outage{Hang: true})
		wg.Go(func() { get(h, "GET", nil) })
		synctest.Wait()
		kids(t, get(h, "GET", nil)) // at once
		a.Restore()
		wg.Wait()
	})
}

// TestKeySetHandlerCallerLeaves checks that a fetch continues if the client that
// started it disconnects.
func TestKeySetHandlerCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true, ProjectID: stytchtest.Project})
		d := &stytchtest.Transport{Handler: a}
		h := newKeySet(t, d)
		a.Fail(m2mtest.Outage{Hang: true})
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/keys", nil))
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		a.Restore()
		wg.Wait()
		kids(t, get(h, "GET", nil))
		if d.Count() != 1 {
			t.Errorf("%d fetches, want 1", d.Count())
		}
	})
}

func TestKeySetHandlerDocuments(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		want      []string // nil: unusable
	}{
		{"private keys", `{"keys":[{"kid":"a"},{"kid":"b","d":"x"},{"kid":"c","kty":"oct","k":"x"}],"request_id":"r"}`, []string{"a"}},
		{"a private key of RFC 9964", `{"keys":[{"kid":"a"},{"kid":"b","kty":"AKP","priv":"x"}]}`, []string{"a"}},
		{"private keys alone", `{"keys":[{"kid":"b","d":"x"}]}`, nil},
		{"no keys", `{"keys":[]}`, nil},
		{"no array", `{"keys":{}}`, nil},
		{"no JSON", `<html>`, nil},
		{"a duplicate member", `{"keys":[{"kid":"a","kid":"b"}]}`, nil},
		{"too long", `{"keys":[{"kid":"a"}]}` + strings.Repeat(" ", 1<<20), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newKeySet(t, &stytchtest.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Write([]byte(tt.doc))
			})})
			w := get(h, "GET", nil)
			if tt.want == nil {
				if w.Code != 503 {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
				return
			}
			if got := kids(t, w); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestKeySetHandlerMistakes(t *testing.T) {
	h, err := gateway.NewKeySet("x", &gateway.KeySetOptions{
		BaseURL: "http://example.com", Timeout: -1, MaxAge: time.Hour, MaxStale: time.Minute,
	})
	for _, want := range []string{"no project ID", "BaseURL", "Timeout", "longer"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if h != nil {
		t.Error("a handler beside the error")
	}
}

func TestMetadataHandler(t *testing.T) {
	h, err := gateway.Metadata{
		Issuer: "https://login.example.com", TokenEndpoint: "https://login.example.com/oauth2/token",
		KeySet: "https://login.example.com/jwks.json", Scopes: []string{"read:reports"},
		AuthorizationEndpoint: "https://login.example.com/none",
	}.Handler()
	if err != nil {
		t.Fatal(err)
	}
	w := get(h, "GET", nil)
	var doc map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if want := map[string]any{
		"issuer": "https://login.example.com", "token_endpoint": "https://login.example.com/oauth2/token",
		"jwks_uri": "https://login.example.com/jwks.json", "scopes_supported": []any{"read:reports"},
		"authorization_endpoint": "https://login.example.com/none", "code_challenge_methods_supported": []any{"S256"},
		"response_types_supported": []any{}, "grant_types_supported": []any{"client_credentials"},
		"token_endpoint_auth_methods_supported": []any{"client_secret_basic", "client_secret_post"},
	}; !reflect.DeepEqual(doc, want) {
		t.Errorf("%v, want %v", doc, want)
	}
	if w.Header().Get("Content-Type") != "application/json" {
		t.Error("not JSON")
	}
	if w := get(h, "POST", nil); w.Code != 405 {
		t.Errorf("POST: status %d", w.Code)
	}

	_, err = gateway.Metadata{
		Issuer: "https://login.example.com/tenant", KeySet: "http://login.example.com/", Scopes: []string{"a b"},
		AuthorizationEndpoint: "http://login.example.com/",
	}.Handler()
	for _, want := range []string{"Issuer", "TokenEndpoint is empty", "KeySet", "AuthorizationEndpoint", "Scopes"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
}
