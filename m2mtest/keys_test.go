package m2mtest_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

func wantSame(t *testing.T, got, want map[string]any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestKeySet(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{Key: m2mtest.NewKey("RS256")})
	for _, url := range []string{
		a.Issuer().JWKSURL, a.URL() + "/.well-known/jwks.json", a.URL() + "/v1/b2b/sessions/jwks/" + a.ProjectID(),
	} {
		r := send(t, "GET", url, "", nil)
		if r.status != 200 || r.header.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("GET %s = %d, Cache-Control %q; want 200, public, max-age=300", url, r.status, r.header.Get("Cache-Control"))
		}
		wantMembers(t, r, "keys", "request_id", "status_code")
		keys := r.body["keys"].([]any)
		if len(keys) != 1 {
			t.Fatalf("len(keys) = %d, want 1", len(keys))
		}
		jwk := keys[0].(map[string]any)
		if kid := a.Keys()[0]; jwk["kid"] != kid || !strings.HasPrefix(kid, "jwk-test-") {
			t.Errorf("kid = %v, want %s", jwk["kid"], kid)
		}
		for name, want := range map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB", "key_ops": []any{"verify"}} {
			if !reflect.DeepEqual(jwk[name], want) {
				t.Errorf("%s = %v, want %v", name, jwk[name], want)
			}
		}
		der, err := base64.StdEncoding.DecodeString(jwk["x5c"].([]any)[0].(string))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x509.ParseCertificate(der); err != nil {
			t.Error(err)
		}
		if digest := sha256.Sum256(der); jwk["x5tS256"] != base64.RawURLEncoding.EncodeToString(digest[:]) {
			t.Errorf("x5tS256 = %v, want %x in base64url", jwk["x5tS256"], digest)
		}
		if len(jwk) != 9 {
			t.Errorf("the JWK = %v, want 9 members", jwk)
		}
	}
	if r := send(t, "HEAD", a.Issuer().JWKSURL, "", nil); r.status != 200 || r.text != "" {
		t.Errorf("HEAD = %d, %q; want 200 and no body", r.status, r.text)
	}
}

// TestKeyIDs: key IDs name the environment of the project.
func TestKeyIDs(t *testing.T) {
	for _, environment := range []string{"test", "live"} {
		a := m2mtest.NewAuthority(&m2mtest.Options{ProjectID: "project-" + environment + "-1", NoServer: true})
		a.RotateKeys()
		a.Close()
		if ids := a.Keys(); len(ids) != 2 || !strings.HasPrefix(ids[0], "jwk-"+environment+"-") || !strings.HasPrefix(ids[1], "jwk-"+environment+"-") {
			t.Errorf("Keys(%s) = %q, want jwk-%s-…", environment, ids, environment)
		}
	}
}

func TestKeySetETag(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	get := func(ifNoneMatch ...string) reply {
		t.Helper()
		return send(t, "GET", a.Issuer().JWKSURL, "", func(r *http.Request) { r.Header["If-None-Match"] = ifNoneMatch })
	}
	first := get()
	etag := first.header.Get("ETag")
	if !strings.HasPrefix(etag, `W/"`) {
		t.Fatalf("ETag = %q, want a weak one: the request_id differs every time", etag)
	}
	for _, tt := range []struct {
		name  string
		value []string
		want  int
	}{
		{"the same", []string{etag}, 304},
		{"without W/", []string{etag[2:]}, 304},
		{"in a list", []string{`"x", ` + etag}, 304},
		{"on two lines", []string{`"x"`, etag}, 304},
		{"any", []string{"*"}, 304},
		{"another", []string{`W/"x"`}, 200},
	} {
		r := get(tt.value...)
		if r.status != tt.want || r.header.Get("ETag") != etag || r.header.Get("Cache-Control") == "" || (r.text == "") != (tt.want == 304) {
			t.Errorf("GET(If-None-Match: %s) = %d, ETag %q, body %q; want %d", tt.name, r.status, r.header.Get("ETag"), r.text, tt.want)
		}
	}
	a.RotateKeys()
	if r := get(etag); r.status != 200 || r.header.Get("ETag") == etag {
		t.Errorf("GET(after a rotation) = %d, ETag %q; want 200 and a new one", r.status, r.header.Get("ETag"))
	}
	if got := a.KeyFetches(); got != 8 {
		t.Errorf("KeyFetches() = %d, want 8", got)
	}
}

func TestKeyRotation(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	first := a.Keys()[0]
	careful := m2mtest.NewKey("ES256")
	kid := func() any {
		t.Helper()
		header, _, _ := strings.Cut(a.Token(m2mtest.TokenSpec{}), ".")
		raw, err := base64.RawURLEncoding.DecodeString(header)
		if err != nil {
			t.Fatal(err)
		}
		var h map[string]any
		if err := json.Unmarshal(raw, &h); err != nil {
			t.Fatal(err)
		}
		return h["kid"]
	}
	want := func(signer string, published ...string) {
		t.Helper()
		if kid() != signer || !slices.Equal(a.Keys(), published) {
			t.Errorf("the authority signs with %v of %v, want %s of %v", kid(), a.Keys(), signer, published)
		}
	}
	want(first, first)
	a.PublishKey(careful)
	want(first, first, careful.ID)
	a.SignWith(careful.ID)
	want(careful.ID, first, careful.ID)
	abrupt := a.RotateKeys()
	want(abrupt, first, careful.ID, abrupt)
	a.RemoveKey(first)
	want(abrupt, careful.ID, abrupt)
	a.RemoveKey(abrupt)
	want(abrupt, careful.ID)

	wantPanic(t, "PublishKey first", func() { a.SignWith(first) })
	wantPanic(t, "Keys() lists them", func() { a.RemoveKey(first) })
}

func wantPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got, _ := recover().(string); !strings.Contains(got, text) {
			t.Errorf("recover() = %q, want %q in it", got, text)
		}
	}()
	f()
}
