package shapes_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/shapes"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Test a service on Auth0 without Auth0: in a test, write m2mtest.TrustAs(t, issuer,
// shapes.Auth0, nil) instead of the first steps.
func Example() {
	issuer, err := issuers.Auth0("acme.eu.auth0.com", "https://api.example.com") // as in the service
	if err != nil {
		fmt.Println(err)
		return
	}
	authority := m2mtest.NewAuthority(&m2mtest.Options{Issuer: &issuer, Shape: shapes.Auth0, Key: m2mtest.NewKey("ES256")})
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()

	for _, spec := range []m2mtest.TokenSpec{
		{ClientID: "billing", Scopes: []string{"reports:read"}},
		{ClientID: "billing"},
		{ClientID: "billing", Claims: map[string]any{"sub": "auth0|ada"}}, // a person's
	} {
		_, err := v.Authorize(context.Background(), verifier.Request{Authorization: []string{"Bearer " + authority.Token(spec)}}, scopes.All("reports:read"))
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// m2mauth: insufficient_scope: scope_missing: granted no scopes, want all("reports:read")
	// m2mauth: invalid_token: not_machine: "sub" is not the client ID and "@clients"
}

// TestReports is how a handler of a service on GitHub Actions is tested.
func TestReports(t *testing.T) {
	issuer, err := issuers.GitHubActions("https://api.example.com", issuers.GitHubCaller{RepositoryID: "74", Scopes: scopes.Of("reports:read")})
	if err != nil {
		t.Fatal(err)
	}
	authority, v := m2mtest.TrustAs(t, issuer, shapes.GitHubActions, nil)
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	handler := guard.Require(scopes.All("reports:read"))(http.NotFoundHandler())
	for repository, want := range map[string]int{"74": 404, "75": 401} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{ClientID: repository}))
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != want {
			t.Errorf("status for repository %s = %d, want %d", repository, w.Code, want)
		}
	}
}
