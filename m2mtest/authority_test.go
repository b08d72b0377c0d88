package m2mtest_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func newVerifier(t *testing.T, issuer verifier.Issuer) *verifier.Verifier {
	t.Helper()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestVerifierMeetsAuthority runs the main path: a client, a token and a
// decision, with RS256 as at Stytch, over HTTP.
func TestVerifierMeetsAuthority(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{Key: m2mtest.NewKey("RS256")})
	imported := call(t, a, "POST", clients, `{"client_id": "billing", "scopes": ["read:*"]}`).client(t)
	v := newVerifier(t, a.Issuer())
	id, secret := a.CreateClient("worker", "read:*")
	for id, secret := range map[string]string{id: secret, "billing": imported["client_secret"].(string)} {
		c, err := v.Verify(t.Context(), token(t, a, id, secret).body["access_token"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if c.ID != id || !c.Scopes.Grants("read:users") {
			t.Errorf("Verify = %q with %q, want %q with read:users", c.ID, c.Scopes, id)
		}
	}
	if _, err := v.Verify(t.Context(), a.Token(m2mtest.TokenSpec{Key: m2mtest.NewKey("RS256")})); !errors.Is(err, verifier.KeyUnknown) && !errors.Is(err, verifier.KeysUnavailable) {
		t.Errorf("Verify(a foreign key) = %v, want %v", err, verifier.KeyUnknown)
	}
	old := a.Token(m2mtest.TokenSpec{})
	first := a.Keys()[0]
	a.RotateKeys()
	for _, token := range []string{old, a.Token(m2mtest.TokenSpec{})} {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("Verify(after the rotation) = %v, want nil", err)
		}
	}
	a.RemoveKey(first)
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), old); !errors.Is(err, verifier.KeyRemoved) {
		t.Errorf("Verify(a removed key) = %v, want %v", err, verifier.KeyRemoved)
	}
}

func TestNoServer(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{NoServer: true})
	if got := a.URL(); got != "http://m2mtest.invalid" {
		t.Errorf("URL() = %q, want http://m2mtest.invalid", got)
	}
	v := newVerifier(t, a.Issuer())
	if _, err := v.Verify(t.Context(), a.Token(m2mtest.TokenSpec{})); err != nil {
		t.Error(err)
	}
	if a.KeyFetches() != 1 {
		t.Errorf("KeyFetches() = %d, want 1", a.KeyFetches())
	}
}

func TestOptions(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{NoServer: true, ProjectID: "project-live-1", Secret: "s"})
	if a.ProjectID() != "project-live-1" || a.Secret() != "s" {
		t.Errorf("ProjectID(), Secret() = %q, %q; want project-live-1, s", a.ProjectID(), a.Secret())
	}
	if id, _ := a.CreateClient("c"); !strings.HasPrefix(id, "m2m-client-live-") {
		t.Errorf("CreateClient = %q, want m2m-client-live-…", id)
	}
	b, c := newAuthority(t, m2mtest.Options{NoServer: true}), newAuthority(t, m2mtest.Options{NoServer: true})
	if b.ProjectID() == c.ProjectID() || b.Secret() == c.Secret() {
		t.Error("two authorities are alike")
	}
	wantPanic(t, "no project ID", func() { m2mtest.NewAuthority(&m2mtest.Options{ProjectID: "x"}) })
	wantPanic(t, "malformed", func() { a.CreateClient("c", "a b") })
}

// TestConcurrent is for the race detector.
func TestConcurrent(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{})
	id, secret := a.CreateClient("c", "a")
	jobs := []func(){
		func() { a.Token(m2mtest.TokenSpec{}) },
		func() { a.RemoveKey(a.RotateKeys()) },
		func() { a.FetchJWKS(t.Context()) },
		func() { a.Fail(m2mtest.Outage{Endpoints: m2mtest.ClientsEndpoint, Requests: 1}) },
		func() { a.Restore() },
		func() { token(t, a, id, secret) },
		func() { call(t, a, "PUT", clients+"/"+id, `{"trusted_metadata": {"k": 1}}`) },
		func() { call(t, a, "POST", clients+"/search", `{}`) },
		func() { call(t, a, "POST", clients, `{"client_id": "x", "scopes": []}`) },
		func() { a.Issuer() },
	}
	var wg sync.WaitGroup
	for _, job := range jobs {
		wg.Go(func() {
			for range 20 {
				job()
			}
		})
	}
	wg.Wait()
}

// TestAuthorityPrintsNoSecret checks every verb of fmt.
func TestAuthorityPrintsNoSecret(t *testing.T) {
	a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256"), ProjectID: "project-test-p", Secret: "secret"})
	defer a.Close()
	const want = "authority of project-test-p at http://m2mtest.invalid"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		if got := fmt.Sprintf(verb, a); got != want {
			t.Errorf("Sprintf(%q) = %s, want %s", verb, got, want)
		}
	}
}
