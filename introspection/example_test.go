package introspection_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/introspection"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/verifier"
)

// A service that accepts opaque tokens asks their authority about them. The Verifier
// remembers the answer: of two calls, one causes a question.
func Example() {
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _, _ := r.BasicAuth()
		fmt.Printf("%s asks %s\n", id, r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"active":true,"client_id":"billing","aud":"https://orders.example.com","scope":"orders:read"}`)
	}))
	defer authority.Close()

	issuer, err := introspection.Issuer(introspection.Config{
		Issuer:      "https://auth.example.com",
		Endpoint:    authority.URL + "/introspect",
		Credentials: tokensource.Secret("orders", "a secret from a file, in production"),
		Audiences:   []string{"https://orders.example.com"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	guard, err := httpmw.New(v, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := guard.Require(scopes.All("orders:read"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Printf("%s reads orders\n", client.ID)
	}))

	for range 2 {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer 2YotnFZFEjr1zCsicMWpAA")
		orders.ServeHTTP(httptest.NewRecorder(), r)
	}
	// Output:
	// orders asks /introspect
	// billing reads orders
	// billing reads orders
}

// In tests, a function stands in for the authority. Everything else is as in
// production: the issuer's rules apply to its answers.
func ExampleIssuer_inTests() {
	issuer, err := introspection.Issuer(introspection.Config{
		Issuer:      "https://auth.example.com",
		Endpoint:    "https://auth.example.com/introspect",
		Credentials: tokensource.Secret("orders", "not used"),
		Audiences:   []string{"https://orders.example.com"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer.Introspect = func(_ context.Context, token string) ([]byte, error) {
		switch token {
		case "billing-reads":
			return []byte(`{"active":true,"client_id":"billing","aud":"https://orders.example.com","scope":"orders:read"}`), nil
		case "outage":
			return nil, errors.New("the authority is down")
		}
		return []byte(`{"active":false}`), nil
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	for _, token := range []string{"billing-reads", "2YotnFZFEjr1", "outage"} {
		client, err := v.Verify(context.Background(), token)
		fmt.Printf("%s: %q %v\n", token, client.ID, err)
	}
	// Output:
	// billing-reads: "billing" <nil>
	// 2YotnFZFEjr1: "" m2mauth: invalid_token: inactive: the authority reports "active": false: the token is unknown to it, expired or revoked
	// outage: "" m2mauth: unavailable: introspection_unavailable: the authority is down
}
